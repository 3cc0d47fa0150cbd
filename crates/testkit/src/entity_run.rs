//! Random commits of mutations, compared with an oracle that is too simple to be wrong: at every time, by key, by kind
//! and by index; with indexes that come and go, and restarts.
//!
//! One client and one thread: what transactions do to each other is the same for documents, and tried with them.

mod choices;
mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use database::{ByteRange, CommitMode, Database, IndexDefinition, IndexFile, NameSource, Options, View};
use model::entity::encoding::push_value;
use model::entity::key::{collection_id, namespace_path};
use model::entity::write::{EntityCommitResult, Mutation};
use model::entity::{EntityValue, Key};
use model::query::Direction;
use model::{Parent, Status, Timestamp};

use crate::dice::Dice;
use crate::indexes_equal_scan;
use crate::poll::at_once;
use crate::world::{EngineKind, World};
use choices::{KINDS, NAMES, NAMESPACES};
use oracle::{Entities, Entity, Links};

/// What runs have done, to see that they were not idle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub commits: usize,
    pub refusals: usize,
    pub conflicts: usize,
    pub allocated: usize,
    pub unchanged: usize,
    pub found: usize,
    pub index_entries: usize,
}

/// See the module.
pub struct EntityRun {
    dice: Dice,
    world: World,
    /// All entities after each commit.
    states: BTreeMap<Timestamp, Entities>,
    done: Done,
}

impl EntityRun {
    /// A run that begins in an empty world.
    pub fn new(kind: EngineKind, seed: u64) -> Self {
        let world = World::new(kind, seed, Options::default());
        // Its first use makes it a database of entities.
        world.datastore();
        let states = BTreeMap::from([(Timestamp::ZERO, Entities::new())]);
        EntityRun { dice: Dice::new(seed), world, states, done: Done::default() }
    }

    /// So many steps.
    ///
    /// # Errors
    /// What was not as it must be.
    pub fn run(mut self, steps: usize) -> Result<Done, String> {
        for step in 0..steps {
            let outcome = match self.dice.below(100) {
                0 => self.declare(),
                1 => {
                    // Only the clock tells a server that starts which times were read before.
                    self.world.advance(Duration::from_millis(1));
                    self.world.reopen();
                    Ok(())
                }
                2..=4 => indexes_equal_scan::check(self.world.engine(), &self.database()),
                5..=59 => self.commit(),
                60..=79 => self.look(None),
                _ => {
                    let time = *self.dice.pick(&self.states.keys().copied().collect::<Vec<_>>());
                    self.look(Some(time))
                }
            };
            outcome.map_err(|wrong| format!("step {step}: {wrong}"))?;
            self.world.advance(Duration::from_micros(self.dice.number() % 3));
        }
        indexes_equal_scan::check(self.world.engine(), &self.database())?;
        Ok(self.done)
    }

    fn database(&self) -> Arc<Database> {
        self.world.datastore()
    }

    fn newest(&self) -> (Timestamp, &Entities) {
        self.states
            .last_key_value()
            .map(|(time, state)| (*time, state))
            .expect("the first state is never removed")
    }

    fn commit(&mut self) -> Result<(), String> {
        let atomic = self.dice.chance(50);
        let known: Vec<Key> = self.newest().1.keys().cloned().collect();
        let times: Vec<Timestamp> = self.newest().1.values().map(|entity| entity.update_time).collect();
        let mut mutations = choices::mutations(&mut self.dice, self.world.name(), &known, &times);
        let incomplete = mutations.iter().position(|mutation| !mutation.operation.key().is_complete());
        if let (false, Some(at)) = (atomic, incomplete) {
            // When a later link fails, nobody is told which ids the earlier ones have got.
            mutations = vec![mutations.swap_remove(at)];
        }
        let mode = if atomic { CommitMode::Transactional } else { CommitMode::NonTransactional };
        let (database, asked) = (self.database(), mutations.clone());
        let answer = at_once(async move { database.commit_entities(asked, None, mode).await });
        let (last, before) = self.newest();
        let told = |wrong: String| format!("{mutations:#?}\n{atomic} {answer:#?}\n{wrong}");
        let (after, time) = match &answer {
            Ok(result) => {
                let links = check_results(last, before, &mutations, result, atomic).map_err(told)?;
                self.done.commits += 1;
                self.done.allocated += result.results.iter().filter(|result| result.key.is_some()).count();
                self.done.conflicts +=
                    result.results.iter().filter(|result| result.conflict_detected).count();
                self.done.unchanged += links.unchanged;
                (links.after, result.commit_time)
            }
            Err(refusal) => {
                let after = self.check_refusal(&mutations, refusal, atomic).map_err(told)?;
                self.done.refusals += 1;
                (after, self.database().view().read_time())
            }
        };
        self.states.insert(time, after);
        Ok(())
    }

    /// The state that a refused commit leaves: the same, or with the first mutations of a chain.
    fn check_refusal(
        &self,
        mutations: &[Mutation],
        refusal: &Status,
        atomic: bool,
    ) -> Result<Entities, String> {
        let (last, before) = self.newest();
        if let Some(code) = oracle::refused_at_sight(mutations, atomic) {
            return if code == refusal.code { Ok(before.clone()) } else { Err(format!("expected {code:?}")) };
        }
        let (mut links, failed) = oracle::up_to_failure(before, mutations, last.next());
        match failed {
            Some(code) if code == refusal.code && atomic => Ok(before.clone()),
            Some(code) if code == refusal.code => {
                // Each link has had a time of its own, which nobody was told.
                let view = self.database().view();
                for (key, entity) in &mut links.after {
                    if before.get(key) != Some(entity) {
                        let stored = view.get_entity(key).map_err(|status| status.to_string())?;
                        let stored = stored.ok_or_else(|| format!("{key} is gone"))?;
                        entity.update_time = stored.update_time;
                        if !before.contains_key(key) {
                            entity.create_time = stored.create_time;
                        }
                    }
                }
                Ok(links.after)
            }
            other => Err(format!("expected {other:?}")),
        }
    }

    fn declare(&mut self) -> Result<(), String> {
        let mut file = IndexFile::default();
        for _ in 0..self.dice.below(4) {
            let direction = |dice: &mut Dice| *dice.pick(&[Direction::Ascending, Direction::Descending]);
            let columns = (0..=self.dice.below(3))
                .map(|_| ((*self.dice.pick(&NAMES)).to_owned(), direction(&mut self.dice)));
            let columns: Vec<_> = columns.collect();
            let definition =
                IndexDefinition::of_kind(self.dice.pick::<&str>(&KINDS), self.dice.chance(50), columns);
            file.indexes.push(definition);
        }
        self.world.store().declare_indexes(self.world.name(), &file).map_err(|status| status.to_string())
    }

    /// Compares what a view shows with the state at its time.
    fn look(&mut self, time: Option<Timestamp>) -> Result<(), String> {
        let database = self.database();
        let view = match time {
            None => database.view(),
            Some(time) => {
                database.view_at(time.max(database.begun())).map_err(|status| status.to_string())?
            }
        };
        let time = view.read_time();
        let (_, state) = self.states.range(..=time).next_back().expect("there is one at time zero");
        let (namespace, kind) = (*self.dice.pick(&NAMESPACES), *self.dice.pick(&KINDS));
        let of_kind = |key: &&Key| key.kind() == kind && &*key.partition.namespace == namespace;
        let expected: Vec<(&Key, &Entity)> = state.iter().filter(|(key, _)| of_kind(key)).collect();
        let descending = self.dice.chance(50);
        let found = scan(&view, namespace, kind, descending).map_err(|status| status.to_string())?;
        let in_order: Vec<_> = match descending {
            false => expected.iter().map(|(key, entity)| ((*key).clone(), (*entity).clone())).collect(),
            true => expected.iter().rev().map(|(key, entity)| ((*key).clone(), (*entity).clone())).collect(),
        };
        if found != in_order {
            return Err(format!("at {time:?} {namespace}:{kind} is {found:#?}\nand must be {in_order:#?}"));
        }
        self.done.found += found.len();
        for (key, entity) in expected {
            let stored = view.get_entity(key).map_err(|status| status.to_string())?;
            let properties = stored.map(|stored| stored.properties().expect("stored bodies are whole"));
            if properties.as_ref() != Some(&entity.properties) {
                return Err(format!("{key} is {properties:?}"));
            }
        }
        let name = *self.dice.pick(&NAMES);
        let entries = property_entries(&view, namespace, kind, name).map_err(|status| status.to_string())?;
        let state = state.iter().filter(|(key, _)| of_kind(key));
        let mut expected: Vec<(Vec<u8>, Key)> = Vec::new();
        for (key, entity) in state {
            let values = entity.properties.get(name).map(oracle::indexed).unwrap_or_default();
            expected.extend(values.iter().map(|value| (bytes(value), key.clone())));
        }
        expected.sort();
        expected.dedup();
        if entries != expected {
            return Err(format!(
                "at {time:?} the index of {namespace}:{kind}.{name} is {entries:?}\nand must be {expected:?}"
            ));
        }
        self.done.index_entries += entries.len();
        Ok(())
    }
}

/// Compares a commit's answer with what the oracle makes of it; answers the state after it.
fn check_results(
    last: Timestamp,
    before: &Entities,
    mutations: &[Mutation],
    result: &EntityCommitResult,
    atomic: bool,
) -> Result<Links, String> {
    if result.commit_time <= last || result.results.len() != mutations.len() {
        return Err("a commit later than the last, and a result for each mutation".to_owned());
    }
    if let Some(code) = oracle::refused_at_sight(mutations, atomic) {
        return Err(format!("expected {code:?}"));
    }
    let links = oracle::all(before, mutations, &result.results, (result.commit_time, atomic))?;
    for (mutation, result) in mutations.iter().zip(&result.results) {
        let allocated = result.key.is_some();
        if allocated == mutation.operation.key().is_complete() && !result.conflict_detected {
            return Err("a key for each one that was incomplete, and for no other".to_owned());
        }
    }
    Ok(links)
}

fn bytes(value: &EntityValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_value(&mut bytes, value);
    bytes
}

fn scan(view: &View, namespace: &str, kind: &str, descending: bool) -> Result<Vec<(Key, Entity)>, Status> {
    let parent = Parent::Document(namespace_path(namespace));
    let source = NameSource::Group { collection_id: collection_id(kind).into_owned(), parent };
    let direction = if descending { Direction::Descending } else { Direction::Ascending };
    let mut scan = view.scan_documents(&source, ByteRange::all(), direction);
    let mut found = Vec::new();
    while let Some(row) = scan.next()? {
        let stored = view.entity(row)?;
        let properties = stored.properties().expect("stored bodies are whole");
        let (create_time, update_time) = (stored.create_time, stored.update_time);
        found.push((stored.key, Entity { properties, create_time, update_time }));
    }
    Ok(found)
}

fn property_entries(
    view: &View,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Result<Vec<(Vec<u8>, Key)>, Status> {
    let source = view.indexes().property(namespace, kind, name);
    let mut scan = view.scan_index(&source, ByteRange::all(), Direction::Ascending);
    let mut entries = Vec::new();
    while let Some(entry) = scan.next()? {
        let key = Key::of_document_path(view.database(), &scan.path(&entry)?);
        entries.push((entry.value_bytes(&source)?.to_vec(), key.expect("only keys' paths are stored")));
    }
    Ok(entries)
}
