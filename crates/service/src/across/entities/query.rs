//! Queries for entities of one kind as queries for a collection group.
//!
//! Values compare as the Firestore API compares them. A cursor is the values of the order's columns, the name last.

use bytes::Bytes;
use database::View;
use model::entity::mapping::{document_path_of, indexed_property_of, key_of, value_of};
use model::entity::query::{
    EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery, PropertyOperator,
};
use model::entity::validate::KEY_PROPERTY;
use model::entity::{EntityValue, Key, StoredKey};
use model::query::{
    Aggregation, AggregationKind, AggregationQuery, Cursor, Direction, FieldOperator, Filter, Order,
    Selector, StructuredQuery,
};
use model::{DatabaseName, Document, DocumentPath, FieldPath, Fields, Parent, Status, Value, body};
use query::entities::{EntityBatch, EntityRow, MoreResults, ResultType, RowContent};
use query::{MissingIndex, prepare, prepare_aggregation};

use super::entity;
use crate::across::unsupported;
use crate::page_token;
use crate::suggestions::Suggestions;

/// Results of one batch, as of entities.
const MAX_RESULTS: usize = 300;
/// Bytes of results after which a batch takes no further one.
const MAX_BYTES: usize = 1024 * 1024;

/// Answers one batch of the query.
///
/// # Errors
/// UNIMPLEMENTED for what documents cannot be asked; what the view answers.
pub(crate) fn batch(
    view: &View,
    asked: &EntityQuery,
    missing: MissingIndex,
    suggestions: &Suggestions,
) -> Result<EntityBatch, Status> {
    let database = view.database();
    let keys_only = keys_only(asked)?;
    let mut query = structured(asked)?;
    let shape = format!("{:?} {:?} {:?}", query.parent, query.filter, query.order_by);
    query.start_at = cursor(&shape, asked.start.as_ref())?;
    query.end_at = cursor(&shape, asked.end.as_ref())?;
    let wanted = asked.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let most = wanted.min(MAX_RESULTS);
    // One more tells whether there are more.
    query.limit = Some(i32::try_from(most + 1).unwrap_or(i32::MAX));
    let plan = prepare(&query, database)?.plan(view.indexes(), view.read_time(), missing)?;
    if let Some(index) = plan.suggested() {
        suggestions.note(database, index);
    }
    let mut execution = plan.execute(view);
    let (mut rows, mut bytes, mut more) = (Vec::new(), 0, false);
    while let Some(document) = execution.next()? {
        if rows.len() == most || bytes >= MAX_BYTES {
            more = true;
            break;
        }
        bytes += document.body.len() + document.path.as_str().len();
        rows.push(row(database, &query.order_by, &shape, document, keys_only)?);
    }
    let more_results = match (more, &asked.end) {
        (true, _) if rows.len() == wanted => MoreResults::AfterLimit,
        (true, _) => MoreResults::NotFinished,
        (false, Some(_)) => MoreResults::AfterCursor,
        (false, None) => MoreResults::None,
    };
    let end_cursor = rows.last().map(|row| row.cursor.clone());
    let skipped = execution.skipped();
    Ok(EntityBatch {
        result_type: if keys_only { ResultType::KeyOnly } else { ResultType::Full },
        skipped,
        skipped_cursor: None,
        end_cursor: end_cursor.or_else(|| asked.start.clone()).unwrap_or_default(),
        more_results,
        read_time: view.read_time(),
        stats: execution.stats(rows.len() as u64),
        rows,
    })
}

/// Answers figures over the results.
///
/// # Errors
/// As of [`batch`].
pub(crate) fn aggregate(
    view: &View,
    asked: &EntityAggregationQuery,
    missing: MissingIndex,
    suggestions: &Suggestions,
) -> Result<Vec<(String, EntityValue)>, Status> {
    let database = view.database();
    if asked.query.start.is_some() || asked.query.end.is_some() {
        return Err(unsupported("An aggregation between cursors"));
    }
    let mut query = structured(&asked.query)?;
    query.limit = asked.query.limit;
    let aggregations = asked.aggregations.iter().enumerate().map(|(at, one)| {
        let kind = match &one.kind {
            EntityAggregationKind::Count { up_to } => AggregationKind::Count { up_to: *up_to },
            EntityAggregationKind::Sum(name) => AggregationKind::Sum(field_path(name)?),
            EntityAggregationKind::Average(name) => AggregationKind::Average(field_path(name)?),
        };
        let alias = if one.alias.is_empty() { format!("property_{}", at + 1) } else { one.alias.clone() };
        Ok(Aggregation { alias, kind })
    });
    let aggregations = aggregations.collect::<Result<_, Status>>()?;
    let prepared = prepare_aggregation(&AggregationQuery { query, aggregations }, database)?;
    let plan = prepared.plan(view.indexes(), view.read_time(), missing)?;
    if let Some(index) = plan.plan().suggested() {
        suggestions.note(database, index);
    }
    let value = |(alias, value): (String, Value)| Ok((alias, indexed_property_of(&value)?.value));
    plan.execute(view)?.fields.into_iter().map(value).collect()
}

fn keys_only(asked: &EntityQuery) -> Result<bool, Status> {
    match asked.projection.as_slice() {
        [] => Ok(false),
        [only] if only == KEY_PROPERTY => Ok(true),
        _ => Err(unsupported("A projection of properties")),
    }
}

/// The query without cursors and limit, whose order is complete.
fn structured(asked: &EntityQuery) -> Result<StructuredQuery, Status> {
    if !asked.namespace.is_empty() {
        return Err(unsupported("A query of a namespace that is not the default one"));
    }
    if asked.nearest.is_some() || !asked.distinct_on.is_empty() {
        return Err(unsupported("A query for distinct results, or for the nearest vectors"));
    }
    let Some(kind) = asked.kind.clone() else {
        return Err(unsupported("A query of all kinds"));
    };
    model::path::check_collection_id(&kind)?;
    let mut conditions = Conditions { ancestor: None, ranges: Vec::new() };
    let filter = asked.filter.as_ref().map(|filter| conditions.filter(filter, true)).transpose()?;
    let parent = match conditions.ancestor {
        None => Parent::Root,
        Some(ancestor) if ancestor.kind() == kind => {
            return Err(unsupported("A query of a kind that the ancestor has as well"));
        }
        Some(ancestor) => Parent::Document(document_path_of(&ancestor)?),
    };
    let from = Selector { collection_id: Some(kind), all_descendants: true };
    let mut query = StructuredQuery::all(parent, from);
    query.filter = filter.flatten();
    query.offset = asked.offset;
    for order in &asked.order {
        query.order_by.push(Order { path: field_path(&order.name)?, direction: order.direction });
    }
    let direction = query.order_by.last().map_or(Direction::Ascending, |last| last.direction);
    let named = |order_by: &[Order], path: &FieldPath| order_by.iter().any(|order| order.path == *path);
    conditions.ranges.push(FieldPath::document_name());
    for path in conditions.ranges {
        if !named(&query.order_by, &path) && !named(&query.order_by, &FieldPath::document_name()) {
            query.order_by.push(Order { path, direction });
        }
    }
    Ok(query)
}

/// What filters say besides which values properties have.
struct Conditions {
    ancestor: Option<Key>,
    /// The properties with a range: the order begins with them.
    ranges: Vec<FieldPath>,
}

impl Conditions {
    /// None for one that the parent says.
    fn filter(&mut self, filter: &EntityFilter, conjunct: bool) -> Result<Option<Filter>, Status> {
        match filter {
            EntityFilter::And(filters) => {
                let parts = filters.iter().map(|part| self.filter(part, conjunct));
                let parts: Vec<_> = parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
                Ok((!parts.is_empty()).then_some(Filter::And(parts)))
            }
            EntityFilter::Or(filters) => {
                let parts = filters.iter().map(|part| self.filter(part, false));
                let parts: Vec<_> = parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
                Ok(Some(Filter::Or(parts)))
            }
            EntityFilter::Property { name, operator: PropertyOperator::HasAncestor, value } => {
                match &value.value {
                    EntityValue::Key(key) if conjunct && name == KEY_PROPERTY && self.ancestor.is_none() => {
                        self.ancestor = Some(key.clone());
                        Ok(None)
                    }
                    _ => Err(unsupported("An ancestor below an OR, or a second one")),
                }
            }
            EntityFilter::Property { name, operator, value } => {
                let path = field_path(name)?;
                let operator = self.operator(&path, *operator)?;
                Ok(Some(Filter::Field { path, operator, value: value_of(value)? }))
            }
        }
    }

    fn operator(&mut self, path: &FieldPath, operator: PropertyOperator) -> Result<FieldOperator, Status> {
        let range = match operator {
            PropertyOperator::Equal => return Ok(FieldOperator::Equal),
            PropertyOperator::In => return Ok(FieldOperator::In),
            PropertyOperator::NotEqual => return Err(unsupported("The operator !=")),
            PropertyOperator::NotIn => return Err(unsupported("The operator NOT_IN")),
            PropertyOperator::HasAncestor => return Err(unsupported("An ancestor of a property")),
            PropertyOperator::LessThan => FieldOperator::LessThan,
            PropertyOperator::LessThanOrEqual => FieldOperator::LessThanOrEqual,
            PropertyOperator::GreaterThan => FieldOperator::GreaterThan,
            PropertyOperator::GreaterThanOrEqual => FieldOperator::GreaterThanOrEqual,
        };
        if !self.ranges.contains(path) {
            self.ranges.push(path.clone());
        }
        Ok(range)
    }
}

fn field_path(name: &str) -> Result<FieldPath, Status> {
    if name == KEY_PROPERTY {
        return Ok(FieldPath::document_name());
    }
    let segments: Vec<String> = name.split('.').map(str::to_owned).collect();
    let path = if segments.iter().any(String::is_empty) { None } else { FieldPath::new(segments) };
    path.ok_or_else(|| {
        Status::invalid_argument(format!("The property \"{name}\" is no field of a document."))
    })
}

fn row(
    database: &DatabaseName,
    order: &[Order],
    shape: &str,
    document: Document,
    keys_only: bool,
) -> Result<EntityRow, Status> {
    let cursor = cursor_behind(database, order, shape, &document)?;
    let stored = entity(key_of(database, &document.path)?, &document)?;
    let path: Option<DocumentPath> = stored.key.document_path();
    let key = path.and_then(StoredKey::new).ok_or_else(|| Status::internal("A document has no key."))?;
    Ok(EntityRow {
        key,
        content: if keys_only { RowContent::Key } else { RowContent::Entity(stored.body) },
        create_time: Some(stored.create_time),
        update_time: Some(stored.update_time),
        cursor,
    })
}

/// The place directly behind a document: one value for each column of the order, numbered.
fn cursor_behind(
    database: &DatabaseName,
    order: &[Order],
    shape: &str,
    document: &Document,
) -> Result<Bytes, Status> {
    let mut values = Fields::new();
    for (at, Order { path, .. }) in order.iter().enumerate() {
        let value = match path.is_document_name() {
            true => Some(Value::Reference(database.document(&document.path))),
            false => body::find(&document.body, path).map_err(|error| crate::across::damaged(&error))?,
        };
        let value = value.ok_or_else(|| Status::internal("A result lacks a field of the order."))?;
        values.insert(format!("{at:04}"), value);
    }
    Ok(Bytes::from(page_token::write(&shape, &body::encode(&values))))
}

fn cursor(shape: &str, bytes: Option<&Bytes>) -> Result<Option<Cursor>, Status> {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let malformed = || Status::invalid_argument("Error parsing protocol message");
    let token = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    let place = page_token::read(&shape, token)?.ok_or_else(malformed)?;
    let values = body::decode(&place).map_err(|_| malformed())?;
    Ok(Some(Cursor { values: values.into_values().collect(), before: false }))
}
