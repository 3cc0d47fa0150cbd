//! Random numbers: a quick sequence that a seed repeats, and secrets, which nobody can guess.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of random numbers, shared between threads (the splitmix64 sequence). Its numbers are not
/// for secrets.
pub struct Random {
    state: AtomicU64,
    secrets: Secrets,
}

/// Where secrets come from.
enum Secrets {
    System,
    /// A simulation has none: its seed repeats everything.
    Sequence,
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The sequence of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Random { state: AtomicU64::new(seed), secrets: Secrets::Sequence }
    }

    /// A sequence that differs from start to start.
    pub fn from_time() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let seed = nanos as u64 ^ u64::from(std::process::id()).rotate_left(32);
        Random { state: AtomicU64::new(seed), secrets: Secrets::System }
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let mut z = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed).wrapping_add(GOLDEN_GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Bytes that nobody can guess; those of a seed repeat.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        let mut secret = [0; N];
        match self.secrets {
            Secrets::System => {
                getrandom::fill(&mut secret).expect("the operating system gives random bytes once it is up");
            }
            Secrets::Sequence => {
                for part in secret.chunks_mut(8) {
                    part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
                }
            }
        }
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_repeat_only_by_a_seed() {
        let seeded = || Random::from_seed(7).secret::<18>();
        assert_eq!(seeded(), seeded());
        assert_ne!(seeded()[8..16], seeded()[..8]);
        assert_ne!(Random::from_time().secret::<18>(), Random::from_time().secret::<18>());
    }
}
