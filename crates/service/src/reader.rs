//! Reading at the moment that a request asks for, in as many steps as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use database::{Database, Mode, ReadAt, TransactionMode, View};
use model::{Status, Timestamp};

/// When to read, for operations that may begin a transaction with their read.
#[derive(Clone, Debug, PartialEq)]
pub enum Consistency {
    At(ReadAt),
    NewTransaction(TransactionMode),
}

impl From<ReadAt> for Consistency {
    fn from(at: ReadAt) -> Self {
        Consistency::At(at)
    }
}

/// All its steps see the same state. Dropped, it stops those that are still under way on other
/// threads: the deadline has passed, or the client has gone.
pub(crate) struct Reader {
    database: Arc<Database>,
    moment: Moment,
    dropped: Arc<AtomicBool>,
}

enum Moment {
    Fixed(View),
    /// The transaction keeps the moment, and notes what is read.
    Transaction(ReadAt),
}

impl Reader {
    /// Finds the moment; begins a transaction when asked, and answers its token.
    pub(crate) fn open(
        database: Arc<Database>,
        consistency: Consistency,
    ) -> Result<(Self, Option<Bytes>), Status> {
        let (at, begun) = match consistency {
            Consistency::At(at) => (at, None),
            Consistency::NewTransaction(mode) => {
                let token = database.begin(&mode)?;
                (ReadAt::Transaction(token.clone()), Some(token))
            }
        };
        let dropped = Arc::<AtomicBool>::default();
        let fixed = |view: View| Moment::Fixed(view.cancelled_by(dropped.clone()));
        let moment = match at {
            ReadAt::Now => fixed(database.view()),
            ReadAt::Time(time) => fixed(database.view_at(time)?),
            ReadAt::Transaction(_) => Moment::Transaction(at),
        };
        Ok((Reader { database, moment, dropped }, begun))
    }

    /// One step. In a transaction `read` may run more than once, so it must depend on the view alone.
    pub(crate) async fn read<T>(
        &self,
        read: impl Fn(&View) -> Result<T, Status>,
    ) -> Result<(T, Timestamp), Status> {
        match &self.moment {
            Moment::Fixed(view) => Ok((read(view)?, view.read_time())),
            Moment::Transaction(at) => self.database.read(at, read).await,
        }
    }

    /// Whether documents or entities are read.
    pub(crate) fn mode(&self) -> Mode {
        self.database.mode()
    }

    /// The view, unless a transaction has to note what is read through it.
    pub(crate) fn view(&self) -> Option<&View> {
        match &self.moment {
            Moment::Fixed(view) => Some(view),
            Moment::Transaction(_) => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use database::{ByteRange, NameSource, Options, Store};
    use host::{Host, ManualClock};
    use model::query::Direction;
    use model::write::{Operation, Precondition, Write};
    use model::{Code, DatabaseName, DocumentPath, Fields, Parent};
    use storage::memory::MemoryEngine;

    use super::*;

    #[tokio::test]
    async fn a_scan_that_nobody_waits_for_any_more_stops_where_it_is() {
        let host = Host::simulated(Arc::new(ManualClock::at(1)), 1);
        let store = Store::open(Arc::new(MemoryEngine::new()), host, Options::default()).unwrap();
        let database = store.database(&DatabaseName::new("p", "d")).unwrap();
        let write = |id: u32| Write {
            path: DocumentPath::new(&format!("c/{id}")).unwrap(),
            operation: Operation::Set { fields: Fields::new(), mask: None, transforms: Vec::new() },
            precondition: Precondition::None,
        };
        database.commit((0..10).map(write).collect(), None).await.unwrap();
        let (reader, _) = Reader::open(database, ReadAt::Now.into()).unwrap();
        let view = reader.view().unwrap().clone();
        let source = NameSource::Kindless { parent: Parent::Root };
        let mut documents = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
        assert!(documents.next().unwrap().is_some());
        drop(reader);
        assert_eq!(documents.next().unwrap_err().code, Code::Cancelled);
        assert!(view.reads().documents <= 2, "{:?}", view.reads());
        let one = DocumentPath::new("c/1").unwrap();
        assert_eq!(view.get(&one).unwrap_err().code, Code::Cancelled, "nor are more read by name");
    }
}
