//! Tells what lives long that the server is going away.

use tokio::sync::watch;

/// The one who says it.
pub(crate) struct Stopping(watch::Sender<bool>);

/// One who hears it.
#[derive(Clone)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopping {
    /// Of a server that runs.
    pub(crate) fn new() -> Self {
        Stopping(watch::channel(false).0)
    }

    /// The server is going away.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// For somebody who wants to hear of it.
    pub(crate) fn follow(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }
}

impl Stopped {
    /// Done when the server is going away. Cancel-safe.
    pub(crate) async fn wait(&mut self) {
        // Fails when the server is gone, which is a stop as well.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
