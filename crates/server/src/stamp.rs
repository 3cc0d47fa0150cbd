//! Files that are followed: telling that one is another than before, and looking again and again.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::failure::Failure;

/// How often files that are followed are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What a file was when it was looked at; None: it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(i64, i64, u64, u64)>);

impl Stamp {
    /// Looks at a file. To be taken before it is read: a change meanwhile is then seen as one.
    pub(crate) fn of(path: &Path) -> Self {
        let about = std::fs::metadata(path).ok();
        Stamp(about.map(|file| (file.mtime(), file.mtime_nsec(), file.ino(), file.len())))
    }
}

/// Has `followed` looked at for ever: with false now and then, with true at once at SIGHUP. Fails when SIGHUP cannot be
/// heard.
pub(crate) fn follow<F: Send + 'static>(
    mut followed: F,
    look: fn(&mut F, bool),
) -> Result<impl Future<Output = ()>, Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::doing("listen for SIGHUP"))?;
    Ok(async move {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = looks.tick() => false,
                _ = hangup.recv() => true,
            };
            // A file system that hangs holds up nothing else.
            let looked = spawn_blocking(move || {
                look(&mut followed, asked);
                followed
            });
            // It fails when the server ends.
            let Ok(again) = looked.await else { return };
            followed = again;
        }
    })
}
