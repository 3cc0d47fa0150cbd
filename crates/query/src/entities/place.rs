//! Which results an entity is, and where each stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::entity::encoding::push_value;
use model::entity::indexed::indexed_values;
use model::entity::{EntityValue, Properties, body};
use model::query::Direction;
use model::{Code, Document, Status};

use super::cursor::{push_path, split};
use super::normal::{Disjunct, Normal, OrderColumn, path_bytes};
use crate::damage;
use crate::span::inverted;

/// Results that one entity may be: as many as it may have index entries.
const MAX_RESULTS: usize = 20_000;

/// Judges entities for one query.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    query: Arc<Normal>,
    /// Properties that an entity must have for reasons outside the query.
    required: Vec<String>,
    /// Every property that matters.
    names: Vec<String>,
}

/// Of each property that matters its encoded values, sorted.
struct Values<'j> {
    /// Sorted.
    names: &'j [String],
    of: Vec<Vec<Vec<u8>>>,
}

/// The values that one result has of the exploded properties.
type Combination = Vec<Vec<u8>>;

impl Judge {
    /// For a query's results that have the properties `required` besides.
    pub fn of(query: &Arc<Normal>, required: &[String]) -> Self {
        let disjuncts = &query.disjuncts;
        let compared = disjuncts.iter().flat_map(|one| one.pins.keys().chain(one.ranges.keys()));
        let ordered = query.order.iter().filter_map(|column| column.name.as_ref());
        let mut names: Vec<String> =
            compared.chain(ordered).chain(&query.exploded).chain(required).cloned().collect();
        names.sort_unstable();
        names.dedup();
        Judge { query: query.clone(), required: required.to_vec(), names }
    }

    /// The places of all results that an entity is.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are too many; INTERNAL for a damaged entity.
    pub fn places(&self, path: &[u8], body: &[u8]) -> Result<Vec<Vec<u8>>, Status> {
        let values = self.values(body)?;
        let mut least: BTreeMap<Combination, Vec<u8>> = BTreeMap::new();
        for disjunct in &self.query.disjuncts {
            for (combination, place) in self.rows(disjunct, path, &values, None)? {
                let known = least.entry(combination).or_insert_with(|| place.clone());
                if place < *known {
                    *known = place;
                }
            }
        }
        Ok(least.into_values().collect())
    }

    /// True when a result stands at `place`, where an index has a row of the entity.
    pub fn confirms(&self, place: &[u8], entity: &Document) -> Result<bool, Status> {
        let body = &*entity.body;
        if self.has_one_place(body)? {
            return Ok(true);
        }
        let path = &path_bytes(&entity.path);
        let combination = if self.query.exploded.is_empty() { None } else { Some(self.combination(place)?) };
        let values = self.values(body)?;
        let mut least: Option<Vec<u8>> = None;
        for disjunct in &self.query.disjuncts {
            for (_, row) in self.rows(disjunct, path, &values, combination.as_ref())? {
                least = Some(least.map_or(row.clone(), |known| known.min(row)));
            }
        }
        Ok(least.is_some_and(|least| least == place))
    }

    /// True when the entity has one value of each property that matters, and so one row at most: by far the most
    /// entities that are asked for.
    fn has_one_place(&self, body: &[u8]) -> Result<bool, Status> {
        for name in &self.names {
            if name.contains('.') || !body::is_single(body, name).map_err(damage)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values of the exploded properties at a place.
    fn combination(&self, place: &[u8]) -> Result<Combination, Status> {
        let pieces = split(place, &self.query.order)?;
        let exploded = self.query.order.iter().zip(pieces).filter(|(column, _)| self.is_exploded(column));
        let upright = |(column, piece): (&OrderColumn, &[u8])| match column.direction {
            Direction::Ascending => piece.to_vec(),
            Direction::Descending => inverted(piece),
        };
        Ok(exploded.map(upright).collect())
    }

    /// What tells a result from all others, wherever else rows of it stand: its key and the exploded properties.
    pub fn identity(&self, place: &[u8]) -> Result<Vec<u8>, Status> {
        let pieces = split(place, &self.query.order)?;
        let own = self.query.order.iter().zip(pieces);
        let own = own.filter(|(column, _)| column.name.is_none() || self.is_exploded(column));
        Ok(own.flat_map(|(_, piece)| piece).copied().collect())
    }

    fn is_exploded(&self, column: &OrderColumn) -> bool {
        column.name.as_ref().is_some_and(|name| self.query.exploded.contains(name))
    }

    fn values(&self, body: &[u8]) -> Result<Values<'_>, Status> {
        let of = self.names.iter().map(|name| values_of(name, body)).collect::<Result<_, _>>()?;
        Ok(Values { names: &self.names, of })
    }

    /// The rows that an entity has for one disjunct, of those of a combination the first; with `only`, just for that
    /// combination.
    fn rows(
        &self,
        disjunct: &Disjunct,
        path: &[u8],
        values: &Values<'_>,
        only: Option<&Combination>,
    ) -> Result<Vec<(Combination, Vec<u8>)>, Status> {
        let complete = self.required.iter().all(|name| !values.get(name).is_empty());
        if !complete || !disjunct.accepts(path, values) {
            return Ok(Vec::new());
        }
        let mut rows = vec![(Vec::new(), Vec::new())];
        for (n, column) in self.query.order.iter().enumerate() {
            let is_last = n + 1 == self.query.order.len();
            let Some(name) = &column.name else {
                rows.iter_mut().for_each(|(_, place)| push_path(place, path, column.direction, is_last));
                continue;
            };
            let candidates = disjunct.candidates(name, values.get(name));
            if !self.is_exploded(column) {
                let first = match column.direction {
                    Direction::Ascending => candidates.first(),
                    Direction::Descending => candidates.last(),
                };
                let Some(first) = first else { return Ok(Vec::new()) };
                rows.iter_mut().for_each(|(_, place)| push_value_bytes(place, first, column.direction));
                continue;
            }
            if rows.len().saturating_mul(candidates.len()) > MAX_RESULTS {
                return Err(too_many());
            }
            let mut longer = Vec::with_capacity(rows.len() * candidates.len());
            for (combination, place) in &rows {
                let asked = only.and_then(|only| only.get(combination.len()));
                let fitting = candidates.iter().filter(|value| asked.is_none_or(|asked| asked == *value));
                for value in fitting {
                    let (mut combination, mut place) = (combination.clone(), place.clone());
                    combination.push(value.to_vec());
                    push_value_bytes(&mut place, value, column.direction);
                    longer.push((combination, place));
                }
            }
            rows = longer;
        }
        Ok(rows)
    }
}

impl Values<'_> {
    /// None for a property that does not matter, or that the entity is not found by.
    fn get(&self, name: &str) -> &[Vec<u8>] {
        let at = self.names.binary_search_by(|own| own.as_str().cmp(name));
        at.map_or(&[], |at| self.of[at].as_slice())
    }
}

/// The encoded values that indexes hold of one property.
fn values_of(name: &str, body: &[u8]) -> Result<Vec<Vec<u8>>, Status> {
    let encoded = |value: &EntityValue| {
        let mut bytes = Vec::with_capacity(16);
        push_value(&mut bytes, value).then_some(bytes)
    };
    let mut properties = Properties::new();
    // A dot may be part of a name or lead into an embedded entity.
    let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
    for outer in ends.map(|end| &name[..end]) {
        let Some(property) = body::find(body, outer).map_err(damage)? else { continue };
        let is_compound = matches!(property.value, EntityValue::Array(_) | EntityValue::Entity(_));
        // By far the most are single values under their own name.
        if outer == name && !is_compound && properties.is_empty() {
            return Ok(encoded(&property.value).filter(|_| !property.excluded).into_iter().collect());
        }
        properties.insert(outer.to_owned(), property);
    }
    let indexed = indexed_values(&properties);
    let values = indexed.get(name).map(Vec::as_slice).unwrap_or_default();
    Ok(values.iter().filter_map(|value| encoded(value)).collect())
}

impl Disjunct {
    /// Whether an entity with this path and these values matches.
    fn accepts(&self, path: &[u8], values: &Values<'_>) -> bool {
        let of = |name: &String| values.get(name);
        let pinned = |(name, pins): (&String, &Vec<Vec<u8>>)| {
            pins.iter().all(|pin| of(name).binary_search(pin).is_ok())
        };
        self.keys.contains(path)
            && self.pins.iter().all(pinned)
            && self.ranges.iter().all(|(name, spans)| of(name).iter().any(|value| spans.contains(value)))
    }
}

fn push_value_bytes(place: &mut Vec<u8>, value: &[u8], direction: Direction) {
    match direction {
        Direction::Ascending => place.extend_from_slice(value),
        Direction::Descending => place.extend(value.iter().map(|byte| !byte)),
    }
}

fn too_many() -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "An entity has more than {MAX_RESULTS} combinations of the projected values. Project fewer lists."
        ),
    )
}
