//! The checks of `find_nearest`.

use model::field_path::is_reserved_field;
use model::query::{DistanceMeasure, FindNearest};
use model::{Status, limits};

pub(crate) fn check(find: &FindNearest) -> Result<(), Status> {
    if !(1..=limits::MAX_NEAREST_RESULTS).contains(&find.limit) {
        return Err(Status::invalid_argument(format!(
            "FindNearest.limit must be a positive integer of no more than {}",
            limits::MAX_NEAREST_RESULTS
        )));
    }
    if find.vector.is_empty() {
        return Err(Status::invalid_argument("Cannot have a zero length vector."));
    }
    if find.vector.len() > limits::MAX_VECTOR_DIMENSIONS {
        let message = format!("Vectors must be at most {} dimensions.", limits::MAX_VECTOR_DIMENSIONS);
        return Err(Status::invalid_argument(message));
    }
    if let Some(name) = &find.result_field {
        result_field(name)?;
    }
    let is_zero = find.vector.iter().all(|element| *element == 0.0);
    if find.measure == DistanceMeasure::Cosine && is_zero {
        let message = "Cannot compute cosine distance against a vector with a magnitude of zero.";
        return Err(Status::failed_precondition(message).with_info("COSINE_DISTANCE_ON_ZERO_VECTOR", []));
    }
    Ok(())
}

fn result_field(name: &str) -> Result<(), Status> {
    let what = "The distanceResultField.property.name";
    if name.is_empty() {
        return Err(Status::invalid_argument(format!("{what} is the empty string.")));
    }
    if name.len() > limits::MAX_ID_BYTES {
        return Err(Status::invalid_argument(format!(
            "{what} is longer than {} bytes.",
            limits::MAX_ID_BYTES
        )));
    }
    if is_reserved_field(name) {
        return Err(Status::invalid_argument(format!("{what} \"{name}\" is reserved.")));
    }
    Ok(())
}
