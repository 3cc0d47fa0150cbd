//! Plans as text: one line a node, inputs indented below.

use std::fmt;

use database::ColumnKind;
use model::encoding::{END, after_prefix, read_ids};
use model::entity::encoding::read_value;
use model::entity::validate::KEY_PROPERTY;
use model::entity::{EntityValue, Key};
use model::query::Direction;
use model::{DatabaseName, DocumentPath};

use super::{EntityPlan, Step};
use crate::entities::normal::{Normal, OrderColumn};
use crate::plan::{IndexRead, KeyColumn, Node};
use crate::span::{Span, Spans, inverted};

impl fmt::Display for EntityPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, nodes) = match &self.step {
            Step::Nothing => return f.write_str("nothing"),
            Step::Metadata(kind) => return write!(f, "metadata {kind:?}"),
            Step::Rows(node) => ("rows", std::slice::from_ref(node)),
            Step::First(node) => ("first", std::slice::from_ref(node)),
            Step::Confirm(node) => ("confirm", std::slice::from_ref(node)),
            Step::Sort(nodes) => ("sort by", nodes.as_slice()),
        };
        f.write_str(word)?;
        if let Step::Sort(_) = &self.step {
            for (n, OrderColumn { name, direction }) in self.query.order.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                let name = name.as_deref().unwrap_or(KEY_PROPERTY);
                write!(f, "{comma} {name} {}", direction_word(*direction))?;
            }
        }
        nodes.iter().try_for_each(|one| node(f, one, 1, &self.query))
    }
}

fn node(f: &mut fmt::Formatter<'_>, at: &Node, depth: usize, query: &Normal) -> fmt::Result {
    write!(f, "\n{:1$}", "", depth * 2)?;
    match at {
        Node::Names(read) => {
            let kind = query.source.kind.as_deref();
            write!(f, "keys of {}", kind.unwrap_or("every kind"))?;
            if read.direction == Direction::Descending {
                f.write_str(" descending")?;
            }
            conditions(f, KEY_PROPERTY, read.direction, &read.ranges, &mut ": ", query)
        }
        Node::Index(read) => index(f, read, query),
        Node::Merge(reads) => {
            f.write_str("merge")?;
            reads.iter().try_for_each(|read| {
                write!(f, "\n{:1$}", "", depth * 2 + 2)?;
                index(f, read, query)
            })
        }
        Node::Union(inputs) => {
            f.write_str("union")?;
            inputs.iter().try_for_each(|input| node(f, input, depth + 1, query))
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

fn index(f: &mut fmt::Formatter<'_>, read: &IndexRead, query: &Normal) -> fmt::Result {
    write!(f, "index of {} {}", query.source.kind.as_deref().unwrap_or_default(), properties(read))?;
    if let (false, Some(ancestor)) = (read.automatic, &query.source.ancestor) {
        write!(f, " below {}", show_key(ancestor, &query.database))?;
    }
    if read.direction == Direction::Descending {
        f.write_str(" backward")?;
    }
    let mut separator = ": ";
    for pin in &read.pinned {
        let value = whole(&pin.value).as_ref().map(show).unwrap_or_default();
        write!(f, "{separator}{} = {value}", pin.path.first())?;
        separator = " and ";
    }
    let ancestor = query.source.ancestor.is_some();
    for (n, KeyColumn { path, direction, spans, .. }) in read.columns.iter().enumerate() {
        // What the index holds needs no condition.
        if ancestor && !read.automatic && path.first() == KEY_PROPERTY {
            continue;
        }
        let spans = if n == 0 { read.ranges.as_slice() } else { spans.as_slice() };
        conditions(f, path.first(), *direction, spans, &mut separator, query)?;
    }
    Ok(())
}

/// The columns of an index as they are declared.
fn properties(read: &IndexRead) -> String {
    let mut text = String::from("(");
    for column in read.source.columns() {
        let direction = match column.kind {
            ColumnKind::Descending => Direction::Descending,
            ColumnKind::Ascending | ColumnKind::Contains | ColumnKind::Vector { .. } => Direction::Ascending,
        };
        text.push_str(&format!("{} {}, ", column.path.first(), direction_word(direction)));
    }
    text.push_str(&format!("{KEY_PROPERTY} {})", direction_word(read.source.name_direction())));
    text
}

fn conditions(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    direction: Direction,
    spans: &[Span],
    separator: &mut &str,
    query: &Normal,
) -> fmt::Result {
    if spans == Spans::all().as_slice() {
        return Ok(());
    }
    write!(f, "{separator}{name}")?;
    *separator = " and ";
    if spans.is_empty() {
        return f.write_str(" nowhere");
    }
    // In a descending column edges are inverted, and stand for what comes before.
    let upright = |bytes: &[u8]| match direction {
        Direction::Ascending => bytes.to_vec(),
        Direction::Descending => inverted(bytes),
    };
    for (n, Span { start, end }) in spans.iter().enumerate() {
        let or = if n > 0 { " or" } else { "" };
        let (start, end) = (upright(start), end.as_ref().map(|end| upright(end)));
        let edge = |bytes: &[u8]| match name {
            KEY_PROPERTY => show_path(bytes, &query.database),
            _ => show_bytes(bytes),
        };
        if name == KEY_PROPERTY && direction == Direction::Ascending && end == after_prefix(&start) {
            write!(f, "{or} below {}", edge(&start))?;
            continue;
        }
        if !start.is_empty() {
            write!(f, "{or} from {}", edge(&start))?;
        }
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
        let key = show_key(&path, database);
        Some(if rest.is_empty() { key } else { format!("{key}+") })
    };
    let closed = bytes.strip_suffix(&[END + 1]);
    match closed.and_then(|path| key(&[path, &[END]].concat())) {
        Some(text) => text,
        None => key(bytes).unwrap_or_else(|| format!("{bytes:02x?}")),
    }
}

fn show_key(path: &DocumentPath, database: &DatabaseName) -> String {
    Key::of_document_path(database, path).map_or_else(|| path.to_string(), |key| key.to_string())
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

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
