//! One client's stream.

use model::Status;

use crate::event::ListenEvent;
use crate::target::Target;

/// See the module.
pub struct ListenStream {}

impl ListenStream {
    /// Adds a target.
    pub fn add_target(&mut self, _target: Target) -> Result<(), Status> {
        Ok(())
    }

    /// Removes a target.
    pub fn remove_target(&mut self, _id: i32) -> Result<(), Status> {
        Ok(())
    }

    /// True when [`ListenStream::next`] would answer at once.
    pub fn is_waiting(&self) -> bool {
        false
    }

    /// The next event; pends while there is none.
    pub async fn next(&mut self) -> Result<ListenEvent, Status> {
        std::future::pending().await
    }
}
