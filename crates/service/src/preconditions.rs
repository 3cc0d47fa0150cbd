//! What can be told of preconditions without looking at documents.

use database::Database;
use model::write::{Precondition, Write};
use model::{Status, Timestamp};

/// Refuses an update time that no document can have yet, as production does; a time of the past that
/// no document has is for the commit to find out.
pub(crate) fn check(database: &Database, writes: &[Write], now: Timestamp) -> Result<(), Status> {
    let times = writes.iter().filter_map(|write| match write.precondition {
        Precondition::UpdateTime(time) => Some(time),
        Precondition::None | Precondition::Exists(_) => None,
    });
    match times.max() {
        // The newest commit may be ahead of the clock, after the clock was set back.
        Some(latest) if latest > now && latest > database.view().read_time() => {
            Err(Status::invalid_argument("The 'update_time' of a precondition cannot be in the future."))
        }
        Some(_) | None => Ok(()),
    }
}
