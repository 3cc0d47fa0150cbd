//! Where a row lives: the five key spaces, and ranges of keys in one of them.

/// One of the five ordered key spaces. A batch writes to all of them atomically, a snapshot sees all of them
/// at one point; apart from that they share nothing, so each is tuned for how it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The catalog: databases, indexes, settings. Small, read at start.
    Meta,
    /// The newest version of each document. Point reads and scans.
    Documents,
    /// Index entries. Scans only.
    Indexes,
    /// Older versions that reads in the past may still ask for. Scans only.
    History,
    /// The change log. Written at one end, read in order, expired at the other.
    Changes,
}

impl Space {
    /// Every space, in the order of [`Space::index`].
    pub const ALL: [Space; 5] =
        [Space::Meta, Space::Documents, Space::Indexes, Space::History, Space::Changes];

    /// The name that is stored on disk: frozen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Space::Meta => "meta",
            Space::Documents => "documents",
            Space::Indexes => "indexes",
            Space::History => "history",
            Space::Changes => "changes",
        }
    }

    /// The place of this space in [`Space::ALL`], for tables with one entry a space.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The space with this [`Space::name`].
    #[must_use]
    pub fn named(name: &str) -> Option<Space> {
        Space::ALL.into_iter().find(|space| space.name() == name)
    }
}

/// Which end of a range a scan starts at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// The keys from `start` (inclusive) to `end` (exclusive; `None`: to the last key there is).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct KeyRange {
    /// The first key of the range.
    pub start: Vec<u8>,
    /// The first key after the range.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// The keys from `start` up to, not including, `end`.
    #[must_use]
    pub fn new(start: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> Self {
        KeyRange { start: start.into(), end: Some(end.into()) }
    }

    /// The keys from `start` on.
    #[must_use]
    pub fn from(start: impl Into<Vec<u8>>) -> Self {
        KeyRange { start: start.into(), end: None }
    }

    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        KeyRange::default()
    }

    /// Every key that begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        KeyRange { start: prefix.to_vec(), end: successor_of_prefix(prefix) }
    }

    /// Whether no key can be in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// Whether `key` is in the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }
}

/// The first key after all that begin with `prefix`; none if `prefix` is all 0xff.
fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_ends_before_the_next_prefix() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"", None),
            (b"a", Some(b"b")),
            (b"a\xff", Some(b"b")),
            (b"a\x00\xff\xff", Some(b"a\x01")),
            (b"\xff\xff", None),
        ];
        for (prefix, end) in cases {
            assert_eq!(KeyRange::prefix(prefix).end.as_deref(), end, "{prefix:?}");
        }
    }

    #[test]
    fn emptiness_and_membership_agree() {
        assert!(KeyRange::new("b", "b").is_empty());
        assert!(KeyRange::new("c", "b").is_empty());
        assert!(!KeyRange::all().is_empty());
        let range = KeyRange::new("b", "d");
        let inside: Vec<&str> =
            ["a", "b", "c", "cz", "d"].into_iter().filter(|key| range.contains(key.as_bytes())).collect();
        assert_eq!(inside, ["b", "c", "cz"]);
    }

    #[test]
    fn names_find_their_space() {
        for space in Space::ALL {
            assert_eq!(Space::named(space.name()), Some(space));
            assert_eq!(Space::ALL[space.index()], space);
        }
    }
}
