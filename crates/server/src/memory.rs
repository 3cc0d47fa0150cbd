//! How much of the machine's memory to use for what was read from disk.

/// The share of the machine's memory, and its bounds in MiB: a laptop keeps its memory, a server uses it.
const SHARE: u64 = 16;
const LEAST: u64 = 128;
const MOST: u64 = 1_024;

/// The usual size of the cache on this machine, in MiB.
pub(crate) fn usual_cache() -> u64 {
    (installed().unwrap_or(0) / SHARE).clamp(LEAST, MOST)
}

/// The machine's memory in MiB, where the system tells.
#[cfg(target_os = "linux")]
fn installed() -> Option<u64> {
    let info = rustix::system::sysinfo();
    let bytes = (info.totalram as u64).checked_mul(u64::from(info.mem_unit))?;
    Some(bytes >> 20)
}

#[cfg(not(target_os = "linux"))]
fn installed() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_cache_is_within_its_bounds() {
        assert!((LEAST..=MOST).contains(&usual_cache()));
    }
}
