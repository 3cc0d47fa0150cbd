//! A cursor as a cut in the order's keys.

use std::cmp::Ordering;

use model::Value;
use model::encoding::{after_prefix, push_index_value, push_index_value_descending};
use model::query::{Cursor, Direction, Order};

use crate::source::Source;

/// A cursor of a query, as a cut.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    edge: Edge,
    /// For printing.
    cursor: Cursor,
}

/// A place between keys: a start keeps what lies above it, an end what lies below.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// Encoded values of the first columns, in the columns' directions.
    pub values: Vec<Vec<u8>>,
    pub tail: Tail,
}

/// Where an edge lies among the keys that begin with its values.
#[derive(Clone, Debug)]
pub(crate) enum Tail {
    Before,
    After,
    /// At this edge of their names; None: above them all.
    Name(Option<Vec<u8>>),
}

/// Where a column of the key comes from when one disjunct is scanned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyPart {
    /// The disjunct pins the column: the same bytes for every document.
    Constant(Vec<u8>),
    /// The scan's next column.
    Column,
}

impl Cut {
    /// The cut that a cursor names; none for a cursor without values.
    pub fn at(cursor: &Cursor, order: &[Order], source: &Source) -> Option<Self> {
        if cursor.values.is_empty() {
            return None;
        }
        let after = !cursor.before;
        let mut values = Vec::new();
        let mut tail = if after { Tail::After } else { Tail::Before };
        for (value, column) in cursor.values.iter().zip(order) {
            if let (true, Value::Reference(name)) = (column.path.is_document_name(), value) {
                tail = Tail::Name(source.directed_edge(&name.path, after, column.direction));
                break;
            }
            values.push(encoded(value, column.direction));
        }
        Some(Cut { edge: Edge { values, tail }, cursor: cursor.clone() })
    }

    /// The cut in keys that hold only the columns of `parts`; None: above every key.
    pub fn edge(&self, parts: &[KeyPart]) -> Option<Vec<u8>> {
        self.edge.among(parts)
    }

    /// The cursor it was made from.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }
}

impl Edge {
    /// The edge in keys that hold only the columns of `parts`; None: above every key.
    pub fn among(&self, parts: &[KeyPart]) -> Option<Vec<u8>> {
        let mut edge = Vec::new();
        for (value, part) in self.values.iter().zip(parts) {
            match part {
                KeyPart::Column => edge.extend_from_slice(value),
                // A pinned column that differs decides for all keys that begin with `edge`.
                KeyPart::Constant(constant) => match constant.cmp(value) {
                    Ordering::Equal => {}
                    Ordering::Greater => return Some(edge),
                    Ordering::Less => return after_prefix(&edge),
                },
            }
        }
        match &self.tail {
            Tail::Before => Some(edge),
            Tail::After | Tail::Name(None) => after_prefix(&edge),
            Tail::Name(Some(name)) => {
                edge.extend_from_slice(name);
                Some(edge)
            }
        }
    }
}

/// A value as a column of that direction keeps it.
pub(crate) fn encoded(value: &Value, direction: Direction) -> Vec<u8> {
    let mut bytes = Vec::new();
    match direction {
        Direction::Ascending => push_index_value(&mut bytes, value),
        Direction::Descending => push_index_value_descending(&mut bytes, value),
    }
    bytes
}
