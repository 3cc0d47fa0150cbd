//! The checks of aggregations, and the names of those that have none.

use std::collections::BTreeSet;

use model::field_path::is_reserved_field;
use model::query::{Aggregation, AggregationKind};
use model::{Status, limits};

/// The alias of each aggregation, in order: `field_1`, `field_2`… where the caller gave none.
pub(crate) fn aliases(aggregations: &[Aggregation]) -> Result<Vec<String>, Status> {
    if aggregations.is_empty() {
        return Err(Status::invalid_argument("Aggregations can not be empty."));
    }
    let max = limits::MAX_AGGREGATIONS;
    if aggregations.len() > max {
        let received = aggregations.len();
        let message = format!(
            "The maximum number of aggregations allowed in an aggregation query is {max}. Received: {received}"
        );
        let metadata = [("actual_aggregations", received.to_string()), ("max_aggregations", max.to_string())];
        return Err(Status::invalid_argument(message).with_info("TOO_MANY_AGGREGATIONS", metadata));
    }
    let mut seen = BTreeSet::new();
    for aggregation in aggregations {
        operand(&aggregation.kind)?;
        name(&aggregation.alias)?;
        if !aggregation.alias.is_empty() && !seen.insert(aggregation.alias.as_str()) {
            let message = format!("Aggregation aliases contain duplicate alias: {}.", aggregation.alias);
            return Err(Status::invalid_argument(message));
        }
    }
    Ok(named(aggregations, &seen))
}

/// Numbers the unnamed, stepping over names that the caller uses.
fn named(aggregations: &[Aggregation], taken: &BTreeSet<&str>) -> Vec<String> {
    let mut number = 0;
    let mut next = || loop {
        number += 1;
        let name = format!("field_{number}");
        if !taken.contains(name.as_str()) {
            return name;
        }
    };
    let alias = |a: &Aggregation| if a.alias.is_empty() { next() } else { a.alias.clone() };
    aggregations.iter().map(alias).collect()
}

fn operand(kind: &AggregationKind) -> Result<(), Status> {
    match kind {
        AggregationKind::Count { up_to } if up_to.is_some_and(|n| n < 0) => Err(Status::invalid_argument(
            "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
        )),
        AggregationKind::Count { .. } => Ok(()),
        AggregationKind::Sum(path) | AggregationKind::Average(path) => {
            if path.is_document_name() {
                let message = "Aggregations are not supported for the property: __key__";
                return Err(Status::invalid_argument(message));
            }
            path.check_not_reserved()
        }
    }
}

fn name(alias: &str) -> Result<(), Status> {
    if alias.len() > limits::MAX_ID_BYTES {
        let message = format!("The property.name is longer than {} bytes.", limits::MAX_ID_BYTES);
        return Err(Status::invalid_argument(message));
    }
    if is_reserved_field(alias) {
        return Err(Status::invalid_argument(format!("The property.name \"{alias}\" is reserved.")));
    }
    Ok(())
}
