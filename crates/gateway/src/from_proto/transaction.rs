//! Transactions, and the moments that reads choose.

use bytes::Bytes;
use model::Status;
use service::{Concurrency, Consistency, ReadAt, TransactionMode};
use wire::firestore::transaction_options::{ConcurrencyMode, Mode, read_only};
use wire::firestore::{
    TransactionOptions, batch_get_documents_request as batch_get, get_document_request as get,
    list_documents_request as list, run_aggregation_query_request as aggregate, run_query_request as query,
};

/// Options of a transaction; `unset` is the mode of a message that names none.
pub(crate) fn mode(
    options: Option<TransactionOptions>,
    unset: TransactionMode,
) -> Result<TransactionMode, Status> {
    match options.and_then(|options| options.mode) {
        None => Ok(unset),
        Some(Mode::ReadOnly(options)) => {
            let read_time = match options.consistency_selector {
                Some(read_only::ConsistencySelector::ReadTime(stamp)) => Some(super::timestamp(stamp)?),
                None => None,
            };
            Ok(TransactionMode::ReadOnly { read_time })
        }
        Some(Mode::ReadWrite(options)) => {
            let concurrency = match ConcurrencyMode::try_from(options.concurrency_mode) {
                Ok(ConcurrencyMode::Unspecified) | Err(_) => Concurrency::Default,
                Ok(ConcurrencyMode::Optimistic) => Concurrency::Optimistic,
                Ok(ConcurrencyMode::Pessimistic) => Concurrency::Pessimistic,
            };
            let retry = token(options.retry_transaction);
            Ok(TransactionMode::ReadWrite { retry, concurrency })
        }
    }
}

/// A transaction token; none when empty.
pub(crate) fn token(bytes: Bytes) -> Option<Bytes> {
    (!bytes.is_empty()).then_some(bytes)
}

/// Reads at a time, or now.
pub(crate) fn time(read_time: Option<wire::Timestamp>) -> Result<ReadAt, Status> {
    Ok(match read_time {
        Some(stamp) => ReadAt::Time(super::timestamp(stamp)?),
        None => ReadAt::Now,
    })
}

/// An empty token asks for nothing, as in every proto3 field.
fn at_transaction(bytes: Bytes) -> ReadAt {
    token(bytes).map_or(ReadAt::Now, ReadAt::Transaction)
}

/// A transaction that begins with this read; read-only unless it says otherwise.
fn new_transaction(options: TransactionOptions) -> Result<Consistency, Status> {
    mode(Some(options), TransactionMode::ReadOnly { read_time: None }).map(Consistency::NewTransaction)
}

/// When GetDocument reads.
pub(crate) fn for_get(selector: Option<get::ConsistencySelector>) -> Result<ReadAt, Status> {
    match selector {
        Some(get::ConsistencySelector::Transaction(token)) => Ok(at_transaction(token)),
        Some(get::ConsistencySelector::ReadTime(stamp)) => time(Some(stamp)),
        None => Ok(ReadAt::Now),
    }
}

/// When ListDocuments reads.
pub(crate) fn for_list(selector: Option<list::ConsistencySelector>) -> Result<ReadAt, Status> {
    match selector {
        Some(list::ConsistencySelector::Transaction(token)) => Ok(at_transaction(token)),
        Some(list::ConsistencySelector::ReadTime(stamp)) => time(Some(stamp)),
        None => Ok(ReadAt::Now),
    }
}

/// When BatchGetDocuments reads.
pub(crate) fn for_batch_get(selector: Option<batch_get::ConsistencySelector>) -> Result<Consistency, Status> {
    match selector {
        Some(batch_get::ConsistencySelector::Transaction(token)) => Ok(at_transaction(token).into()),
        Some(batch_get::ConsistencySelector::NewTransaction(options)) => new_transaction(options),
        Some(batch_get::ConsistencySelector::ReadTime(stamp)) => time(Some(stamp)).map(Into::into),
        None => Ok(ReadAt::Now.into()),
    }
}

/// When RunQuery reads.
pub(crate) fn for_query(selector: Option<query::ConsistencySelector>) -> Result<Consistency, Status> {
    match selector {
        Some(query::ConsistencySelector::Transaction(token)) => Ok(at_transaction(token).into()),
        Some(query::ConsistencySelector::NewTransaction(options)) => new_transaction(options),
        Some(query::ConsistencySelector::ReadTime(stamp)) => time(Some(stamp)).map(Into::into),
        None => Ok(ReadAt::Now.into()),
    }
}

/// When RunAggregationQuery reads.
pub(crate) fn for_aggregation(
    selector: Option<aggregate::ConsistencySelector>,
) -> Result<Consistency, Status> {
    match selector {
        Some(aggregate::ConsistencySelector::Transaction(token)) => Ok(at_transaction(token).into()),
        Some(aggregate::ConsistencySelector::NewTransaction(options)) => new_transaction(options),
        Some(aggregate::ConsistencySelector::ReadTime(stamp)) => time(Some(stamp)).map(Into::into),
        None => Ok(ReadAt::Now.into()),
    }
}
