//! A commit of mutations of entities, applied to the newest state.

use std::collections::HashMap;
use std::sync::Arc;

use model::entity::Properties;
use model::entity::write::{EntityCommitResult, MutationResult};
use model::entity::{EntityValue, body};
use model::{DocumentPath, Status, Timestamp};

use super::{Prepared, Round, Staged, State};
use crate::apply::mutation::{check_existence, conflicts, put};
use crate::mode::Content;
use crate::ready::{Existence, ReadyMutation, ReadyMutationOperation};
use crate::work::Done;

/// What became of one mutation.
struct Applied {
    conflict: bool,
    transform_results: Vec<EntityValue>,
}

impl Round {
    /// Applies mutations to the newest state, all or none.
    pub(crate) fn prepare_mutations(
        &self,
        mutations: &[ReadyMutation],
        now: Timestamp,
    ) -> Result<Prepared, Status> {
        let time = self.next_time.max(now);
        let mut staged: HashMap<DocumentPath, Staged> = HashMap::new();
        let mut order: Vec<DocumentPath> = Vec::new();
        let mut applied = Vec::with_capacity(mutations.len());
        for mutation in mutations {
            if !staged.contains_key(&mutation.path) {
                let found = self.load(&mutation.path)?;
                staged.insert(mutation.path.clone(), Staged { old: found.clone(), new: found });
                order.push(mutation.path.clone());
            }
            let entity = staged.get_mut(&mutation.path).expect("loaded above");
            applied.push(apply_to(entity, mutation, time)?);
        }
        let results = mutations.iter().zip(applied).map(|(mutation, applied)| {
            result(mutation, staged.get(&mutation.path).and_then(|staged| staged.new.as_ref()), applied, time)
        });
        let results = results.collect();
        let done = Done::Entities(EntityCommitResult { commit_time: time, results });
        self.finish((time, done), order, staged)
    }
}

/// Applies one mutation to an entity. A commit that leads back to the entity before it changes nothing.
fn apply_to(entity: &mut Staged, mutation: &ReadyMutation, time: Timestamp) -> Result<Applied, Status> {
    let Staged { old, new: state } = entity;
    if conflicts(mutation, old.as_ref().map(|old| old.update_time))? {
        return Ok(Applied { conflict: true, transform_results: Vec::new() });
    }
    check_existence(mutation, state.is_some())?;
    let (content, body, made, transform_results) = match &mutation.operation {
        ReadyMutationOperation::Delete => {
            *state = None;
            return Ok(Applied { conflict: false, transform_results: Vec::new() });
        }
        ReadyMutationOperation::Whole(whole) => {
            (whole.content.clone(), whole.body.clone(), Some(whole.clone()), Vec::new())
        }
        ReadyMutationOperation::Put { properties, mask, transforms } => {
            let found = state.as_ref().and_then(properties_of);
            let (result, results) = put(mutation, (properties, mask.as_deref()), transforms, found, time)?;
            let body = body::encode(&result);
            (Content::Entity(Arc::new(result)), body, None, results)
        }
    };
    // An entity that was deleted and made again is another one, even if it looks like the old one.
    let unchanged = old.as_ref().filter(|old| {
        old.body == body && state.as_ref().is_some_and(|state| state.create_time == old.create_time)
    });
    *state = Some(match unchanged {
        Some(start) => start.clone(),
        None => {
            let create_time = state.as_ref().map_or(time, |state| state.create_time);
            State { create_time, update_time: time, content, body, made }
        }
    });
    Ok(Applied { conflict: false, transform_results })
}

fn properties_of(state: &State) -> Option<&Properties> {
    match &state.content {
        Content::Entity(properties) => Some(properties),
        Content::Document(_) => None,
    }
}

/// The answer to a mutation, given the entity that the commit leaves.
fn result(
    mutation: &ReadyMutation,
    left: Option<&State>,
    applied: Applied,
    time: Timestamp,
) -> MutationResult {
    let Applied { conflict, transform_results } = applied;
    let deletes = matches!(mutation.operation, ReadyMutationOperation::Delete);
    let told = left.filter(|_| !deletes || conflict);
    let missing = if conflict { 0 } else { time.micros() };
    MutationResult {
        key: (mutation.existence == Existence::MissingForAllocated).then(|| mutation.key.clone()),
        version: told.map_or(missing, |left| left.update_time.micros()),
        conflict_detected: conflict,
        update_time: told.map(|left| left.update_time),
        create_time: told.map(|left| left.create_time),
        transform_results,
    }
}
