//! The right to be told of a target: decided when it begins, and again whenever what the decision rests on changes.
//!
//! This room knows no principals: whoever opens a stream brings a [`Right`] for each target that needs one.

use database::View;
use model::{DocumentPath, Status};

/// Decides about one target of one client.
pub trait Right: Send + Sync {
    /// Decides on a state that is to be told, or told of from then on. Blocks.
    ///
    /// # Errors
    /// Why the client may not be told. The target is removed, with that cause.
    fn check(&self, view: &View) -> Result<Pass, Status>;
}

/// What a client may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// The decision holds until one of these documents changes.
    pub rests_on: Vec<DocumentPath>,
    /// Of a document that leaves the target, it learns no more than that.
    pub discreet: bool,
}
