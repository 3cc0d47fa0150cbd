//! What comes from the client: numbered maps, handed on once each and in their order.
//!
//! A client repeats a POST whose answer it did not see, and may have several on the way at once. So a
//! map that was there already is dropped, and one that came too early waits for those before it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use model::Status;

use crate::connection::Claim;

/// Maps that wait for the conversation; beyond it a POST waits for its answer.
const READY_MAPS: usize = 1_000;
/// Maps that wait for earlier ones, and how far ahead of them: ten POSTs of the client, each as large
/// as it may be.
const EARLY_MAPS: u64 = 10_000;

/// See the module.
#[derive(Default)]
pub(super) struct Inbox {
    /// The number of the map that becomes ready next.
    next: u64,
    ready: VecDeque<Map>,
    early: BTreeMap<u64, Map>,
}

/// A message of the client, or what is wrong with it.
pub(super) struct Map {
    pub(super) message: Result<Bytes, Status>,
    /// The memory that its POST took.
    pub(super) _claims: Arc<[Claim]>,
}

/// A map's number is too far ahead.
#[derive(Debug, PartialEq)]
pub(super) struct TooEarly;

impl Inbox {
    /// Takes maps with their numbers; none of them if one is too early.
    pub(super) fn accept(&mut self, maps: Vec<(u64, Map)>) -> Result<(), TooEarly> {
        let end = self.next.saturating_add(EARLY_MAPS);
        if maps.iter().any(|(number, _)| *number >= end) {
            return Err(TooEarly);
        }
        for (number, map) in maps {
            if number >= self.next {
                self.early.entry(number).or_insert(map);
            }
        }
        while let Some(map) = self.early.remove(&self.next) {
            self.ready.push_back(map);
            self.next += 1;
        }
        Ok(())
    }

    /// True while more maps may be accepted.
    pub(super) fn has_room(&self) -> bool {
        self.ready.len() < READY_MAPS
    }

    /// The next map in order.
    pub(super) fn pop(&mut self) -> Option<Map> {
        self.ready.pop_front()
    }

    /// The number of the first map that has not come.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// True while maps wait for one that has not come.
    pub(super) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn accept(inbox: &mut Inbox, first: u64, texts: &[&'static str]) -> Result<(), TooEarly> {
        let map = |text: &&'static str| Map { message: Ok(text.as_bytes().into()), _claims: Arc::new([]) };
        inbox.accept((first..).zip(texts.iter().map(map)).collect())
    }

    fn taken(inbox: &mut Inbox) -> String {
        let maps = std::iter::from_fn(|| inbox.pop());
        maps.map(|map| String::from_utf8(map.message.expect("a message").to_vec()).expect("text")).collect()
    }

    #[test]
    fn maps_come_out_once_and_in_order() {
        // Posts as (first number, maps) -> what comes out after each.
        type Posts = &'static [(u64, &'static [&'static str], &'static str)];
        let table: [(&str, Posts); 5] = [
            ("in order", &[(0, &["a"], "a"), (1, &["b", "c"], "bc")]),
            ("repeated", &[(0, &["a", "b"], "ab"), (0, &["a", "b"], ""), (2, &["c"], "c")]),
            ("repeated in part", &[(0, &["a", "b"], "ab"), (1, &["b", "c"], "c")]),
            ("overtaken", &[(2, &["c"], ""), (1, &["b"], ""), (1, &["b"], ""), (0, &["a"], "abc")]),
            ("empty", &[(0, &[], ""), (7, &[], ""), (0, &["a"], "a")]),
        ];
        for (name, posts) in table {
            let mut inbox = Inbox::default();
            for (first, maps, expected) in posts {
                assert_eq!(accept(&mut inbox, *first, maps), Ok(()), "{name}");
                assert_eq!(taken(&mut inbox), *expected, "{name}");
            }
            assert!(!inbox.has_gap(), "{name}");
        }
    }

    proptest! {
        /// Posts of three maps each: in any order, any of them again, until each was there.
        #[test]
        fn whatever_overtakes_what(again in vec(0_u64..30, 0..60), last in Just((0..30).collect::<Vec<u64>>()).prop_shuffle()) {
            let (mut inbox, mut taken) = (Inbox::default(), Vec::new());
            for first in again.into_iter().chain(last) {
                let maps = (first..(first + 3).min(30)).map(|number| {
                    let message = Ok(number.to_be_bytes().to_vec().into());
                    (number, Map { message, _claims: Arc::new([]) })
                });
                prop_assert_eq!(inbox.accept(maps.collect()), Ok(()));
                taken.extend(std::iter::from_fn(|| inbox.pop()).map(|map| map.message.expect("a message")));
            }
            let expected: Vec<Bytes> = (0_u64..30).map(|number| number.to_be_bytes().to_vec().into()).collect();
            prop_assert_eq!(taken, expected);
        }
    }

    #[test]
    fn a_map_may_not_be_far_ahead() {
        let mut inbox = Inbox::default();
        assert_eq!(accept(&mut inbox, u64::MAX - 1, &["x"]), Err(TooEarly));
        assert_eq!(accept(&mut inbox, EARLY_MAPS, &["x"]), Err(TooEarly));
        assert_eq!(accept(&mut inbox, EARLY_MAPS - 1, &["x"]), Ok(()));
        assert!(inbox.has_gap());
        assert_eq!(accept(&mut inbox, 0, &["a"]), Ok(()));
        assert_eq!(taken(&mut inbox), "a");
    }

    #[test]
    fn a_conversation_that_takes_nothing_leaves_no_room() {
        let mut inbox = Inbox::default();
        assert_eq!(accept(&mut inbox, 0, &["x"; READY_MAPS]), Ok(()));
        assert!(!inbox.has_room());
        inbox.pop();
        assert!(inbox.has_room());
    }
}
