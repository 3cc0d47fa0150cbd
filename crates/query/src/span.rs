//! Sets of encoded values: what a filter accepts, and what a scan reads.
//!
//! Values compare as the bytes that indexes keep ([`model::encoding`], cut at 1,500 bytes), so a
//! filter accepts exactly what the index scan for it finds. Ends are *prefix style*: every encoded
//! value that begins with an end's bytes lies at or above it. That is what lets a span be inverted
//! for a column that runs the other way.

use model::encoding::after_prefix;

/// The bytes from `start` (inclusive) to `end` (exclusive; none: no end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

/// Sorted, disjoint spans, none of them empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Span>);

impl Span {
    pub fn all() -> Self {
        Span { start: Vec::new(), end: None }
    }

    pub fn new(start: Vec<u8>, end: Option<Vec<u8>>) -> Self {
        Span { start, end }
    }

    /// Everything that begins with `bytes`; for a whole encoded value, the value itself.
    pub fn prefix(bytes: &[u8]) -> Self {
        Span { start: bytes.to_vec(), end: after_prefix(bytes) }
    }

    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    pub fn contains(&self, bytes: &[u8]) -> bool {
        self.start.as_slice() <= bytes && self.end.as_ref().is_none_or(|end| bytes < end.as_slice())
    }

    pub fn intersect(&self, other: &Span) -> Span {
        let start = self.start.clone().max(other.start.clone());
        let end = match (&self.end, &other.end) {
            (Some(a), Some(b)) => Some(a.min(b).clone()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        Span { start, end }
    }

    /// The same set for bytes that are all inverted.
    pub fn inverted(&self) -> Span {
        let start = match &self.end {
            // No end: everything up to the greatest byte, which inverts to the smallest.
            None => Some(Vec::new()),
            Some(end) => inverted_edge(end),
        };
        match start {
            Some(start) => Span { start, end: inverted_edge(&self.start) },
            None => Span { start: vec![0], end: Some(Vec::new()) },
        }
    }

    /// The span behind `prefix`.
    pub fn below(&self, prefix: &[u8]) -> Span {
        let start = [prefix, &self.start].concat();
        let end = match &self.end {
            Some(end) => Some([prefix, end].concat()),
            None => after_prefix(prefix),
        };
        Span { start, end }
    }
}

/// The edge for inverted bytes: what was at or above `edge` is now below the answer. None: no
/// inverted bytes lie at or above it.
pub(crate) fn inverted_edge(edge: &[u8]) -> Option<Vec<u8>> {
    after_prefix(&inverted(edge))
}

/// Every byte inverted.
pub(crate) fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl Spans {
    pub fn all() -> Self {
        Spans(vec![Span::all()])
    }

    pub fn none() -> Self {
        Spans(Vec::new())
    }

    pub fn one(span: Span) -> Self {
        if span.is_empty() { Self::none() } else { Spans(vec![span]) }
    }

    /// Everything but `holes`.
    pub fn without(self, holes: impl IntoIterator<Item = Span>) -> Self {
        holes.into_iter().fold(self, |spans, hole| spans.minus(&hole))
    }

    fn minus(&self, hole: &Span) -> Self {
        let mut rest = Vec::new();
        for span in &self.0 {
            let below = Span::new(Vec::new(), Some(hole.start.clone()));
            rest.push(span.intersect(&below));
            if let Some(end) = &hole.end {
                rest.push(span.intersect(&Span::new(end.clone(), None)));
            }
        }
        rest.retain(|span| !span.is_empty());
        Spans(rest)
    }

    pub fn intersect(&self, other: &Spans) -> Self {
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| a.intersect(b)));
        Spans(pairs.filter(|span| !span.is_empty()).collect())
    }

    /// The same set for bytes that are all inverted.
    pub fn inverted(&self) -> Self {
        let spans = self.0.iter().rev().map(Span::inverted);
        Spans(spans.filter(|span| !span.is_empty()).collect())
    }

    pub fn contains(&self, bytes: &[u8]) -> bool {
        let after = self.0.partition_point(|span| span.start.as_slice() <= bytes);
        after > 0 && self.0[after - 1].contains(bytes)
    }

    /// The first span that holds anything at or above `bytes`.
    pub fn at_or_above(&self, bytes: &[u8]) -> Option<&Span> {
        self.0.iter().find(|span| span.end.as_ref().is_none_or(|end| bytes < end.as_slice()))
    }

    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_all(&self) -> bool {
        self.0.len() == 1 && self.0[0] == Span::all()
    }

    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Value;
    use model::encoding::push_index_value;

    fn encoded(value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        push_index_value(&mut out, &Value::Integer(value));
        out
    }

    /// The integers 0..10 that spans accept, as they stand and inverted.
    fn accepted(spans: &Spans) -> Vec<i64> {
        let upright: Vec<i64> = (0..10).filter(|n| spans.contains(&encoded(*n))).collect();
        let turned = spans.inverted();
        let again: Vec<i64> = (0..10).filter(|n| turned.contains(&inverted(&encoded(*n)))).collect();
        assert_eq!(upright, again, "an inverted set accepts the inverted values");
        upright
    }

    #[test]
    fn sets_keep_their_members_when_cut_and_inverted() {
        let from = |n: i64| Span::new(encoded(n), None);
        let below = |n: i64| Span::new(Vec::new(), Some(encoded(n)));
        let point = |n: i64| Span::prefix(&encoded(n));
        assert_eq!(accepted(&Spans::all()), (0..10).collect::<Vec<_>>());
        assert_eq!(accepted(&Spans::one(from(7))), [7, 8, 9]);
        assert_eq!(accepted(&Spans::one(below(2))), [0, 1]);
        assert_eq!(accepted(&Spans::all().without([point(3), point(5)])), [0, 1, 2, 4, 6, 7, 8, 9]);
        let ends = Spans::one(from(2)).intersect(&Spans::one(below(6))).without([point(4)]);
        assert_eq!(accepted(&ends), [2, 3, 5]);
        assert!(Spans::one(from(5)).intersect(&Spans::one(below(5))).is_none());
    }

    #[test]
    fn a_position_finds_the_span_at_or_above_it() {
        let spans = Spans::all().without([Span::prefix(&encoded(3))]);
        assert_eq!(spans.at_or_above(&encoded(2)), Some(&spans.as_slice()[0]));
        assert_eq!(spans.at_or_above(&encoded(3)), Some(&spans.as_slice()[1]));
        assert_eq!(Spans::one(Span::prefix(&encoded(3))).at_or_above(&encoded(4)), None);
    }
}
