//! Tokens that were seen to be good, so that a signature is checked once and not with each call.

use std::collections::HashMap;
use std::mem;

use model::Principal;
use parking_lot::Mutex;
use ring::digest;

use crate::moment::Moment;

/// Tokens in each of the two halves.
const HALF: usize = 8_192;
/// The longest token that a connection remembers.
const REMEMBERED_BYTES: usize = 4 << 10;

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

/// What one connection remembers: the last token that came on it and was let in. A client sends the same with each call,
/// and it is compared faster than hashed and looked for among all.
#[derive(Default)]
pub struct Remembered(Mutex<Option<(Box<str>, Seen)>>);

/// A token that was good.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) principal: Principal,
    pub(crate) until: Moment,
    /// The state of keys in which it was good; in another it must be looked at again.
    pub(crate) state: u64,
}

impl Seen {
    fn holds(&self, now: Moment, state: u64) -> bool {
        self.state == state && now < self.until
    }
}

impl Remembered {
    /// Who sent this token, if it is the one that is remembered, and is good in this state of keys.
    pub(crate) fn get(&self, token: &str, now: Moment, state: u64) -> Option<Principal> {
        let remembered = self.0.lock();
        let (known, seen) = remembered.as_ref()?;
        (is_same(known, token) && seen.holds(now, state)).then(|| seen.principal.clone())
    }

    /// Remembers this one.
    pub(crate) fn set(&self, token: &str, seen: &Seen) {
        if token.len() <= REMEMBERED_BYTES {
            *self.0.lock() = Some((token.into(), seen.clone()));
        }
    }
}

impl Admitted {
    /// Who sent this token, if it was good in this state of keys and still is.
    pub(crate) fn get(&self, token: &str, now: Moment, state: u64) -> Option<Seen> {
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
        seen.holds(now, state).then_some(seen)
    }

    /// Remembers who sent this token.
    pub(crate) fn insert(&self, token: &str, seen: Seen) {
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

/// Compares all bytes, so that nobody behind a shared connection learns from the time where they differ.
fn is_same(a: &str, b: &str) -> bool {
    let different = |all: u8, (a, b): (u8, u8)| all | (a ^ b);
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, different) == 0
}

fn hash(token: &str) -> Hash {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(principal: Principal, state: u64) -> Seen {
        Seen { principal, until: Moment(100), state }
    }

    #[test]
    fn a_token_is_known_until_its_end_and_while_keys_stay_as_they_were() {
        let admitted = Admitted::default();
        let (seen, remembered) = (seen(Principal::Administrator, 7), Remembered::default());
        admitted.insert("token", seen.clone());
        remembered.set("token", &seen);
        let table = [
            ("token", 99, 7, true),
            ("token", 100, 7, false),
            ("token", 99, 8, false),
            ("other", 99, 7, false),
        ];
        for (token, now, state, known) in table {
            assert_eq!(admitted.get(token, Moment(now), state).is_some(), known, "{token} {now} {state}");
            assert_eq!(remembered.get(token, Moment(now), state).is_some(), known, "{token} {now} {state}");
        }
    }

    #[test]
    fn a_connection_remembers_the_last_token_that_is_not_too_long() {
        let remembered = Remembered::default();
        let long = "x".repeat(REMEMBERED_BYTES + 1);
        for token in ["one", "other", &long] {
            remembered.set(token, &seen(Principal::Administrator, 0));
        }
        let known = |token| remembered.get(token, Moment(0), 0).is_some();
        assert_eq!([known("one"), known("other"), known(&long)], [false, true, false]);
    }

    #[test]
    fn however_many_tokens_come_memory_is_bounded_and_what_is_in_use_stays() {
        let admitted = Admitted::default();
        admitted.insert("in use", seen(Principal::Anonymous, 0));
        for number in 0..5 * HALF {
            admitted.insert(&number.to_string(), seen(Principal::Anonymous, 0));
            if number % 1_000 == 0 {
                assert!(admitted.get("in use", Moment(0), 0).is_some(), "after {number}");
            }
        }
        let halves = admitted.halves.lock();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
    }
}
