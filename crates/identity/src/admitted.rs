//! Tokens that were seen to be good, so that a signature is checked once and not with each call.

use std::collections::HashMap;
use std::mem;

use model::Principal;
use parking_lot::Mutex;
use ring::digest;

use crate::moment::Moment;

/// Tokens in each of the two halves.
const HALF: usize = 8_192;

/// The token itself is not kept.
type Hash = [u8; 32];

/// Who sent which token. The older half is dropped when the younger is full; what is asked for becomes young again.
#[derive(Default)]
pub(crate) struct Admitted {
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<Hash, Seen>,
    old: HashMap<Hash, Seen>,
}

#[derive(Clone)]
struct Seen {
    principal: Principal,
    until: Moment,
    /// The state of keys in which it was good; in another it must be looked at again.
    state: u64,
}

impl Admitted {
    /// Who sent this token, if it was good in this state of keys and still is.
    pub(crate) fn get(&self, token: &str, now: Moment, state: u64) -> Option<Principal> {
        let hash = hash(token);
        let mut halves = self.halves.lock();
        let seen = match halves.young.get(&hash) {
            Some(seen) => seen.clone(),
            None => {
                let seen = halves.old.remove(&hash)?;
                halves.insert(hash, seen.clone());
                seen
            }
        };
        (seen.state == state && now < seen.until).then_some(seen.principal)
    }

    /// Remembers who sent this token.
    pub(crate) fn insert(&self, token: &str, principal: Principal, until: Moment, state: u64) {
        let seen = Seen { principal, until, state };
        self.halves.lock().insert(hash(token), seen);
    }
}

impl Halves {
    fn insert(&mut self, hash: Hash, seen: Seen) {
        if self.young.len() >= HALF {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(hash, seen);
    }
}

fn hash(token: &str) -> Hash {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_until_its_end_and_while_keys_stay_as_they_were() {
        let admitted = Admitted::default();
        admitted.insert("token", Principal::Administrator, Moment(100), 7);
        let table = [
            ("token", 99, 7, true),
            ("token", 100, 7, false),
            ("token", 99, 8, false),
            ("other", 99, 7, false),
        ];
        for (token, now, state, known) in table {
            assert_eq!(admitted.get(token, Moment(now), state).is_some(), known, "{token} {now} {state}");
        }
    }

    #[test]
    fn however_many_tokens_come_memory_is_bounded_and_what_is_in_use_stays() {
        let admitted = Admitted::default();
        admitted.insert("in use", Principal::Anonymous, Moment(100), 0);
        for number in 0..5 * HALF {
            admitted.insert(&number.to_string(), Principal::Anonymous, Moment(100), 0);
            if number % 1_000 == 0 {
                assert!(admitted.get("in use", Moment(0), 0).is_some(), "after {number}");
            }
        }
        let halves = admitted.halves.lock();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
    }
}
