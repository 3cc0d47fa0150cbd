//! Where background work runs.

use tokio::runtime::Handle;

/// The real machine's blocking threads, or the caller's own thread.
#[derive(Clone)]
pub enum Tasks {
    Runtime(Handle),
    Inline,
}

impl Tasks {
    /// Runs blocking work in the background (at once, for [`Tasks::Inline`]).
    pub fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        match self {
            Tasks::Runtime(handle) => drop(handle.spawn_blocking(work)),
            Tasks::Inline => work(),
        }
    }
}
