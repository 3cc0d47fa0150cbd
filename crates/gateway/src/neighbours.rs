//! The standard services beside those of the databases: health and reflection.

use std::convert::Infallible;

use ::http::{Request, Response};
use futures::FutureExt;
use tonic::body::Body;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder;
use tower::util::BoxCloneSyncService;
use wire::methods::Api;

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
        let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
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
