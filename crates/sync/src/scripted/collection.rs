//! The documents of the scripted server, and those queries over them that followers make: in the order of names, or of
//! the timestamps in `created_at`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::structured_query::filter::FilterType;
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Cursor, Document, StructuredQuery, Value, value::ValueType,
};

use super::server::Clock;
use crate::time::Time;

const ROOT: &str = "projects/p/databases/(default)/documents/";
/// What polling goes by.
const FIELD: &str = "created_at";

pub(super) fn full_name(name: &str) -> String {
    format!("{ROOT}events/{name}")
}

pub(super) fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// When a document was updated, and what it has for a timestamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) updated: i64,
    stamped: Option<i64>,
}

impl Version {
    /// Reads `6`, `6/3` for a timestamp of its own, or `6/none`.
    pub(super) fn read(text: &str) -> Result<Version, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no time"));
        match text.split_once('/') {
            None => Ok(Version { updated: number(text)?, stamped: Some(number(text)?) }),
            Some((updated, "none")) => Ok(Version { updated: number(updated)?, stamped: None }),
            Some((updated, stamped)) => {
                Ok(Version { updated: number(updated)?, stamped: Some(number(stamped)?) })
            }
        }
    }

    pub(super) fn document(self, name: &str, clock: Clock) -> Document {
        let value = |kind| Value { value_type: Some(kind) };
        let number = value(ValueType::IntegerValue(self.updated));
        let stamp = self.stamped.map(|at| value(ValueType::TimestampValue(clock.at(at).to_wire())));
        let stamp = stamp.map(|stamp| (FIELD.to_owned(), stamp));
        Document {
            name: full_name(name),
            fields: [("n".to_owned(), number)].into_iter().chain(stamp).collect(),
            create_time: Some(clock.at(0).to_wire()),
            update_time: Some(clock.at(self.updated).to_wire()),
        }
    }
}

/// Those of a query, in its order.
pub(super) fn found(
    documents: &BTreeMap<String, Version>,
    query: &StructuredQuery,
    clock: Clock,
) -> Vec<Document> {
    let by_time = is_by_time(query);
    let since = since(query);
    let eligible = |version: &Version| match (by_time, version.stamped) {
        (false, _) => true,
        (true, None) => false,
        (true, Some(stamped)) => since.is_none_or(|since| clock.at(stamped) >= since),
    };
    let place = |name: &str, version: &Version| {
        let stamped = version.stamped.filter(|_| by_time).map(|stamped| clock.at(stamped));
        (stamped, name.to_owned())
    };
    let mut all: Vec<_> = documents.iter().filter(|(_, version)| eligible(version)).collect();
    all.sort_by_key(|(name, version)| place(name, version));
    all.into_iter()
        .filter(|(name, version)| {
            let place = place(name, version);
            let from = query.start_at.as_ref().map(|start| (against(&place, start), start.before));
            let to = query.end_at.as_ref().map(|end| (against(&place, end), end.before));
            !matches!(from, Some((Ordering::Less, _) | (Ordering::Equal, false)))
                && !matches!(to, Some((Ordering::Greater, _) | (Ordering::Equal, true)))
        })
        .take(query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).expect("a limit")))
        .map(|(name, version)| {
            let mut document = version.document(name, clock);
            if let Some(select) = &query.select {
                document.fields.retain(|field, _| select.fields.iter().any(|of| of.field_path == *field));
            }
            document
        })
        .collect()
}

/// What a query asks, in words.
pub(super) fn asked(query: &StructuredQuery, clock: Clock) -> String {
    let mut said = String::new();
    if is_by_time(query) {
        said.push_str(" by time");
    }
    if query.select.is_some() {
        said.push_str(" keys");
    }
    let cursor = |cursor: &Cursor| {
        let (time, name) = values(cursor);
        let parts = [time.map(|time| clock.seconds(time)), name];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    };
    if let Some(start) = &query.start_at {
        said.push_str(if start.before { " from=" } else { " after=" });
        said.push_str(&cursor(start));
    }
    said.extend(query.end_at.as_ref().map(|end| format!(" to={}", cursor(end))));
    said
}

/// True when only documents with a timestamp are asked for.
fn is_by_time(query: &StructuredQuery) -> bool {
    query.r#where.is_some()
}

fn since(query: &StructuredQuery) -> Option<Time> {
    match query.r#where.as_ref()?.filter_type.as_ref()? {
        FilterType::FieldFilter(filter) => match filter.value.as_ref()?.value_type.as_ref()? {
            ValueType::TimestampValue(stamp) => Some(Time::from_wire(stamp)),
            _ => None,
        },
        FilterType::CompositeFilter(_) | FilterType::UnaryFilter(_) => None,
    }
}

/// How a place lies to a cursor, which may be less exact.
fn against(place: &(Option<Time>, String), cursor: &Cursor) -> Ordering {
    let (time, name) = values(cursor);
    let by_time = time.map_or(Ordering::Equal, |time| place.0.cmp(&Some(time)));
    by_time.then_with(|| name.map_or(Ordering::Equal, |name| place.1.cmp(&name)))
}

fn values(cursor: &Cursor) -> (Option<Time>, Option<String>) {
    let (mut time, mut name) = (None, None);
    for value in &cursor.values {
        match &value.value_type {
            Some(ValueType::TimestampValue(stamp)) => time = Some(Time::from_wire(stamp)),
            Some(ValueType::ReferenceValue(reference)) => name = Some(short(reference).to_owned()),
            Some(_) | None => {}
        }
    }
    (time, name)
}
