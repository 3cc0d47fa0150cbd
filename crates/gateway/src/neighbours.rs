//! The standard services beside those of the databases: health and reflection.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::{Request, Response};
use bytes::Bytes;
use futures::FutureExt;
use http_body::{Body as HttpBody, Frame};
use tonic::body::Body;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder;
use tower::util::BoxCloneSyncService;
use wire::methods::Api;

use crate::grpc::status;
use crate::quotas::Share;

/// A question for the health names a service. It counts for nobody, so it must be small.
const QUESTION_BYTES: usize = 1024;

type GrpcService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// See the module.
pub(crate) struct Neighbours {
    pub(crate) health: GrpcService,
    pub(crate) reflection: GrpcService,
    pub(crate) old_reflection: GrpcService,
    reporter: HealthReporter,
}

impl Neighbours {
    pub(crate) fn new() -> Self {
        let reporter = HealthReporter::new();
        for api in Api::ALL {
            reporter
                .set_service_status(api.service(), ServingStatus::Serving)
                .now_or_never()
                .expect("nobody else has the new reporter, so nothing is to be waited for");
        }
        let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()))
            .max_decoding_message_size(QUESTION_BYTES);
        let builder = || {
            Builder::configure()
                .register_file_descriptor_set(wire::schema::files())
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let why = "the descriptors are our own and do not change";
        Neighbours {
            health: BoxCloneSyncService::new(health),
            reflection: BoxCloneSyncService::new(builder().build_v1().expect(why)),
            old_reflection: BoxCloneSyncService::new(builder().build_v1alpha().expect(why)),
            reporter,
        }
    }

    /// Tells those who watch the health that the server is going away.
    pub(crate) async fn stopping(&self) {
        for service in ["", Api::Firestore.service(), Api::Datastore.service()] {
            self.reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    }
}

/// An answer that counts while it goes on: what asks over and over on one call asks as often as who calls anew.
pub(crate) struct Counted {
    body: Body,
    share: Share,
    /// The part of the answer that is to come was counted when the call began.
    is_first: bool,
    over: bool,
}

impl Counted {
    /// An answer for whom `share` was counted when he called.
    pub(crate) fn new(body: Body, share: Share) -> Self {
        Counted { body, share, is_first: true, over: false }
    }

    fn is_paid_for(&mut self) -> Result<(), model::Status> {
        if std::mem::take(&mut self.is_first) { Ok(()) } else { self.share.request() }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => Some(Ok(match self.is_paid_for() {
                Ok(()) => frame,
                Err(refusal) => {
                    self.over = true;
                    Frame::trailers(status::trailers(&refusal))
                }
            })),
            Some(Ok(_) | Err(_)) | None => frame,
        })
    }
}
