//! One round of the committer: many commits, prepared one after the other, one durable write.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::limits::{MAX_INDEX_ENTRIES, MAX_INDEX_ENTRY_BYTES};
use model::write::{CommitResult, WriteResult};
use model::{DatabaseName, Document, DocumentPath, Fields, Status, Timestamp, Value, body};
use storage::{Batch, Snapshot, Space};

use crate::apply::{Effect, Found, Refusals, apply};
use crate::error::{self, Damage};
use crate::feed::{self, Step};
use crate::guard::{Guard, PendingCommit, PendingWrite};
use crate::index::{IndexSet, declared_entries, document_entries};
use crate::keys::changes::{self, Change};
use crate::keys::{DatabaseNumber, documents, history, time_bytes};
use crate::ready::{Ready, ReadyOperation, Whole};
use crate::transaction::WriteSet;

/// A document as it stands in the middle of a round.
#[derive(Clone)]
pub(crate) struct State {
    create_time: Timestamp,
    update_time: Timestamp,
    fields: Arc<Fields>,
    body: Bytes,
    /// What was made of it before its turn.
    made: Option<Arc<Whole>>,
}

/// The newest state: what is durable, with what the round has changed on top.
pub(crate) struct Round {
    database: DatabaseName,
    number: DatabaseNumber,
    indexes: Arc<IndexSet>,
    before: Arc<dyn Snapshot>,
    changed: HashMap<DocumentPath, Option<State>>,
    rows: HashMap<(Space, Bytes), Option<Bytes>>,
    next_time: Timestamp,
}

/// A document that a commit writes, before it and after what has been applied of it.
pub(crate) struct Staged {
    old: Option<State>,
    new: Option<State>,
}

/// One commit that has been applied but not taken into the round yet.
pub(crate) struct Prepared {
    pub(crate) result: CommitResult,
    pub(crate) writes: Arc<WriteSet>,
    changes: Vec<DocumentChange>,
}

struct DocumentChange {
    path: DocumentPath,
    key: Bytes,
    old: Option<State>,
    new: Option<State>,
    removed: Vec<Bytes>,
    added: Vec<Bytes>,
}

impl State {
    fn document(&self, path: &DocumentPath) -> Document {
        let State { create_time, update_time, .. } = *self;
        Document { path: path.clone(), create_time, update_time, body: self.body.clone() }
    }
}

impl Staged {
    /// The body before the commit.
    pub(crate) fn before(&self) -> Option<Bytes> {
        self.old.as_ref().map(|state| state.body.clone())
    }

    /// The body as it stands now.
    pub(crate) fn after(&self) -> Option<Bytes> {
        self.new.as_ref().map(|state| state.body.clone())
    }
}

impl Prepared {
    /// True when the commit changes nothing that is stored.
    pub(crate) fn is_noop(&self) -> bool {
        self.changes.is_empty()
    }

    /// The commit as followers are handed it.
    pub(crate) fn step(&self) -> Step {
        let change = |change: &DocumentChange| {
            let document = |state: &State| state.document(&change.path);
            let (old, new) = (change.old.as_ref().map(document), change.new.as_ref().map(document));
            feed::DocumentChange { path: change.path.clone(), old, new }
        };
        Step { time: self.result.commit_time, changes: self.changes.iter().map(change).collect() }
    }
}

impl Round {
    pub(crate) fn new(
        database: DatabaseName,
        indexes: Arc<IndexSet>,
        before: Arc<dyn Snapshot>,
        first: Timestamp,
    ) -> Self {
        Round {
            database,
            number: indexes.number(),
            indexes,
            before,
            changed: HashMap::new(),
            rows: HashMap::new(),
            next_time: first,
        }
    }

    /// Applies one commit's writes to the newest state, all or none; a guard has its say before anything of them is
    /// answered.
    pub(crate) fn prepare(
        &self,
        writes: &[Ready],
        guard: Option<&dyn Guard>,
        now: Timestamp,
    ) -> Result<Prepared, Status> {
        let time = self.next_time.max(now);
        let mut staged: HashMap<DocumentPath, Staged> = HashMap::new();
        let mut order: Vec<DocumentPath> = Vec::new();
        let mut results = Vec::with_capacity(writes.len());
        let mut refusals = if guard.is_some() { Refusals::Noted(None) } else { Refusals::AtOnce };
        let mut pending = Vec::new();
        for write in writes {
            if !staged.contains_key(&write.path) {
                let found = self.load(&write.path)?;
                staged.insert(write.path.clone(), Staged { old: found.clone(), new: found });
                order.push(write.path.clone());
            }
            let document = staged.get_mut(&write.path).expect("loaded above");
            let before = guard.and_then(|_| document.after());
            let transform_results = apply_to(document, write, &self.database, time, &mut refusals)?;
            results.push(WriteResult { update_time: None, transform_results });
            if guard.is_some() {
                let (path, verifies) = (&write.path, matches!(write.operation, ReadyOperation::Verify));
                pending.push(PendingWrite { path, verifies, before, after: document.after() });
            }
        }
        if let Some(guard) = guard {
            PendingCommit::new(time, &pending, self, &staged).ask(guard)?;
        }
        refusals.into_result()?;
        for (write, result) in writes.iter().zip(&mut results) {
            if !matches!(write.operation, ReadyOperation::Delete) {
                result.update_time = staged[&write.path].new.as_ref().map(|state| state.update_time);
            }
        }
        let changes = order.into_iter().filter_map(|path| {
            let Staged { old, new } = staged.remove(&path).expect("every path is staged once");
            let same = match (&old, &new) {
                (None, None) => true,
                (Some(old), Some(new)) => old.update_time == new.update_time,
                (_, _) => false,
            };
            (!same).then(|| self.change(path, old, new))
        });
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        let writes = WriteSet {
            documents: changes.iter().map(|change| (change.path.clone(), change.key.clone())).collect(),
            index_keys: changes.iter().flat_map(|c| c.removed.iter().chain(&c.added)).cloned().collect(),
        };
        let result = CommitResult { commit_time: time, results };
        Ok(Prepared { result, writes: Arc::new(writes), changes })
    }

    /// Takes a prepared commit into the round; answers its result.
    pub(crate) fn accept(&mut self, prepared: Prepared) -> CommitResult {
        let time = prepared.result.commit_time;
        let stamp = Bytes::copy_from_slice(&time_bytes(time));
        let mut log = Vec::with_capacity(prepared.changes.len());
        for change in prepared.changes {
            if let Some(old) = &change.old {
                let key = history::key(history::Kind::Document, &change.key, time);
                self.put(Space::History, key, documents::row(old.create_time, old.update_time, &old.body));
            }
            let row =
                change.new.as_ref().map(|new| documents::row(new.create_time, new.update_time, &new.body));
            self.rows.insert((Space::Documents, change.key), row);
            for entry in change.removed {
                let key = history::key(history::Kind::Index, &entry, time);
                self.put(Space::History, key, Bytes::new());
                self.rows.insert((Space::Indexes, entry), None);
            }
            for entry in change.added {
                self.rows.insert((Space::Indexes, entry), Some(stamp.clone()));
            }
            log.push(Change { path: change.path.clone(), exists: change.new.is_some() });
            self.changed.insert(change.path, change.new);
        }
        self.put(Space::Changes, changes::key(self.number, time), changes::row(&log).into());
        self.use_time(time);
        prepared.result
    }

    /// Adds the entries of documents that an index being built lacks.
    pub(crate) fn backfill(
        &mut self,
        index: u32,
        paths: &[DocumentPath],
        now: Timestamp,
    ) -> Result<(), Status> {
        let Some(index) = self.indexes.declared().iter().find(|declared| declared.id == index).cloned()
        else {
            return Ok(());
        };
        let time = self.next_time.max(now);
        let stamp = Bytes::copy_from_slice(&time_bytes(time));
        for path in paths {
            if let Some(state) = self.load(path)? {
                for entry in declared_entries(self.number, &index, path, &state.fields) {
                    check_entry_size(&entry)?;
                    self.rows.insert((Space::Indexes, entry.into()), Some(stamp.clone()));
                }
            }
        }
        self.use_time(time);
        Ok(())
    }

    /// Whatever comes after is later than `time`.
    pub(crate) fn use_time(&mut self, time: Timestamp) {
        self.next_time = time.next();
    }

    /// The latest time the round has used, or could have.
    pub(crate) fn last_time(&self) -> Timestamp {
        self.next_time.previous()
    }

    /// Everything the round writes.
    pub(crate) fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for ((space, key), value) in self.rows {
            match value {
                Some(value) => batch.put(space, key, value),
                None => batch.delete(space, key),
            }
        }
        batch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn put(&mut self, space: Space, key: Vec<u8>, value: Bytes) {
        self.rows.insert((space, key.into()), Some(value));
    }

    /// The body of a document as the next commit finds it.
    pub(crate) fn body(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        if let Some(state) = self.changed.get(path) {
            return Ok(state.as_ref().map(|state| state.body.clone()));
        }
        let row = self.before.get(Space::Documents, &documents::key(self.number, path));
        let Some(row) = row.map_err(error::storage)? else { return Ok(None) };
        Ok(Some(documents::read_row(path.clone(), &row)?.body))
    }

    fn load(&self, path: &DocumentPath) -> Result<Option<State>, Status> {
        if let Some(state) = self.changed.get(path) {
            return Ok(state.clone());
        }
        let key = documents::key(self.number, path);
        let Some(row) = self.before.get(Space::Documents, &key).map_err(error::storage)? else {
            return Ok(None);
        };
        let document = documents::read_row(path.clone(), &row)?;
        let fields = document.fields().map_err(|_| Damage::DocumentRow)?;
        Ok(Some(State {
            create_time: document.create_time,
            update_time: document.update_time,
            fields: Arc::new(fields),
            body: document.body,
            made: None,
        }))
    }

    fn change(
        &self,
        path: DocumentPath,
        old: Option<State>,
        new: Option<State>,
    ) -> Result<DocumentChange, Status> {
        if let Some(new) = &new {
            check_entry_count(&new.fields)?;
        }
        let (removed, added) = self.entry_changes(&path, old.as_ref(), new.as_ref());
        added.iter().try_for_each(|entry| check_entry_size(entry))?;
        let key = documents::key(self.number, &path).into();
        Ok(DocumentChange { path, key, old, new, removed, added })
    }

    /// The index keys that vanish and those that appear.
    fn entry_changes(
        &self,
        path: &DocumentPath,
        old: Option<&State>,
        new: Option<&State>,
    ) -> (Vec<Bytes>, Vec<Bytes>) {
        let (Some(old), Some(new)) = (old, new) else {
            let entries = |state: Option<&State>| state.map(|state| self.entries(path, state));
            return (entries(old).unwrap_or_default(), entries(new).unwrap_or_default());
        };
        let (old, new) = (self.entries(path, old), self.entries(path, new));
        let without = |these: &[Bytes], those: &[Bytes]| {
            these.iter().filter(|key| those.binary_search(key).is_err()).cloned().collect()
        };
        (without(&old, &new), without(&new, &old))
    }

    /// The index keys of a document, in order.
    fn entries(&self, path: &DocumentPath, state: &State) -> Vec<Bytes> {
        if let Some(entries) = state.made.as_ref().and_then(|made| made.entries(&self.indexes)) {
            return entries.to_vec();
        }
        let mut entries = document_entries(&self.indexes, path, &state.fields);
        entries.sort_unstable();
        entries.into_iter().map(Bytes::from).collect()
    }
}

/// Applies one write to a document; answers the transforms' results. A commit that leads back to the document before it
/// changes nothing.
fn apply_to(
    document: &mut Staged,
    write: &Ready,
    database: &DatabaseName,
    time: Timestamp,
    refusals: &mut Refusals,
) -> Result<Vec<Value>, Status> {
    let Staged { old, new: state } = document;
    // A document that was deleted and made again is another one, even if it looks like the old one.
    let at_start =
        old.as_ref().filter(|old| state.as_ref().is_none_or(|new| new.create_time == old.create_time));
    let found = state.as_ref().map(|s| Found { fields: &s.fields, update_time: s.update_time });
    let deleted_before = found.is_none() && at_start.is_some();
    let (effect, results) = apply(write, database, found, deleted_before, time, refusals)?;
    let (fields, body, made) = match effect {
        Effect::Keep => return Ok(results),
        Effect::Delete => {
            *state = None;
            return Ok(results);
        }
        Effect::Set(fields) => {
            let body = body::encode(&fields);
            (Arc::new(fields), body, None)
        }
        Effect::SetWhole(whole) => (whole.fields.clone(), whole.body.clone(), Some(whole.clone())),
    };
    let unchanged = at_start.filter(|start| start.body == body && state.is_some());
    *state = Some(match unchanged {
        Some(start) => start.clone(),
        None => {
            let create_time = state.as_ref().map_or(time, |state| state.create_time);
            State { create_time, update_time: time, fields, body, made }
        }
    });
    Ok(results)
}

/// The size of a key is never more than that of the entry as production counts it. What is refused here would make
/// storage refuse the whole round, or is near it.
fn check_entry_size(key: &[u8]) -> Result<(), Status> {
    if key.len() > MAX_INDEX_ENTRY_BYTES {
        return Err(Status::invalid_argument(format!(
            "an index entry of {} bytes is larger than {MAX_INDEX_ENTRY_BYTES} bytes",
            key.len()
        )));
    }
    Ok(())
}

/// Each field counts two entries (one for each direction), each array element two.
fn check_entry_count(fields: &Fields) -> Result<(), Status> {
    fn count(value: &Value) -> usize {
        2 + match value {
            Value::Array(elements) => 2 * elements.len(),
            Value::Map(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    let entries: usize = fields.values().map(count).sum();
    if entries > MAX_INDEX_ENTRIES {
        return Err(Status::invalid_argument("too many index entries for entity")
            .with_info("INDEX_ENTRIES_COUNT_LIMIT_EXCEEDED", []));
    }
    Ok(())
}
