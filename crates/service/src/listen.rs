//! Listening: a stream of changes for the targets that its client adds and removes.

use model::{DatabaseName, Principal, Status};

use crate::Service;
use crate::authorise::{Access, authorise};

pub use watch::{Bloom, ChangedDocument, ListenEvent, Resume, Target, TargetChange, TargetKind};

/// One client's stream. Dropping it ends it.
pub struct ListenStream {
    database: DatabaseName,
    stream: watch::ListenStream,
}

impl Service {
    /// Opens a stream without targets for `principal`.
    ///
    /// # Errors
    /// NOT_FOUND for a database that does not exist.
    pub fn listen(&self, _principal: &Principal, database: &DatabaseName) -> Result<ListenStream, Status> {
        let stream = self.hubs.open(database)?;
        Ok(ListenStream { database: database.clone(), stream })
    }
}

impl ListenStream {
    /// Adds a target. What is wrong with the target alone is told as an event.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for ids that no client uses: the stream ends.
    pub fn add_target(&mut self, mut target: Target) -> Result<(), Status> {
        if let Err(refusal) = self.authorise(&target.what) {
            target.what = TargetKind::Refused(refusal);
        }
        self.stream.add_target(target)
    }

    fn authorise(&self, what: &TargetKind) -> Result<(), Status> {
        match what {
            TargetKind::Query(query) => {
                let collection_id = query.from.collection_id.as_deref();
                authorise(&self.database, &Access::List { parent: &query.parent, collection_id })
            }
            TargetKind::Documents(paths) => authorise(&self.database, &Access::Get(paths)),
            TargetKind::Refused(_) => Ok(()),
        }
    }

    /// Removes a target, which is answered in any case.
    ///
    /// # Errors
    /// None yet; an error would end the stream.
    pub fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        self.stream.remove_target(id)
    }

    /// True when [`ListenStream::next`] would answer at once: a client that takes nothing holds it up.
    pub fn is_waiting(&self) -> bool {
        self.stream.is_waiting()
    }

    /// The next event; pends while there is none. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// What ends the stream.
    pub async fn next(&mut self) -> Result<ListenEvent, Status> {
        self.stream.next().await
    }
}
