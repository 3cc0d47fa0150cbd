//! Lists and sets.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{HEAVIEST, Value};
use crate::order;

/// An ordered list.
#[derive(Clone, Debug)]
pub struct List(Arc<Items>);

/// A set: sorted, and nothing in it twice. 1 and 1.0 are the same element.
#[derive(Clone, Debug)]
pub struct Set(Arc<Items>);

#[derive(Debug)]
struct Items {
    values: Vec<Value>,
    weight: u64,
}

impl Items {
    fn new(values: Vec<Value>) -> Arc<Self> {
        let weight = values.iter().fold(16u64, |sum, value| sum.saturating_add(8 + value.weight()));
        Arc::new(Items { values, weight: weight.min(HEAVIEST) })
    }
}

impl List {
    /// From what is in it.
    pub fn new(values: Vec<Value>) -> Self {
        List(Items::new(values))
    }

    /// What is in it, in order.
    pub fn values(&self) -> &[Value] {
        &self.0.values
    }

    pub(crate) fn weight(&self) -> u64 {
        self.0.weight
    }
}

impl Set {
    /// From what is in it, in any order.
    pub fn new(mut values: Vec<Value>) -> Self {
        values.sort_by(order::elements);
        values.dedup_by(|a, b| order::elements(a, b).is_eq());
        Set(Items::new(values))
    }

    /// What is in it, in an order of its own.
    pub fn values(&self) -> &[Value] {
        &self.0.values
    }

    /// True when `value` is in it.
    pub fn contains(&self, value: &Value) -> bool {
        self.values().binary_search_by(|element| order::elements(element, value)).is_ok()
    }

    /// True when all that is in this set is in `other`.
    pub fn is_subset(&self, other: &Set) -> bool {
        self.values().iter().all(|value| other.contains(value))
    }

    pub(crate) fn weight(&self) -> u64 {
        self.0.weight
    }

    pub(crate) fn order(&self, other: &Set, compare: impl Fn(&Value, &Value) -> Ordering) -> Ordering {
        let pairs = self.values().iter().zip(other.values());
        let mut orders = pairs.map(|(a, b)| compare(a, b));
        orders.find(|order| order.is_ne()).unwrap_or_else(|| self.values().len().cmp(&other.values().len()))
    }
}

impl Default for Set {
    fn default() -> Self {
        Set::new(Vec::new())
    }
}
