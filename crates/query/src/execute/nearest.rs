//! Nearest neighbours, exact: every candidate's distance is computed, the best are kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::query::{DistanceMeasure, FindNearest};
use model::{FieldPath, Status, Value, body};

use super::{Found, Row, Rows, Run};
use crate::damage;

pub(crate) struct NearestRows {
    input: Box<Rows>,
    find: FindNearest,
    /// Farthest first, once the input is read.
    nearest: Option<Vec<Candidate>>,
}

/// The nearest rows of those that were offered.
pub(crate) struct Best<'f> {
    find: &'f FindNearest,
    heap: BinaryHeap<Candidate>,
}

/// A row with its distance; the greatest is the worst.
pub(crate) struct Candidate {
    pub distance: f64,
    /// Small is near: the distance, or the negated dot product.
    rank: f64,
    pub row: Row,
}

impl NearestRows {
    pub fn new(input: Box<Rows>, find: FindNearest) -> Self {
        NearestRows { input, find, nearest: None }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        if self.nearest.is_none() {
            self.nearest = Some(self.search(run)?);
        }
        let Some(best) = self.nearest.as_mut().and_then(Vec::pop) else { return Ok(None) };
        let Some(name) = &self.find.result_field else { return Ok(Some(best.row)) };
        let Row { key, found } = best.row;
        let mut document = run.document(Row { key: Vec::new(), found })?;
        let mut fields = document.fields().map_err(damage)?;
        body::insert(&mut fields, FieldPath::single(name).segments(), Value::Double(best.distance));
        document.body = body::encode(&fields);
        Ok(Some(Row { key, found: Found::Document(document) }))
    }

    fn search(&mut self, run: &mut Run) -> Result<Vec<Candidate>, Status> {
        let mut best = Best::new(&self.find);
        while let Some(row) = self.input.next(run)? {
            let key = row.key.clone();
            let document = run.document(row)?;
            let Some(Value::Vector(vector)) = body::find(&document.body, &self.find.field).map_err(damage)?
            else {
                continue;
            };
            run.meter.vectors += best.offer(&vector, Row { key, found: Found::Document(document) });
        }
        Ok(best.farthest_first())
    }
}

impl<'f> Best<'f> {
    pub fn new(find: &'f FindNearest) -> Self {
        Best { find, heap: BinaryHeap::new() }
    }

    /// Keeps the row as long as no nearer ones come. Answers how many vectors were compared: one of another length is
    /// not.
    pub fn offer(&mut self, vector: &[f64], row: Row) -> u64 {
        if vector.len() != self.find.vector.len() {
            return 0;
        }
        let distance = distance(self.find.measure, vector, &self.find.vector);
        if self.is_within(distance) {
            let rank = match self.find.measure {
                DistanceMeasure::Euclidean | DistanceMeasure::Cosine => distance,
                DistanceMeasure::DotProduct => -distance,
            };
            self.heap.push(Candidate { distance, rank, row });
        }
        if self.heap.len() > usize::try_from(self.find.limit).expect("checked to be positive") {
            self.heap.pop();
        }
        1
    }

    pub fn farthest_first(self) -> Vec<Candidate> {
        let mut nearest = self.heap.into_sorted_vec();
        nearest.reverse();
        nearest
    }

    fn is_within(&self, distance: f64) -> bool {
        match (self.find.threshold, self.find.measure) {
            (None, _) => true,
            (Some(threshold), DistanceMeasure::DotProduct) => distance >= threshold,
            (Some(threshold), DistanceMeasure::Euclidean | DistanceMeasure::Cosine) => distance <= threshold,
        }
    }
}

fn distance(measure: DistanceMeasure, a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    match measure {
        DistanceMeasure::Euclidean => a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
        DistanceMeasure::Cosine => 1.0 - dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()),
        DistanceMeasure::DotProduct => dot(a, b),
    }
}

impl Ord for Candidate {
    /// By rank, NaN last; ties in the query's order.
    fn cmp(&self, other: &Self) -> Ordering {
        let ranks = match (self.rank.is_nan(), other.rank.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.rank.partial_cmp(&other.rank).expect("neither is NaN"),
        };
        ranks.then_with(|| self.row.key.cmp(&other.row.key))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}
