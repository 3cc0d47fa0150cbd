//! Queries for documents as queries for entities of one kind.
//!
//! Entities are found by their indexes, so what is excluded from those is not found; each found one is then compared
//! with the query as a document is, for values and places that only the Firestore API tells apart. The order is
//! that of the Datastore API.

use database::View;
use model::entity::mapping::{document_path_of, indexed_property_of, key_of};
use model::entity::query::{EntityFilter, EntityQuery, PropertyOperator, PropertyOrder};
use model::entity::validate::KEY_PROPERTY;
use model::entity::{EntityValue, Property};
use model::query::{
    Aggregation, AggregationKind, AggregationQuery, Cursor, Direction, FieldOperator, Filter, Order,
    Selector, StructuredQuery, UnaryOperator,
};
use model::{Code, DatabaseName, Document, DocumentPath, FieldPath, Parent, Status, Value};
use query::entities::{MoreResults, RowContent, prepare_entities};
use query::{MissingIndex, prepare};

use super::document_of;
use crate::ListDocuments;
use crate::across::unsupported;
use crate::suggestions::Suggestions;

/// Bytes of documents that one answer may have: it is collected before it is given out.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What a query finds.
pub(crate) struct Found {
    pub skipped: u64,
    pub documents: Vec<Document>,
}

/// Answers the query as far as entities can.
///
/// # Errors
/// UNIMPLEMENTED for what entities cannot be asked, RESOURCE_EXHAUSTED for an answer that is too large.
pub(crate) fn find(
    view: &View,
    query: &StructuredQuery,
    missing: MissingIndex,
    suggestions: &Suggestions,
) -> Result<Found, Status> {
    let mut found = Found { skipped: 0, documents: Vec::new() };
    let mut bytes = 0;
    found.skipped = matches(view, query, (missing, suggestions), None, |document| {
        bytes += document.body.len() + document.path.as_str().len();
        if bytes > MAX_BYTES {
            let text =
                "The query's result is too large to be answered across APIs. Ask for less with a limit.";
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        found.documents.push(document);
        Ok(())
    })?;
    Ok(found)
}

/// Counts the documents that the query finds.
///
/// # Errors
/// UNIMPLEMENTED for other figures, and as of [`find`].
pub(crate) fn figures(
    view: &View,
    asked: &AggregationQuery,
    missing: MissingIndex,
    suggestions: &Suggestions,
) -> Result<Vec<(String, Value)>, Status> {
    let mut figures = Vec::with_capacity(asked.aggregations.len());
    for (at, Aggregation { alias, kind }) in asked.aggregations.iter().enumerate() {
        let AggregationKind::Count { up_to } = kind else {
            return Err(unsupported("A sum or an average"));
        };
        let most = up_to.map(|up_to| u64::try_from(up_to).unwrap_or(0));
        let mut count = 0;
        matches(view, &asked.query, (missing, suggestions), most, |_| {
            count += 1;
            Ok(())
        })?;
        let alias = if alias.is_empty() { format!("field_{}", at + 1) } else { alias.clone() };
        figures.push((alias, Value::Integer(count)));
    }
    Ok(figures)
}

/// The documents of one collection, in the order of their names, that come after a path: so many, and one more.
///
/// # Errors
/// UNIMPLEMENTED for another order, for missing documents, and without a collection.
pub(crate) fn listing(
    request: &ListDocuments,
    after: Option<Vec<u8>>,
    size: usize,
) -> Result<StructuredQuery, Status> {
    let (Some(collection_id), "", false) =
        (request.collection_id.clone(), request.order_by.as_str(), request.show_missing)
    else {
        return Err(unsupported("Listing in an order, of missing documents or of all collections"));
    };
    let from = Selector { collection_id: Some(collection_id), all_descendants: false };
    let mut query = StructuredQuery::all(request.parent.clone(), from);
    query.limit = Some(i32::try_from(size + 1).unwrap_or(i32::MAX));
    if let Some(after) = after {
        let path = String::from_utf8(after).ok().and_then(|path| DocumentPath::new(&path));
        let path = path.ok_or_else(|| Status::invalid_argument("invalid page token"))?;
        query.filter = Some(Filter::Field {
            path: FieldPath::document_name(),
            operator: FieldOperator::GreaterThan,
            value: Value::Reference(request.database.document(&path)),
        });
    }
    Ok(query)
}

/// Gives each match to `take`, after the offset and up to the limit, at most `most`; answers how many the offset left out.
fn matches(
    view: &View,
    query: &StructuredQuery,
    (missing, suggestions): (MissingIndex, &Suggestions),
    most: Option<u64>,
    mut take: impl FnMut(Document) -> Result<(), Status>,
) -> Result<u64, Status> {
    let database = view.database();
    let mut entities = entity_query(database, query)?;
    let matcher = prepare(query, database)?.matcher()?;
    let limit = matcher.limit().unwrap_or(u64::MAX).min(most.unwrap_or(u64::MAX));
    let (mut skipped, mut taken) = (0, 0);
    while taken < limit {
        let plan = prepare_entities(&entities, database)?.plan(view.indexes(), view.read_time(), missing)?;
        if let Some(index) = plan.suggested() {
            suggestions.note(database, index);
        }
        let batch = plan.execute(view).batch()?;
        for row in batch.rows {
            let RowContent::Entity(body) = &row.content else { continue };
            let key = row.key.key(database);
            let times = row.create_time.zip(row.update_time);
            // What is named as no document can be is not there for this API.
            let (Ok(path), Some(times)) = (document_path_of(&key), times) else { continue };
            let document = document_of(path, &key, times, body)?;
            if matcher.place(&document)?.is_none() {
                continue;
            }
            if skipped < matcher.offset() {
                skipped += 1;
                continue;
            }
            take(matcher.project(document)?)?;
            taken += 1;
            if taken == limit {
                break;
            }
        }
        match batch.more_results {
            MoreResults::NotFinished => entities.start = Some(batch.end_cursor),
            MoreResults::AfterLimit | MoreResults::AfterCursor | MoreResults::None => break,
        }
    }
    Ok(skipped)
}

/// The entities among which the results are.
fn entity_query(database: &DatabaseName, query: &StructuredQuery) -> Result<EntityQuery, Status> {
    if query.find_nearest.is_some() {
        return Err(unsupported("A search for the nearest vectors"));
    }
    let Some(kind) = query.from.collection_id.clone() else {
        return Err(unsupported("A query of all collections"));
    };
    let below = match &query.parent {
        Parent::Root => None,
        Parent::Document(path) => {
            let key = EntityValue::Key(key_of(database, path)?);
            Some(property_filter(KEY_PROPERTY.to_owned(), PropertyOperator::HasAncestor, key.into()))
        }
    };
    let asked = query.filter.as_ref().map(filter).transpose()?;
    let filter = match (below, asked) {
        (Some(below), Some(asked)) => Some(EntityFilter::And(vec![below, asked])),
        (one, None) | (None, one) => one,
    };
    let order = query.order_by.iter().map(order).collect::<Result<_, _>>()?;
    for Cursor { values, .. } in query.start_at.iter().chain(&query.end_at) {
        // The comparison of each found one with the query does the rest.
        values.iter().try_for_each(|value| indexed_property_of(value).map(drop))?;
    }
    Ok(EntityQuery { kind: Some(kind), filter, order, ..EntityQuery::default() })
}

fn filter(filter: &Filter) -> Result<EntityFilter, Status> {
    let all = |filters: &[Filter]| filters.iter().map(self::filter).collect::<Result<Vec<_>, _>>();
    match filter {
        Filter::And(filters) => Ok(EntityFilter::And(all(filters)?)),
        Filter::Or(filters) => Ok(EntityFilter::Or(all(filters)?)),
        Filter::Field { path, operator, value } => {
            let operator = match operator {
                FieldOperator::LessThan => PropertyOperator::LessThan,
                FieldOperator::LessThanOrEqual => PropertyOperator::LessThanOrEqual,
                FieldOperator::GreaterThan => PropertyOperator::GreaterThan,
                FieldOperator::GreaterThanOrEqual => PropertyOperator::GreaterThanOrEqual,
                FieldOperator::Equal | FieldOperator::ArrayContains => PropertyOperator::Equal,
                FieldOperator::In | FieldOperator::ArrayContainsAny => PropertyOperator::In,
                FieldOperator::NotEqual => return Err(unsupported("The operator !=")),
                FieldOperator::NotIn => return Err(unsupported("The operator not-in")),
            };
            Ok(property_filter(property_name(path)?, operator, indexed_property_of(value)?))
        }
        Filter::Unary { path, operator: UnaryOperator::IsNull } => {
            Ok(property_filter(property_name(path)?, PropertyOperator::Equal, EntityValue::Null.into()))
        }
        Filter::Unary {
            operator: UnaryOperator::IsNan | UnaryOperator::IsNotNan | UnaryOperator::IsNotNull,
            ..
        } => Err(unsupported("A test for NaN, or for not being null")),
    }
}

fn property_filter(name: String, operator: PropertyOperator, value: Property) -> EntityFilter {
    EntityFilter::Property { name, operator, value }
}

fn order(order: &Order) -> Result<PropertyOrder, Status> {
    let direction: Direction = order.direction;
    Ok(PropertyOrder { name: property_name(&order.path)?, direction })
}

fn property_name(path: &FieldPath) -> Result<String, Status> {
    if path.is_document_name() {
        return Ok(KEY_PROPERTY.to_owned());
    }
    if path.segments().iter().any(|segment| segment.contains('.')) {
        return Err(unsupported("A condition on a field with a dot in its name"));
    }
    Ok(path.segments().join("."))
}
