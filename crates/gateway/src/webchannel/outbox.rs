//! What goes to the client: numbered arrays, kept until it says that it has them.
//!
//! ```text
//!    acknowledged │ sent, perhaps lost │ not sent
//!   ──────────────┼────────────────────┼──────────
//!     gone        4    5    7          8    9        6 was a noop, of which nothing is kept
//!                 ╰─ a new back channel begins after the number that it names (AID)
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::chunk;

/// Bytes of arrays that one session keeps; beyond it the conversation is not asked for more.
const OUTBOX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of arrays that all sessions keep; beyond it each keeps one array at a time.
const ALL_OUTBOX_BYTES: usize = 256 * 1024 * 1024;
/// What an array costs besides its text.
const ARRAY_BYTES: usize = size_of::<Array>();

/// The arrays of one session. Numbers begin at 1: 0 was the handshake.
pub(super) struct Outbox {
    arrays: VecDeque<Array>,
    bytes: usize,
    last: u64,
    /// The bytes of all sessions.
    all: Arc<AtomicUsize>,
}

struct Array {
    number: u64,
    json: Box<str>,
}

/// Arrays as one chunk.
#[derive(Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) chunk: Bytes,
    /// The number of its last array.
    pub(super) last: u64,
}

impl Outbox {
    /// An empty one, which counts its bytes in `all` as well.
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        Outbox { arrays: VecDeque::new(), bytes: 0, last: 0, all }
    }

    /// One more array around a JSON value.
    pub(super) fn push(&mut self, json: String) {
        self.last += 1;
        self.bytes += json.len() + ARRAY_BYTES;
        self.all.fetch_add(json.len() + ARRAY_BYTES, Ordering::Relaxed);
        self.arrays.push_back(Array { number: self.last, json: json.into_boxed_str() });
    }

    /// True while another array may be pushed. One that is empty always has room, so that a session
    /// never waits for another's client.
    pub(super) fn has_room(&self) -> bool {
        let within = self.bytes < OUTBOX_BYTES && self.all.load(Ordering::Relaxed) < ALL_OUTBOX_BYTES;
        within || self.arrays.is_empty()
    }

    /// The client has everything up to `number`; answers whether that is news.
    pub(super) fn acknowledge(&mut self, number: u64) -> bool {
        let before = self.arrays.len();
        while let Some(array) = self.arrays.pop_front_if(|array| array.number <= number) {
            self.bytes -= array.json.len() + ARRAY_BYTES;
            self.all.fetch_sub(array.json.len() + ARRAY_BYTES, Ordering::Relaxed);
        }
        self.arrays.len() < before
    }

    /// The arrays after `number`, until there are `enough` bytes; None when there are none.
    pub(super) fn after(&self, number: u64, enough: usize) -> Option<Batch> {
        let start = self.arrays.partition_point(|array| array.number <= number);
        let mut json = String::from("[");
        let mut last = None;
        for array in self.arrays.range(start..) {
            if last.is_some() {
                if json.len() >= enough {
                    break;
                }
                json.push(',');
            }
            json.push_str(&format!("[{},[{}]]", array.number, array.json));
            last = Some(array.number);
        }
        json.push(']');
        last.map(|last| Batch { chunk: chunk::of(&json).into(), last })
    }

    /// A sign of life. It takes a number and is not kept: nobody misses it.
    pub(super) fn noop(&mut self) -> Batch {
        self.last += 1;
        let json = format!(r#"[[{},["noop"]]]"#, self.last);
        Batch { chunk: chunk::of(&json).into(), last: self.last }
    }

    /// The number of the newest array.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Bytes that the client has not said it has.
    pub(super) fn outstanding(&self) -> usize {
        self.bytes - self.arrays.len() * ARRAY_BYTES
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.acknowledge(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(texts: &[&str]) -> Outbox {
        let mut outbox = Outbox::new(Arc::default());
        texts.iter().for_each(|text| outbox.push((*text).to_owned()));
        outbox
    }

    fn chunk_after(outbox: &Outbox, number: u64) -> Option<String> {
        let batch = outbox.after(number, 1 << 20)?;
        Some(String::from_utf8(batch.chunk.to_vec()).expect("text"))
    }

    #[test]
    fn a_back_channel_gets_everything_after_its_number_again() {
        let mut outbox = outbox(&["{}", "\"é😀漢\""]);
        assert_eq!(chunk_after(&outbox, 0).as_deref(), Some("23\n[[1,[{}]],[2,[\"é😀漢\"]]]"));
        assert_eq!(chunk_after(&outbox, 0), chunk_after(&outbox, 0));
        assert_eq!(chunk_after(&outbox, 1).as_deref(), Some("14\n[[2,[\"é😀漢\"]]]"));
        assert_eq!(chunk_after(&outbox, 2), None);
        outbox.acknowledge(1);
        assert_eq!(chunk_after(&outbox, 0), chunk_after(&outbox, 1), "what is acknowledged is gone");
        outbox.acknowledge(9);
        assert_eq!((outbox.last(), outbox.outstanding(), chunk_after(&outbox, 0)), (2, 0, None));
    }

    #[test]
    fn a_noop_takes_a_number_and_no_room() {
        let mut outbox = outbox(&["1"]);
        let noop = outbox.noop();
        assert_eq!((noop.chunk, noop.last), (Bytes::from_static(b"14\n[[2,[\"noop\"]]]"), 2));
        outbox.push("3".to_owned());
        assert_eq!(chunk_after(&outbox, 0).as_deref(), Some("17\n[[1,[1]],[3,[3]]]"));
    }

    #[test]
    fn a_long_answer_goes_in_several_chunks() {
        let text = format!("\"{}\"", "x".repeat(1_000));
        let outbox = outbox(&[&text, &text, &text]);
        let lasts: Vec<_> =
            [0, 2, 3].map(|number| outbox.after(number, 2_000).map(|batch| batch.last)).into();
        assert_eq!(lasts, [Some(2), Some(3), None]);
    }

    #[test]
    fn what_is_not_acknowledged_is_bounded() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut outbox = Outbox::new(all.clone());
        let mut neighbour = Outbox::new(all.clone());
        while outbox.has_room() {
            outbox.push("x".repeat(1 << 20));
        }
        assert_eq!(outbox.last(), 8);
        assert!(neighbour.has_room());
        outbox.acknowledge(1);
        assert!(outbox.has_room());
        neighbour.push("x".repeat(ALL_OUTBOX_BYTES));
        assert!(!outbox.has_room(), "all sessions together keep too much");
        drop(neighbour);
        assert!(outbox.has_room());
        drop(outbox);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
