//! The entities nearest to a vector, exact: the distance of every result of the query is computed, the best are kept.

use model::entity::{EntityValue, Properties, body};
use model::query::FindNearest;
use model::{Document, Status};

use super::batch::{EntityBatch, EntityRow, Growing, MoreResults, RowContent};
use super::cursor::Position;
use super::execute::{EntityExecution, Next};
use crate::damage;
use crate::execute::{Best, Found, Row};

impl EntityExecution {
    /// All results in one batch: there are at most a thousand.
    pub(super) fn nearest(mut self) -> Result<EntityBatch, Status> {
        let query = self.query.clone();
        let find = query.nearest.as_ref().expect("the caller has seen it");
        let end = query.window.end.as_ref().and_then(|end| end.edge(&query.order));
        let mut best = Best::new(find);
        let (mut skipped, mut left) = (0, query.window.limit.unwrap_or(u64::MAX));
        while left > 0 {
            let Row { key, found } = match self.next()? {
                Next::End => break,
                Next::Rejected(_) => continue,
                Next::Result(row) => row,
            };
            if end.as_ref().is_some_and(|end| key >= *end) {
                break;
            }
            if skipped < query.window.offset {
                skipped += 1;
                continue;
            }
            left -= 1;
            let document = self.entity(found)?;
            if let Some(vector) = vector(&document, find)? {
                self.run.meter.vectors += best.offer(&vector, Row { key, found: Found::Document(document) });
            }
        }
        let mut nearest = best.farthest_first();
        let mut batch = Growing::new(Position::begin(), nearest.len());
        while let Some(candidate) = nearest.pop() {
            let Row { key, found } = candidate.row;
            let mut row = self.row(&key, found)?;
            if let Some(name) = &find.result_field {
                add(&mut row, name, candidate.distance)?;
            }
            batch.take(key, row);
        }
        batch.finished(&mut self, MoreResults::None)
    }
}

/// The vector that an entity has, if it has one: a list of doubles.
fn vector(document: &Document, find: &FindNearest) -> Result<Option<Vec<f64>>, Status> {
    let property = body::find(&document.body, find.field.first()).map_err(damage)?;
    let Some(EntityValue::Array(elements)) = property.map(|property| property.value) else {
        return Ok(None);
    };
    let double = |element: &model::entity::Property| match element.value {
        EntityValue::Double(number) => Some(number),
        _ => None,
    };
    Ok(elements.iter().map(double).collect())
}

/// Adds the distance to what a result holds.
fn add(row: &mut EntityRow, name: &str, distance: f64) -> Result<(), Status> {
    let put = |properties: &mut Properties| {
        properties.insert(name.to_owned(), EntityValue::Double(distance).into());
    };
    match &mut row.content {
        RowContent::Entity(stored) => {
            let mut properties = body::decode(stored).map_err(damage)?;
            put(&mut properties);
            *stored = body::encode(&properties);
        }
        RowContent::Properties(properties) => put(properties),
        RowContent::Key => {}
    }
    Ok(())
}
