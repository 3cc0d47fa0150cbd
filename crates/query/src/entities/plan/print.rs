//! Plans as text: one line a node, inputs indented below.

use std::fmt;

use database::{ColumnKind, NameSource};
use model::encoding::{END, after_prefix, read_ids};
use model::entity::encoding::read_value;
use model::entity::key::kind_of;
use model::entity::validate::KEY_PROPERTY;
use model::entity::{EntityValue, Key};
use model::query::Direction;
use model::{DatabaseName, DocumentPath};

use super::{EntityPlan, Step};
use crate::entities::normal::OrderColumn;
use crate::plan::{IndexRead, KeyColumn, Node};
use crate::span::{Span, Spans, inverted};

impl fmt::Display for EntityPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = &self.query.database;
        match &self.step {
            Step::Nothing => return f.write_str("nothing"),
            Step::Rows(only) => {
                f.write_str("rows")?;
                node(f, only, 1, database)?;
            }
            Step::First(only) => {
                f.write_str("first")?;
                node(f, only, 1, database)?;
            }
            Step::Confirm(only) => {
                f.write_str("confirm")?;
                node(f, only, 1, database)?;
            }
            Step::Sort(inputs) => {
                f.write_str("sort by")?;
                for (n, OrderColumn { name, direction }) in self.query.order.iter().enumerate() {
                    let comma = if n > 0 { "," } else { "" };
                    let name = name.as_deref().unwrap_or(KEY_PROPERTY);
                    write!(f, "{comma} {name} {}", word(*direction))?;
                }
                inputs.iter().try_for_each(|input| node(f, input, 1, database))?;
            }
            Step::Metadata(kind) => return write!(f, "metadata {kind:?}"),
        }
        Ok(())
    }
}

fn node(f: &mut fmt::Formatter<'_>, at: &Node, depth: usize, database: &DatabaseName) -> fmt::Result {
    write!(f, "\n{:1$}", "", depth * 2)?;
    match at {
        Node::Names(read) => {
            match &read.source {
                NameSource::Group { collection_id, .. } => {
                    write!(f, "keys of {}", kind_of(collection_id).unwrap_or_default())?;
                }
                _ => f.write_str("keys of every kind")?,
            }
            if read.direction == Direction::Descending {
                f.write_str(" descending")?;
            }
            let spans = read.ranges.iter().cloned();
            conditions(f, KEY_PROPERTY, read.direction, spans, &mut ": ", database)
        }
        Node::Index(read) => index(f, read, database),
        Node::Merge(reads) => {
            f.write_str("merge")?;
            reads.iter().try_for_each(|read| {
                write!(f, "\n{:1$}", "", depth * 2 + 2)?;
                index(f, read, database)
            })
        }
        Node::Union(inputs) => {
            f.write_str("union")?;
            inputs.iter().try_for_each(|input| node(f, input, depth + 1, database))
        }
        // Plans for entities have no other nodes.
        Node::Nothing
        | Node::Fetch(_)
        | Node::Filter(_)
        | Node::Sort { .. }
        | Node::Having { .. }
        | Node::Page { .. }
        | Node::Nearest { .. }
        | Node::Project { .. } => Ok(()),
    }
}

fn index(f: &mut fmt::Formatter<'_>, read: &IndexRead, database: &DatabaseName) -> fmt::Result {
    write!(f, "index {}", properties(read))?;
    if read.direction == Direction::Descending {
        f.write_str(" backward")?;
    }
    let mut separator = ": ";
    for pin in &read.pinned {
        let value = read_value(&pin.value).map(|(value, _)| show(&value)).unwrap_or_default();
        write!(f, "{separator}{} = {value}", pin.path.first())?;
        separator = " and ";
    }
    for (n, KeyColumn { path, direction, spans, .. }) in read.columns.iter().enumerate() {
        let spans = if n == 0 { read.ranges.clone() } else { spans.as_slice().to_vec() };
        conditions(f, path.first(), *direction, spans.into_iter(), &mut separator, database)?;
    }
    Ok(())
}

/// The columns of an index as they are declared.
pub(in crate::entities) fn properties(read: &IndexRead) -> String {
    let mut text = String::from("(");
    for column in read.source.columns() {
        let direction = match column.kind {
            ColumnKind::Descending => Direction::Descending,
            ColumnKind::Ascending | ColumnKind::Contains | ColumnKind::Vector { .. } => Direction::Ascending,
        };
        text.push_str(&format!("{} {}, ", column.path.first(), word(direction)));
    }
    text.push_str(&format!("{KEY_PROPERTY} {})", word(read.source.name_direction())));
    text
}

fn conditions(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    direction: Direction,
    spans: impl Iterator<Item = Span>,
    separator: &mut &str,
    database: &DatabaseName,
) -> fmt::Result {
    let is_key = name == KEY_PROPERTY;
    let spans: Vec<Span> = spans.collect();
    if spans == Spans::all().as_slice() {
        return Ok(());
    }
    let edge = |bytes: &[u8]| {
        let upright = if direction == Direction::Descending { inverted(bytes) } else { bytes.to_vec() };
        if is_key { show_path(&upright, database) } else { show_bytes(&upright) }
    };
    write!(f, "{separator}{name}")?;
    *separator = " and ";
    if spans.is_empty() {
        return f.write_str(" nowhere");
    }
    for (n, Span { start, end }) in spans.iter().enumerate() {
        let or = if n > 0 { " or" } else { "" };
        write!(f, "{or} from {}", edge(start))?;
        end.iter().try_for_each(|end| write!(f, " to {}", edge(end)))?;
    }
    Ok(())
}

/// An edge between values: the value it lies at, or directly behind (`+`).
fn show_bytes(bytes: &[u8]) -> String {
    if let Some(value) = whole(bytes) {
        return show(&value);
    }
    let mut before = bytes.to_vec();
    if let Some(last) = before.last_mut() {
        *last = last.wrapping_sub(1);
    }
    match whole(&before).filter(|_| after_prefix(&before).is_some_and(|after| after == bytes)) {
        Some(value) => format!("{}+", show(&value)),
        None => format!("{bytes:02x?}"),
    }
}

/// The value that all of the bytes are.
fn whole(bytes: &[u8]) -> Option<EntityValue> {
    read_value(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// The same between keys.
fn show_path(bytes: &[u8], database: &DatabaseName) -> String {
    let key = |bytes: &[u8]| {
        let (path, rest) = read_ids(bytes).ok()?;
        let path = DocumentPath::new(&path)?;
        let key = Key::of_document_path(database, &path).map_or(path.to_string(), |key| key.to_string());
        Some(if rest.is_empty() { key } else { format!("{key}+") })
    };
    let closed = bytes.strip_suffix(&[END + 1]);
    match closed.and_then(|path| key(&[path, &[END]].concat())) {
        Some(text) => text,
        None => key(bytes).unwrap_or_else(|| format!("{bytes:02x?}")),
    }
}

fn show(value: &EntityValue) -> String {
    match value {
        EntityValue::Null => "null".to_owned(),
        EntityValue::Boolean(truth) => truth.to_string(),
        EntityValue::Integer(number) => number.to_string(),
        EntityValue::Double(number) => format!("{number:?}"),
        EntityValue::Timestamp(time) => format!("{time:?}"),
        EntityValue::Key(key) => key.to_string(),
        EntityValue::String(text) => format!("{text:?}"),
        EntityValue::Blob(bytes) => format!("{bytes:?}"),
        EntityValue::GeoPoint(point) => format!("({}, {})", point.latitude, point.longitude),
        EntityValue::Entity(_) | EntityValue::Array(_) => "compound".to_owned(),
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
