//! File descriptors: every connection takes one, and the usual limit is small.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For data files and everything that is no connection.
const OTHERS: u64 = 512;

/// Raises the limit as far as the system lets this process; answers how many connections fit.
pub(crate) fn make_room(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let (Some(now), most) = (limit.current, limit.maximum) else { return wanted };
    let needed = wanted as u64 + OTHERS;
    let raised = needed.max(now).min(most.unwrap_or(u64::MAX));
    let allowed = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: most }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(%error, "could not raise the limit on open files");
            now
        }
    };
    let fitting = usize::try_from(allowed.saturating_sub(OTHERS)).unwrap_or(wanted).max(1).min(wanted);
    if fitting < wanted {
        tracing::warn!(fitting, wanted, "the limit on open files allows fewer connections");
    }
    fitting
}
