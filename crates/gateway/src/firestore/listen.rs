//! Listen: the targets that a client adds and removes, and what becomes of them.

use std::sync::Arc;

use model::{DatabaseName, Principal, Status};
use service::{ListenEvent, ListenStream, Service};
use wire::firestore::ListenRequest;
use wire::firestore::listen_request::TargetChange;

use crate::audit::Record;
use crate::conversation::check_same_database;
use crate::from_proto::target;
use crate::grpc::frames::Shared;
use crate::splice::Splicer;
use crate::to_proto;

/// A Listen stream; how it is used stands at [`crate::conversation::Conversation`].
pub(crate) enum Listening {
    /// Nothing has been asked yet.
    New(Arc<Service>, Principal),
    Open(Box<Open>),
    /// The client has said that it asks for nothing more.
    Closed,
}

/// See [`Listening::Open`].
pub(crate) struct Open {
    database: DatabaseName,
    splicer: Splicer,
    stream: ListenStream,
}

impl Listening {
    /// A stream that waits for its first request.
    pub(crate) fn new(service: Arc<Service>, principal: Principal) -> Self {
        Listening::New(service, principal)
    }

    /// Takes a request.
    pub(crate) fn receive(&mut self, message: &[u8]) -> Result<(), Status> {
        // Read from a slice, so that what is kept of a request is a copy: a target may live for hours.
        let request: ListenRequest = super::read(message)?;
        let open = match self {
            Listening::Open(open) => open,
            Listening::New(service, principal) => {
                let opened = Open::new(service, principal, &request)?;
                *self = Listening::Open(Box::new(opened));
                let Listening::Open(open) = self else { unreachable!("it was opened above") };
                open
            }
            Listening::Closed => return Ok(()),
        };
        open.receive(request)
    }

    /// Ends the stream: who listens for good leaves his side open.
    pub(crate) fn half_close(&mut self) {
        *self = Listening::Closed;
    }

    /// The next message. A target that is refused is told to `record`.
    pub(crate) async fn answer(&mut self, record: Option<&Record>) -> Result<Option<Shared>, Status> {
        match self {
            Listening::New(..) => std::future::pending().await,
            Listening::Open(open) => {
                let event = open.stream.next().await?;
                if let (ListenEvent::Targets { cause: Some(refusal), .. }, Some(record)) = (&event, record) {
                    record.refused(refusal);
                }
                Ok(Some(to_proto::listen::response(&open.splicer, event)))
            }
            Listening::Closed => Ok(None),
        }
    }
}

impl Open {
    fn new(service: &Service, principal: &Principal, request: &ListenRequest) -> Result<Self, Status> {
        if request.database.is_empty() {
            return Err(Status::invalid_argument("'database' must be set on an initial listen request."));
        }
        let database = DatabaseName::parse(&request.database)?;
        let stream = service.listen(principal, &database)?;
        Ok(Open { splicer: Splicer::new(&database), database, stream })
    }

    fn receive(&mut self, request: ListenRequest) -> Result<(), Status> {
        check_same_database(&self.database, &request.database)?;
        match request.target_change {
            Some(TargetChange::AddTarget(target)) => {
                self.stream.add_target(target::target(&self.database, target))
            }
            Some(TargetChange::RemoveTarget(id)) => self.stream.remove_target(id),
            None => Ok(()),
        }
    }
}
