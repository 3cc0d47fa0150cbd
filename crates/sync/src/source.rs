//! What is followed: a collection, a collection group, or those of its documents that meet conditions.

use std::fmt;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::structured_query::{
    CollectionSelector, CompositeFilter, Direction, FieldFilter, FieldReference, Filter, Order, Projection,
    composite_filter, field_filter, filter,
};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    ArrayValue, Cursor, StructuredQuery, Value, value::ValueType,
};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};
use crate::time::Time;

/// The name that stands for a document's own name in queries.
const NAME: &str = "__name__";

/// A collection of one database, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub project: String,
    /// `(default)`, unless the database has a name.
    pub database: String,
    pub collection: Collection,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

/// Where the documents stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Collection {
    /// One collection, by its path: `events`, or `users/alice/orders`.
    One(String),
    /// All collections with this id, wherever they are.
    Group(String),
}

/// `field operator value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    text: String,
    filter: FieldFilter,
}

/// A stretch of a collection in the order of names: after the first, up to and with the second. Names are paths
/// below the database, `events/0001`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    pub after: Option<String>,
    pub to: Option<String>,
}

/// A place in the order of a timestamp field and, among equal timestamps, of names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub time: Time,
    /// `None`: before all documents of this time.
    pub name: Option<String>,
}

impl Source {
    /// `projects/…/databases/…`.
    pub fn database_name(&self) -> String {
        format!("projects/{}/databases/{}", self.project, self.database)
    }

    /// `projects/…/databases/…/documents/`, which all full names begin with.
    pub(crate) fn root(&self) -> String {
        format!("{}/documents/", self.database_name())
    }

    /// What queries run below: the database's documents, or the document that the collection belongs to.
    pub(crate) fn parent(&self) -> String {
        let root = self.root();
        let below = match &self.collection {
            Collection::One(path) => path.rsplit_once('/').map_or("", |(parent, _)| parent),
            Collection::Group(_) => "",
        };
        format!("{root}{below}").trim_end_matches('/').to_owned()
    }

    /// Checks what can be checked without the server.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |message: String| Err(Failure::new(Kind::Query, message));
        if self.project.is_empty() || self.project.contains('/') || self.database.contains('/') {
            return wrong("project and database are ids, without slashes".to_owned());
        }
        match &self.collection {
            Collection::One(path)
                if path.split('/').any(str::is_empty) || path.split('/').count() % 2 == 0 =>
            {
                wrong(format!("`{path}` is no collection; write one like `events` or `users/alice/orders`"))
            }
            Collection::Group(id) if id.is_empty() || id.contains('/') => wrong(format!(
                "`{id}` is no id of collections; a collection group has one id, without slashes"
            )),
            Collection::One(_) | Collection::Group(_) => Ok(()),
        }
    }

    /// The whole, without an order of its own, as listeners get it.
    pub(crate) fn query(&self) -> StructuredQuery {
        let (id, all_descendants) = match &self.collection {
            Collection::One(path) => (path.rsplit('/').next().unwrap_or(path), false),
            Collection::Group(id) => (id.as_str(), true),
        };
        StructuredQuery {
            from: vec![CollectionSelector { collection_id: id.to_owned(), all_descendants }],
            r#where: all_of(self.conditions.iter().map(|condition| condition.filter.clone()).collect()),
            ..StructuredQuery::default()
        }
    }

    /// A stretch in the order of names.
    pub(crate) fn stretch(&self, stretch: &Stretch) -> StructuredQuery {
        let cursor = |name: &String, before| Cursor { values: vec![self.reference(name)], before };
        StructuredQuery {
            order_by: vec![ascending(NAME)],
            start_at: stretch.after.as_ref().map(|name| cursor(name, false)),
            end_at: stretch.to.as_ref().map(|name| cursor(name, false)),
            ..self.query()
        }
    }

    /// The documents whose `field` is a timestamp not before `since`, in its order, from a place on and up to and
    /// with another. What has `field` missing or of another type is not among them.
    pub(crate) fn by_time(
        &self,
        field: &str,
        since: Time,
        from: Option<&Place>,
        to: Option<&Place>,
    ) -> StructuredQuery {
        let mut conditions: Vec<_> =
            self.conditions.iter().map(|condition| condition.filter.clone()).collect();
        conditions.push(FieldFilter {
            field: Some(reference(field)),
            op: field_filter::Operator::GreaterThanOrEqual.into(),
            value: Some(timestamp(since)),
        });
        let cursor = |place: &Place, before_time| match &place.name {
            Some(name) => Cursor { values: vec![timestamp(place.time), self.reference(name)], before: false },
            None => Cursor { values: vec![timestamp(place.time)], before: before_time },
        };
        StructuredQuery {
            r#where: all_of(conditions),
            order_by: vec![ascending(field), ascending(NAME)],
            start_at: from.map(|place| cursor(place, true)),
            end_at: to.map(|place| cursor(place, false)),
            ..self.query()
        }
    }

    /// The first or the last document in the order of a field, whatever its type.
    pub(crate) fn edge(&self, field: &str, last: bool) -> StructuredQuery {
        let direction = if last { Direction::Descending } else { Direction::Ascending };
        let order = Order { field: Some(reference(field)), direction: direction.into() };
        StructuredQuery { order_by: vec![order], limit: Some(1), ..self.query() }
    }

    /// True for a collection group.
    pub(crate) fn is_group(&self) -> bool {
        matches!(self.collection, Collection::Group(_))
    }

    fn reference(&self, name: &str) -> Value {
        Value { value_type: Some(ValueType::ReferenceValue(format!("{}{name}", self.root()))) }
    }
}

/// The same query, and of each document only its name, its times and one field.
pub(crate) fn keys_only(mut query: StructuredQuery, field: Option<&str>) -> StructuredQuery {
    let mut fields = vec![reference(NAME)];
    fields.extend(field.map(reference));
    query.select = Some(Projection { fields });
    query
}

fn reference(field: &str) -> FieldReference {
    FieldReference { field_path: field.to_owned() }
}

fn ascending(field: &str) -> Order {
    Order { field: Some(reference(field)), direction: Direction::Ascending.into() }
}

fn timestamp(time: Time) -> Value {
    Value { value_type: Some(ValueType::TimestampValue(time.to_wire())) }
}

fn all_of(mut filters: Vec<FieldFilter>) -> Option<Filter> {
    let wrap = |one| Filter { filter_type: Some(filter::FilterType::FieldFilter(one)) };
    match filters.len() {
        0 => None,
        1 => filters.pop().map(wrap),
        _ => {
            let filters = filters.into_iter().map(wrap).collect();
            let composite = CompositeFilter { op: composite_filter::Operator::And.into(), filters };
            Some(Filter { filter_type: Some(filter::FilterType::CompositeFilter(composite)) })
        }
    }
}

impl Condition {
    /// Reads `status == "open"`, `size >= 10`, `tags array-contains "new"`, `kind in ["a", "b"]`. Values are JSON,
    /// or a time like `2026-11-21T20:15:00Z` without quotes.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let mut parts = text.trim().splitn(3, char::is_whitespace);
        let (Some(field), Some(word), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("`{text}` is no condition; write one like 'status == \"open\"'"));
        };
        let op = operator(word).ok_or_else(|| {
            format!("`{word}` is no operator; there are == != < <= > >= in not-in array-contains array-contains-any")
        })?;
        let value = match Time::parse(value.trim()) {
            Some(time) => timestamp(time),
            None => serde_json::from_str(value.trim())
                .ok()
                .and_then(|json| literal(&json))
                .ok_or_else(|| format!("`{value}` is no value; write JSON, strings in double quotes"))?,
        };
        let filter = FieldFilter { field: Some(reference(field)), op: op.into(), value: Some(value) };
        Ok(Condition { text: text.trim().to_owned(), filter })
    }
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Condition, String> {
        Condition::parse(&text)
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> String {
        condition.text
    }
}

fn operator(word: &str) -> Option<field_filter::Operator> {
    use field_filter::Operator;
    Some(match word {
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::LessThan,
        "<=" => Operator::LessThanOrEqual,
        ">" => Operator::GreaterThan,
        ">=" => Operator::GreaterThanOrEqual,
        "in" => Operator::In,
        "not-in" => Operator::NotIn,
        "array-contains" => Operator::ArrayContains,
        "array-contains-any" => Operator::ArrayContainsAny,
        _ => return None,
    })
}

fn literal(json: &serde_json::Value) -> Option<Value> {
    let kind = match json {
        serde_json::Value::Null => ValueType::NullValue(0),
        serde_json::Value::Bool(truth) => ValueType::BooleanValue(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => ValueType::IntegerValue(number),
            None => ValueType::DoubleValue(number.as_f64()?),
        },
        serde_json::Value::String(text) => ValueType::StringValue(text.clone()),
        serde_json::Value::Array(values) => {
            let values = values.iter().map(literal).collect::<Option<_>>()?;
            ValueType::ArrayValue(ArrayValue { values })
        }
        serde_json::Value::Object(_) => return None,
    };
    Some(Value { value_type: Some(kind) })
}

/// For people.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.database_name())?;
        match &self.collection {
            Collection::One(path) => write!(f, "collection {path}")?,
            Collection::Group(id) => write!(f, "collection group {id}")?,
        }
        for condition in &self.conditions {
            write!(f, " where {}", condition.text)?;
        }
        Ok(())
    }
}

/// Finds the timestamp in a field such as `created_at` or `meta.at`.
pub(crate) fn timestamp_in(fields: &std::collections::BTreeMap<String, Value>, path: &str) -> Option<Time> {
    let found = fields_at(fields, path)?;
    match &found.value_type {
        Some(ValueType::TimestampValue(stamp)) => Some(Time::from_wire(stamp)),
        Some(_) | None => None,
    }
}

/// A name with dots in it stands in backticks; such a one is looked for as a whole.
fn fields_at<'a>(fields: &'a std::collections::BTreeMap<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(name) = path.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        return fields.get(name);
    }
    match path.split_once('.') {
        None => fields.get(path),
        Some((first, rest)) => match &fields.get(first)?.value_type {
            Some(ValueType::MapValue(map)) => fields_at(&map.fields, rest),
            Some(_) | None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(collection: Collection) -> Source {
        Source {
            project: "p".to_owned(),
            database: "(default)".to_owned(),
            collection,
            conditions: Vec::new(),
        }
    }

    #[test]
    fn a_collection_is_queried_below_its_document() {
        let table = [
            (Collection::One("events".to_owned()), "projects/p/databases/(default)/documents", "events"),
            (
                Collection::One("users/alice/orders".to_owned()),
                "projects/p/databases/(default)/documents/users/alice",
                "orders",
            ),
            (Collection::Group("orders".to_owned()), "projects/p/databases/(default)/documents", "orders"),
        ];
        for (collection, parent, id) in table {
            let source = source(collection);
            assert_eq!(source.parent(), parent);
            assert_eq!(source.query().from[0].collection_id, id);
            assert_eq!(source.check(), Ok(()));
        }
    }

    #[test]
    fn what_is_no_collection_is_refused() {
        for path in ["", "/", "users/alice", "a//b", "a/b/"] {
            assert!(source(Collection::One(path.to_owned())).check().is_err(), "{path}");
        }
        assert!(source(Collection::Group("a/b/c".to_owned())).check().is_err());
    }

    #[test]
    fn conditions_are_read() {
        for text in [
            "status == \"open and shut\"",
            "size >= 10",
            "a.b in [1, 2.5, null]",
            "at > 2026-11-21T20:15:00Z",
            "tags array-contains \"new\"",
        ] {
            assert!(Condition::parse(text).is_ok(), "{text}");
        }
        for text in ["", "status", "status ==", "status = 1", "status == open", "a == {\"b\": 1}"] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
    }
}
