//! What a query for entities must be, with production's texts for what it is not.

mod filters;

use model::entity::query::{EntityQuery, NearestEntities, PropertyOrder};
use model::entity::validate::{KEY_PROPERTY, check_namespace};
use model::entity::{EntityValue, Key, Property};
use model::limits::MAX_ID_BYTES;
use model::query::{Direction, FindNearest};
use model::{DatabaseName, FieldPath, Status};

pub(super) use filters::Leaf;

/// What the checks find out on their way.
pub(super) struct Checked {
    /// The filter's disjuncts, without the ancestor.
    pub disjuncts: Vec<Vec<Leaf>>,
    pub ancestor: Option<Key>,
    /// Properties under inequalities, sorted.
    pub inequalities: Vec<String>,
}

/// Checks everything but the cursors.
///
/// # Errors
/// INVALID_ARGUMENT with production's text.
pub(super) fn query(query: &EntityQuery, database: &DatabaseName) -> Result<Checked, Status> {
    if query.limit.is_some_and(|limit| limit < 0) {
        return Err(Status::invalid_argument("Limit must be non-negative."));
    }
    if query.offset < 0 {
        return Err(Status::invalid_argument("Offset must be non-negative."));
    }
    check_namespace(&query.namespace)?;
    if let Some(kind) = &query.kind {
        text("kind", kind)?;
    }
    let checked = filters::check(query, database)?;
    orders(query)?;
    projection(query, &checked)?;
    distinct(query, &checked)?;
    Ok(checked)
}

/// Checks a search for the nearest entities.
pub(super) fn nearest(nearest: &NearestEntities) -> Result<FindNearest, Status> {
    let double = |element: &Property| match element.value {
        EntityValue::Double(number) => Some(number),
        _ => None,
    };
    let vector = match &nearest.vector {
        EntityValue::Array(elements) => elements.iter().map(double).collect::<Option<Vec<f64>>>(),
        _ => None,
    };
    text("property.name", &nearest.property)?;
    let find = FindNearest {
        field: FieldPath::single(&nearest.property),
        vector: vector.ok_or_else(|| Status::invalid_argument("Query Value must be of type vector."))?,
        measure: nearest.measure,
        limit: nearest.limit,
        result_field: nearest.result_property.clone(),
        threshold: nearest.threshold,
    };
    crate::check::nearest::check(&find)?;
    Ok(find)
}

/// Checks the length of a name.
fn text(what: &str, text: &str) -> Result<(), Status> {
    match text.len() {
        0 => Err(Status::invalid_argument(format!("The {what} is the empty string."))),
        1..=MAX_ID_BYTES => Ok(()),
        _ => Err(Status::invalid_argument(format!("The {what} is longer than {MAX_ID_BYTES} bytes."))),
    }
}

/// True for names that no property can have: queries may name them, and find nothing.
fn is_reserved(name: &str) -> bool {
    name.len() >= 4 && name.starts_with("__") && name.ends_with("__")
}

fn orders(query: &EntityQuery) -> Result<(), Status> {
    for (at, PropertyOrder { name, direction }) in query.order.iter().enumerate() {
        text("property.name", name)?;
        if query.order[..at].iter().any(|before| before.name == *name) {
            let message = format!("order by clause cannot contain duplicate fields {name}");
            return Err(Status::invalid_argument(message));
        }
        if query.kind.is_none() && (name != KEY_PROPERTY || *direction == Direction::Descending) {
            return Err(Status::invalid_argument("kind is required for all orders except __key__ ascending"));
        }
    }
    Ok(())
}

fn projection(query: &EntityQuery, checked: &Checked) -> Result<(), Status> {
    for (at, name) in query.projection.iter().enumerate() {
        text("property.name", name)?;
        if query.projection[..at].contains(name) {
            return Err(Status::invalid_argument("Cannot project a property multiple times."));
        }
        if name == KEY_PROPERTY {
            continue;
        }
        if is_reserved(name) {
            let message = format!("projections are not supported for the property: {name}");
            return Err(Status::invalid_argument(message));
        }
        if query.kind.is_none() {
            return Err(Status::invalid_argument(format!("kind is required for projection: {name}")));
        }
        if checked.disjuncts.iter().flatten().any(|leaf| leaf.name == *name && leaf.is_plain_equality()) {
            return Err(Status::invalid_argument(
                "Cannot use projection on a property with an equality filter.",
            ));
        }
    }
    Ok(())
}

fn distinct(query: &EntityQuery, checked: &Checked) -> Result<(), Status> {
    if query.distinct_on.is_empty() {
        return Ok(());
    }
    for name in &query.distinct_on {
        text("property.name", name)?;
        if is_reserved(name) {
            let message = format!("group by is not supported for the property: {name}");
            return Err(Status::invalid_argument(message));
        }
        if query.kind.is_none() {
            return Err(Status::invalid_argument(format!("kind is required for group by: {name}")));
        }
    }
    let is_grouped = |name: &String| query.distinct_on.contains(name);
    let ordered = query.order.iter().take_while(|order| is_grouped(&order.name)).count();
    let all = query.order.iter().filter(|order| is_grouped(&order.name)).count();
    let complete = query.distinct_on.iter().all(|name| query.order.iter().any(|order| order.name == *name));
    if all > ordered || (ordered < query.order.len() && !complete) {
        return Err(Status::invalid_argument(
            "All group by properties must be ordered before any non group by properties.",
        ));
    }
    match checked.inequalities.iter().find(|name| *name != KEY_PROPERTY && !is_grouped(name)) {
        Some(name) => Err(Status::invalid_argument(format!(
            "Inequality filter on {name} must also be a group by property when group by properties are set."
        ))),
        None => Ok(()),
    }
}
