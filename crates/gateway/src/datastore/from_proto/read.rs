//! Transactions, and the moments that reads choose.

use bytes::Bytes;
use model::{Status, Timestamp};
use service::{Concurrency, EntityMoment, ReadAt, TransactionMode};
use wire::datastore::read_options::{ConsistencyType, ReadConsistency};
use wire::datastore::transaction_options::Mode;
use wire::datastore::{ReadOptions, TransactionOptions};

/// When a read reads.
pub(crate) fn moment(options: Option<ReadOptions>) -> Result<EntityMoment, Status> {
    Ok(match options.and_then(|options| options.consistency_type) {
        None => ReadAt::Now.into(),
        Some(ConsistencyType::ReadConsistency(consistency)) => match ReadConsistency::try_from(consistency) {
            Ok(ReadConsistency::Strong) => ReadAt::Now.into(),
            Ok(ReadConsistency::Eventual) => EntityMoment::Eventual,
            Ok(ReadConsistency::Unspecified) | Err(_) => {
                return Err(Status::invalid_argument("ReadConsistency must be specified."));
            }
        },
        Some(ConsistencyType::Transaction(token)) => ReadAt::Transaction(self::token(token)?).into(),
        Some(ConsistencyType::NewTransaction(options)) => EntityMoment::NewTransaction(mode(Some(options))?),
        Some(ConsistencyType::ReadTime(stamp)) => ReadAt::Time(read_time(stamp)?).into(),
    })
}

/// What kind of transaction to begin; one that may write when nothing is said.
pub(crate) fn mode(options: Option<TransactionOptions>) -> Result<TransactionMode, Status> {
    Ok(match options.and_then(|options| options.mode) {
        Some(Mode::ReadOnly(options)) => {
            TransactionMode::ReadOnly { read_time: options.read_time.map(read_time).transpose()? }
        }
        Some(Mode::ReadWrite(options)) => read_write(options.previous_transaction),
        None => read_write(Bytes::new()),
    })
}

/// A transaction's name.
pub(crate) fn token(bytes: Bytes) -> Result<Bytes, Status> {
    match bytes.is_empty() {
        true => Err(Status::invalid_argument("a transaction cannot be the empty string.")),
        false => Ok(bytes),
    }
}

fn read_write(previous: Bytes) -> TransactionMode {
    let retry = (!previous.is_empty()).then_some(previous);
    TransactionMode::ReadWrite { retry, concurrency: Concurrency::Default }
}

fn read_time(stamp: wire::Timestamp) -> Result<Timestamp, Status> {
    if stamp.nanos % 1_000 != 0 {
        let text = "timestamp cannot have more than microseconds precision";
        return Err(Status::invalid_argument(text));
    }
    crate::from_proto::timestamp(stamp)
}
