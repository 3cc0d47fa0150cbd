//! Requests read into the vocabulary of `model`, with the texts that production refuses bad ones with.
//!
//! What stands here is the only place where generated messages become domain types.

pub(crate) mod query;
pub(crate) mod transaction;
pub(crate) mod value;
pub(crate) mod write;

use model::{FieldPath, Status, Timestamp};

/// An instant of a request. Digits below a microsecond are cut.
pub(crate) fn timestamp(stamp: wire::Timestamp) -> Result<Timestamp, Status> {
    Timestamp::from_parts(stamp.seconds, stamp.nanos).ok_or_else(|| {
        Status::invalid_argument(format!(
            "Timestamp with seconds {} and nanos {} is outside the permitted range \
             0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.",
            stamp.seconds, stamp.nanos
        ))
    })
}

/// A mask over an answer; one that is absent or empty keeps every field.
pub(crate) fn read_mask(
    mask: Option<wire::firestore::DocumentMask>,
) -> Result<Option<Vec<FieldPath>>, Status> {
    let paths = mask.map(|mask| mask.field_paths).unwrap_or_default();
    if paths.is_empty() {
        return Ok(None);
    }
    paths.iter().map(|path| FieldPath::parse(path)).collect::<Result<_, _>>().map(Some)
}
