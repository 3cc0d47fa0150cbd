//! What mutations must do, worked out as plainly as possible.

use std::collections::{BTreeMap, HashMap};

use model::entity::write::{
    Base, Mutation, MutationOperation, MutationResult, OnConflict, PropertyTransform, PropertyTransformKind,
};
use model::entity::{EntityValue, Key, Properties, Property};
use model::{Code, Timestamp};

/// All entities at one time.
pub(super) type Entities = BTreeMap<Key, Entity>;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    pub(super) properties: Properties,
    pub(super) create_time: Timestamp,
    pub(super) update_time: Timestamp,
}

/// What a commit comes to.
pub(super) struct Links {
    pub(super) after: Entities,
    /// Puts that changed nothing.
    pub(super) unchanged: usize,
}

/// What a mutation makes of an entity.
enum Outcome {
    Conflict,
    Put(Properties),
    Delete,
}

/// Why the mutations of one commit must be refused without looking at any entity.
pub(super) fn refused_at_sight(mutations: &[Mutation], atomic: bool) -> Option<Code> {
    use MutationOperation as O;
    let mut before: HashMap<&Key, &Mutation> = HashMap::new();
    for mutation in mutations {
        let key = mutation.operation.key();
        let wrong_base = match (&mutation.operation, mutation.base) {
            (O::Insert(_), Some(base)) => base != Base::Version(0),
            (O::Update(_), Some(base)) => base == Base::Version(0),
            (_, _) => false,
        };
        if wrong_base || (mutation.base.is_some() && !key.is_complete()) {
            return Some(Code::InvalidArgument);
        }
        if !key.is_complete() {
            continue;
        }
        if let Some(first) = before.insert(key, mutation) {
            let forbidden = match (&first.operation, &mutation.operation) {
                (O::Delete(_), O::Insert(_)) => false,
                (_, O::Insert(_)) => true,
                (O::Delete(_), O::Update(_)) => true,
                (_, _) => false,
            };
            if forbidden || !atomic || first.base != mutation.base {
                return Some(Code::InvalidArgument);
            }
        }
    }
    None
}

/// All mutations done, given what each was answered.
pub(super) fn all(
    before: &Entities,
    mutations: &[Mutation],
    results: &[MutationResult],
    (commit_time, atomic): (Timestamp, bool),
) -> Result<Links, String> {
    let mut links = Links { after: before.clone(), unchanged: 0 };
    let mut first_version = BTreeMap::new();
    for (mutation, result) in mutations.iter().zip(results) {
        let key = result.key.clone().unwrap_or_else(|| mutation.operation.key().clone());
        first_version.entry(key.clone()).or_insert_with(|| before.get(&key).cloned());
        let start = before.get(&key);
        // A put that changes nothing keeps the version: then the time does not matter.
        let time = if atomic { commit_time } else { time_of(result) };
        let outcome = outcome(start, links.after.get(&key), mutation, time);
        match outcome.map_err(|code| format!("{key} must be refused: {code:?}"))? {
            Outcome::Conflict if result.conflict_detected => {}
            Outcome::Conflict => return Err(format!("{key} conflicts")),
            _ if result.conflict_detected => return Err(format!("{key} does not conflict")),
            Outcome::Delete => drop(links.after.remove(&key)),
            Outcome::Put(properties) => links.put(&key, start, properties, time),
        }
    }
    for (mutation, result) in mutations.iter().zip(results) {
        let key = result.key.clone().unwrap_or_else(|| mutation.operation.key().clone());
        let left = links.after.get(&key);
        let tells = result.conflict_detected || mutation.operation.entity().is_some();
        let expected = left.filter(|_| tells).map(|entity| (entity.create_time, entity.update_time));
        if result.create_time.zip(result.update_time) != expected {
            return Err(format!("{key} was made and changed at {expected:?}"));
        }
    }
    Ok(links)
}

/// The state after the mutations before the first that is refused, each at a time from `time` on, and why that is.
pub(super) fn up_to_failure(
    before: &Entities,
    mutations: &[Mutation],
    time: Timestamp,
) -> (Links, Option<Code>) {
    let mut links = Links { after: before.clone(), unchanged: 0 };
    for mutation in mutations {
        let key = mutation.operation.key();
        match outcome(before.get(key), links.after.get(key), mutation, time) {
            Err(code) => return (links, Some(code)),
            Ok(Outcome::Conflict) => {}
            Ok(Outcome::Delete) => drop(links.after.remove(key)),
            Ok(Outcome::Put(properties)) => links.put(key, before.get(key), properties, time),
        }
    }
    (links, None)
}

impl Links {
    fn put(&mut self, key: &Key, start: Option<&Entity>, properties: Properties, time: Timestamp) {
        let present = self.after.get(key);
        let create_time = present.map_or(time, |present| present.create_time);
        let same = start.filter(|start| start.properties == properties && start.create_time == create_time);
        let entity = match same {
            Some(start) => {
                self.unchanged += 1;
                start.clone()
            }
            None => Entity { properties, create_time, update_time: time },
        };
        self.after.insert(key.clone(), entity);
    }
}

fn time_of(result: &MutationResult) -> Timestamp {
    Timestamp::from_micros(result.version).unwrap_or(Timestamp::ZERO)
}

fn outcome(
    start: Option<&Entity>,
    present: Option<&Entity>,
    mutation: &Mutation,
    time: Timestamp,
) -> Result<Outcome, Code> {
    let stored = start.map_or(0, |entity| entity.update_time.micros());
    let conflict = match mutation.base {
        None => false,
        Some(Base::Version(version)) if version > stored && start.is_some() => {
            return Err(Code::InvalidArgument);
        }
        Some(Base::Version(version)) => version != stored,
        Some(Base::UpdateTime(time)) => start.is_none() || time.micros() != stored,
    };
    if conflict {
        return match mutation.on_conflict {
            OnConflict::KeepStored => Ok(Outcome::Conflict),
            OnConflict::Fail => Err(Code::FailedPrecondition),
        };
    }
    match (&mutation.operation, present) {
        (MutationOperation::Insert(_), Some(_)) => return Err(Code::AlreadyExists),
        (MutationOperation::Update(_), None) => return Err(Code::NotFound),
        (_, _) => {}
    }
    let Some(entity) = mutation.operation.entity() else { return Ok(Outcome::Delete) };
    let mut properties = match &mutation.mask {
        None => entity.properties.clone(),
        Some(mask) => {
            let mut merged = present.map(|present| present.properties.clone()).unwrap_or_default();
            for path in mask {
                match entity.properties.get(path.first()) {
                    Some(property) => merged.insert(path.first().to_owned(), property.clone()),
                    None => merged.remove(path.first()),
                };
            }
            merged
        }
    };
    mutation.transforms.iter().for_each(|transform| apply(&mut properties, transform, time));
    Ok(Outcome::Put(properties))
}

fn apply(properties: &mut Properties, transform: &PropertyTransform, time: Timestamp) {
    use PropertyTransformKind as T;
    let present = properties.get(transform.path.first()).cloned();
    let excluded = present.as_ref().is_some_and(|property| property.excluded);
    let present = present.map(|property| property.value);
    let elements = match &present {
        Some(EntityValue::Array(elements)) => elements.clone(),
        _ => Vec::new(),
    };
    let value = match &transform.kind {
        T::RequestTime => {
            EntityValue::Timestamp(Timestamp::ZERO.saturating_add(time.micros() / 1_000 * 1_000))
        }
        T::Increment(operand) => match (&present, operand) {
            (Some(EntityValue::Integer(a)), EntityValue::Integer(b)) => EntityValue::Integer(a + b),
            (Some(present), operand) if number(present).is_some() => {
                EntityValue::Double(number(present).unwrap_or(0.0) + number(operand).unwrap_or(0.0))
            }
            (_, operand) => operand.clone(),
        },
        T::Maximum(operand) => extreme(present, operand, |operand, present| operand > present),
        T::Minimum(operand) => extreme(present, operand, |operand, present| operand < present),
        T::AppendMissing(new) => {
            let missing = new.iter().filter(|new| !elements.iter().any(|old| same(&old.value, &new.value)));
            EntityValue::Array(elements.iter().chain(missing).cloned().collect())
        }
        T::RemoveAll(old) => {
            let kept = elements.iter().filter(|one| !old.iter().any(|old| same(&old.value, &one.value)));
            EntityValue::Array(kept.cloned().collect())
        }
    };
    let excluded = excluded && !matches!(value, EntityValue::Array(_));
    properties.insert(transform.path.first().to_owned(), Property { value, excluded, meaning: 0 });
}

fn extreme(present: Option<EntityValue>, operand: &EntityValue, wins: fn(f64, f64) -> bool) -> EntityValue {
    match present {
        Some(present) if number(&present).is_some_and(|p| number(operand).is_some_and(|o| !wins(o, p))) => {
            present
        }
        _ => operand.clone(),
    }
}

/// All numbers of a run are small.
fn number(value: &EntityValue) -> Option<f64> {
    match value {
        EntityValue::Integer(number) => Some(*number as f64),
        EntityValue::Double(number) => Some(*number),
        _ => None,
    }
}

/// The equality of array transforms, for the values that occur.
fn same(a: &EntityValue, b: &EntityValue) -> bool {
    let instant = |value: &EntityValue| match value {
        EntityValue::Timestamp(stamp) => Some(stamp.micros() as f64),
        value => number(value),
    };
    match (a, b) {
        (EntityValue::Null, EntityValue::Null) => true,
        (EntityValue::Timestamp(_), EntityValue::Double(_)) => false,
        (a, b) => instant(a).is_some() && instant(a) == instant(b),
    }
}

/// The values of a property that indexes hold.
pub(super) fn indexed(property: &Property) -> Vec<EntityValue> {
    match &property.value {
        _ if property.excluded => Vec::new(),
        EntityValue::Array(elements) => elements.iter().flat_map(indexed).collect(),
        value => vec![value.clone()],
    }
}
