//! Listening: one hub a database tells every stream what its targets need to know.
//!
//! The journey of a change:
//!
//! 1. The committer leaves the commit with the database's followers ([`database::Follower`]).
//! 2. `Hub::catch_up` takes it; the `Finder` names the views that it may concern, by path, collection and
//!    value.
//! 3. `View::apply` says what it means to all who watch the same thing: a query without a limit is asked
//!    about the document before and after, one with a limit keeps a `Window`.
//! 4. The items go into each stream's `Mailbox`; one that is full is emptied, and its stream compares for
//!    itself.
//! 5. [`ListenStream::next`] puts them into words, a commit at a time, each closed by a boundary.
//!
//! The journey of a new target: `ListenStream` joins the hub at the time up to which all has been gone
//! through, and a `Teller` tells the state at that time — the whole result, or with a resume token what has
//! changed since.
//!
//! A target may need a [`Right`]: then the hub also tells when a document changes on which it rests, and the stream asks
//! again before it tells anything more.
//!
//! This room knows no wire and no principals. It needs a tokio runtime: reads run on its blocking threads.

mod bloom;
mod event;
mod finder;
mod hub;
mod hubs;
mod log;
mod mailbox;
mod right;
mod stream;
mod target;
mod teller;
mod token;
mod view;
mod window;

pub use event::{Bloom, ChangedDocument, ListenEvent, TargetChange};
pub use hubs::{Hubs, Options, Suggest};
pub use right::{Pass, Right};
pub use stream::ListenStream;
pub use target::{MAX_TARGET_DOCUMENTS, MAX_TARGETS, Resume, Target, TargetKind};
