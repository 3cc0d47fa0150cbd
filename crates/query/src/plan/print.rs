//! Plans as text: one line a node, inputs indented below.

use std::fmt;

use database::{ColumnKind, NameSource, Scope};
use model::Parent;
use model::query::Direction;

use super::read::{Cuts, IndexRead, KeyColumn, NameRead};
use super::{Filter, Node, Plan};
use crate::normal::{Condition, Cut, Disjunct, ShowValue};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        node(f, &self.root, 0)
    }
}

fn node(f: &mut fmt::Formatter<'_>, at: &Node, depth: usize) -> fmt::Result {
    if depth > 0 {
        writeln!(f)?;
    }
    write!(f, "{:1$}", "", depth * 2)?;
    match at {
        Node::Nothing => f.write_str("nothing")?,
        Node::Names(read) => names(f, read)?,
        Node::Index(read) => index(f, read)?,
        Node::Merge(reads) => {
            f.write_str("merge")?;
            for read in reads {
                writeln!(f)?;
                write!(f, "{:1$}", "", depth * 2 + 2)?;
                index(f, read)?;
            }
        }
        Node::Union(_) => f.write_str("union")?,
        Node::Fetch(_) => f.write_str("fetch")?,
        Node::Filter(one) => filter(f, one)?,
        Node::Sort { keep, .. } => {
            f.write_str("sort")?;
            keep.iter().try_for_each(|keep| write!(f, " keep {keep}"))?;
        }
        Node::Having { fields, .. } => write!(f, "having {fields:?}")?,
        Node::Page { offset, limit, .. } => {
            f.write_str("page")?;
            if *offset > 0 {
                write!(f, " offset {offset}")?;
            }
            limit.iter().try_for_each(|limit| write!(f, " limit {limit}"))?;
        }
        Node::Nearest { find, .. } => {
            write!(f, "nearest {} of {} by {:?}", find.limit, find.field, find.measure)?;
            find.threshold.iter().try_for_each(|threshold| write!(f, " within {threshold}"))?;
        }
        Node::Project { fields, .. } => write!(f, "project {fields:?}")?,
    }
    at.inputs().into_iter().try_for_each(|input| node(f, input, depth + 1))
}

fn names(f: &mut fmt::Formatter<'_>, read: &NameRead) -> fmt::Result {
    f.write_str("names of ")?;
    let below = |f: &mut fmt::Formatter<'_>, parent: &Parent| match parent {
        Parent::Root => Ok(()),
        Parent::Document(path) => write!(f, " below {path}"),
    };
    match &read.source {
        NameSource::Collection(collection) => write!(f, "{collection}")?,
        NameSource::Group { collection_id, parent } => {
            write!(f, "group {collection_id}")?;
            below(f, parent)?;
        }
        NameSource::Kindless { parent } => {
            f.write_str("everything")?;
            below(f, parent)?;
        }
        NameSource::Children { parent } => {
            f.write_str("children")?;
            below(f, parent)?;
        }
    }
    if read.direction == Direction::Descending {
        f.write_str(" descending")?;
    }
    let mut separator = Separator::Colon;
    conditions(f, &mut separator, "__name__", &read.conditions)?;
    ends(f, &read.cuts, read.ranges.is_empty())
}

fn index(f: &mut fmt::Formatter<'_>, read: &IndexRead) -> fmt::Result {
    f.write_str("index of ")?;
    match read.source.scope() {
        Scope::Collection(collection) => write!(f, "{collection} ")?,
        Scope::Group { collection_id } => write!(f, "group {collection_id} ")?,
    }
    f.write_str(&properties(read))?;
    if read.direction == Direction::Descending && !read.automatic {
        f.write_str(" backward")?;
    }
    let mut separator = Separator::Colon;
    for pin in &read.pinned {
        conditions(f, &mut separator, &pin.path.to_string(), &pin.conditions)?;
    }
    for KeyColumn { path, conditions: wanted, .. } in &read.columns {
        conditions(f, &mut separator, &path.to_string(), wanted)?;
    }
    ends(f, &read.cuts, read.ranges.is_empty())
}

fn filter(f: &mut fmt::Formatter<'_>, filter: &Filter) -> fmt::Result {
    f.write_str("filter")?;
    let mut separator = Separator::Space;
    let Disjunct { fields, contains, name } = &filter.disjunct;
    for (path, one) in fields.iter().chain(contains.iter().map(|(path, one)| (path, one))) {
        conditions(f, &mut separator, &path.to_string(), &one.conditions)?;
    }
    conditions(f, &mut separator, "__name__", &name.conditions)?;
    f.write_str(" order")?;
    for (n, order) in filter.order.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        write!(f, "{comma} {} {}", order.path, word(order.direction))?;
    }
    ends(f, &Cuts { start: filter.start.clone(), end: filter.end.clone() }, false)
}

/// What stands before the next condition.
enum Separator {
    Colon,
    Space,
    And,
}

fn conditions(
    f: &mut fmt::Formatter<'_>,
    separator: &mut Separator,
    path: &str,
    conditions: &[Condition],
) -> fmt::Result {
    for condition in conditions {
        let between = match std::mem::replace(separator, Separator::And) {
            Separator::Colon => ": ",
            Separator::Space => " ",
            Separator::And => " and ",
        };
        write!(f, "{between}{path} {condition}")?;
    }
    Ok(())
}

fn ends(f: &mut fmt::Formatter<'_>, cuts: &Cuts, empty: bool) -> fmt::Result {
    let cut = |f: &mut fmt::Formatter<'_>, words: [&str; 2], cut: &Option<Cut>| {
        let Some(cursor) = cut.as_ref().map(Cut::cursor) else {
            return Ok(());
        };
        write!(f, " {} (", if cursor.before { words[0] } else { words[1] })?;
        for (n, value) in cursor.values.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{}", ShowValue(value))?;
        }
        f.write_str(")")
    };
    cut(f, ["from", "after"], &cuts.start)?;
    cut(f, ["before", "to"], &cuts.end)?;
    if empty { f.write_str(" (empty)") } else { Ok(()) }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

/// The names of documents as production prints them as an index.
pub(crate) fn name_properties(direction: Direction) -> String {
    format!("(__name__ {})", word(direction))
}

/// The columns of an index as production prints them: a declared one as declared, an automatic one
/// in the direction it is read in, because there production has one for each.
pub(crate) fn properties(read: &IndexRead) -> String {
    let source = &read.source;
    let turned = read.direction == Direction::Descending && read.automatic;
    let shown = |own: Direction| word(if turned { own.reversed() } else { own });
    let mut text = String::from("(");
    let mut vector = None;
    for column in source.columns() {
        match column.kind {
            ColumnKind::Ascending => {
                text.push_str(&format!("{} {}, ", column.path, shown(Direction::Ascending)))
            }
            ColumnKind::Descending => {
                text.push_str(&format!("{} {}, ", column.path, shown(Direction::Descending)))
            }
            ColumnKind::Contains => text.push_str(&format!("{} ARRAY_CONTAINS, ", column.path)),
            ColumnKind::Vector { dimension } => vector = Some((&column.path, dimension)),
        }
    }
    text.push_str(&format!("__name__ {}", shown(source.name_direction())));
    if let Some((path, dimension)) = vector {
        text.push_str(&format!(", {path} VECTOR<{dimension}>"));
    }
    text.push(')');
    text
}
