//! Futures without a runtime: a test starts one, looks whether it has finished, and goes on.
//!
//! With a simulated host all background work runs inside the call that asks for it. So a future that is not
//! finished after one poll waits for something that only another step of the test can bring.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A future that has been started.
pub struct Started<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
}

impl<T> Started<T> {
    /// Starts `future`: it runs until it finishes or has to wait.
    pub fn new(future: impl Future<Output = T> + 'static) -> Self {
        Started { future: Box::pin(future) }
    }

    /// Its output, once it has finished; it must not be looked at again then.
    pub fn look(&mut self) -> Option<T> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// The rest of the future, to be awaited.
    pub fn rest(self) -> impl Future<Output = T> {
        self.future
    }
}

/// The output of a future that does not have to wait.
///
/// # Panics
/// When it has to.
pub fn at_once<T>(future: impl Future<Output = T> + 'static) -> T {
    Started::new(future).look().expect("nothing that this future waits for is under way")
}
