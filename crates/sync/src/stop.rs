//! The end, on demand: whatever waits for the server stops waiting; a batch that is being written is finished.

use tokio::sync::watch;

use crate::failure::Failure;

/// Asks for the end; so does dropping it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Knows whether the end was asked for.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// A pair of them.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks for the end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for `work`, unless the end is asked for first.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut stop = self.0.clone();
        tokio::select! {
            biased;
            // It fails when the stopper is gone, which means the same.
            _ = stop.wait_for(|stop| *stop) => Err(Failure::stopped()),
            done = work => done,
        }
    }

    /// Sleeps, unless the end is asked for first.
    pub(crate) async fn sleep(&self, pause: std::time::Duration) -> Result<(), Failure> {
        self.or(async {
            tokio::time::sleep(pause).await;
            Ok(())
        })
        .await
    }
}
