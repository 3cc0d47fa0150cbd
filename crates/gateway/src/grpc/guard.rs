//! A panic in one request becomes INTERNAL with an id that the log knows; the process goes on.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use model::Status;

/// Counts from one in each process; the log's time tells processes apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Runs a call; a panic in it is reported and answered.
pub(crate) async fn guarded<T, E: From<Status>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(report(&*panic).into()),
    }
}

/// Logs a panic, and says what the client is to see of it.
pub(crate) fn report(panic: &(dyn Any + Send)) -> Status {
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned());
    tracing::error!(id, panic = text, "a request failed by a fault of the server");
    Status::internal(format!("The server failed on this request; its log names the fault E{id}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_internal_with_an_id() {
        let status =
            guarded::<(), Status>(async { panic!("of {}", "a test") }).await.expect_err("it panicked");
        assert_eq!(status.code, model::Code::Internal);
        assert!(status.message.contains("fault E"), "{}", status.message);
        assert!(!status.message.contains("of a test"), "the text is for the log");
    }
}
