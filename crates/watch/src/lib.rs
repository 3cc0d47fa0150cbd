//! Listening: one hub a database tells every stream what its targets need to know.

mod event;
mod hubs;
mod stream;
mod target;

pub use event::{Bloom, ChangedDocument, ListenEvent, TargetChange};
pub use hubs::{Hubs, Options};
pub use stream::ListenStream;
pub use target::{MAX_TARGET_DOCUMENTS, MAX_TARGETS, Resume, Target, TargetKind};
