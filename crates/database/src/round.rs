//! One round of the committer: many commits, prepared one after the other, one durable write.

mod documents;
mod entities;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::limits::MAX_INDEX_ENTRY_BYTES;
use model::{DatabaseName, Document, DocumentPath, Status, Timestamp};
use storage::{Batch, Snapshot, Space};

use crate::error;
use crate::feed::{self, Step};
use crate::index::{IndexSet, check_entries, content_entries, content_entries_in};
use crate::keys::changes::{self, Change};
use crate::keys::documents as rows;
use crate::keys::{DatabaseNumber, history, time_bytes};
use crate::mode::{Content, Mode};
use crate::ready::Whole;
use crate::transaction::WriteSet;
use crate::work::Done;

/// Bytes of the key of an entity's index entry: what production allows of names, values and columns, within what
/// storage takes.
const MAX_ENTITY_ENTRY_BYTES: usize = 32 * 1024;

/// A document as it stands in the middle of a round.
#[derive(Clone)]
pub(crate) struct State {
    create_time: Timestamp,
    update_time: Timestamp,
    content: Content,
    body: Bytes,
    /// What was made of it before its turn.
    made: Option<Arc<Whole>>,
}

/// The newest state: what is durable, with what the round has changed on top.
pub(crate) struct Round {
    database: DatabaseName,
    mode: Mode,
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
    pub(crate) time: Timestamp,
    pub(crate) done: Done,
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
        Step { time: self.time, changes: self.changes.iter().map(change).collect() }
    }
}

impl Round {
    pub(crate) fn new(
        (database, mode): (DatabaseName, Mode),
        indexes: Arc<IndexSet>,
        before: Arc<dyn Snapshot>,
        first: Timestamp,
    ) -> Self {
        Round {
            database,
            mode,
            number: indexes.number(),
            indexes,
            before,
            changed: HashMap::new(),
            rows: HashMap::new(),
            next_time: first,
        }
    }

    /// What a commit that has been applied to `staged`, in this order, changes.
    fn finish(
        &self,
        (time, done): (Timestamp, Done),
        order: Vec<DocumentPath>,
        mut staged: HashMap<DocumentPath, Staged>,
    ) -> Result<Prepared, Status> {
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
        Ok(Prepared { time, done, writes: Arc::new(writes), changes })
    }

    /// Takes a prepared commit into the round; answers its result.
    pub(crate) fn accept(&mut self, prepared: Prepared) -> Done {
        let time = prepared.time;
        let stamp = Bytes::copy_from_slice(&time_bytes(time));
        let mut log = Vec::with_capacity(prepared.changes.len());
        for change in prepared.changes {
            if let Some(old) = &change.old {
                let key = history::key(history::Kind::Document, &change.key, time);
                self.put(Space::History, key, rows::row(old.create_time, old.update_time, &old.body));
            }
            let row = change.new.as_ref().map(|new| rows::row(new.create_time, new.update_time, &new.body));
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
        prepared.done
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
                for entry in content_entries_in(&index, self.number, path, &state.content) {
                    self.check_entry_size(&entry)?;
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
        let row = self.before.get(Space::Documents, &rows::key(self.number, path));
        let Some(row) = row.map_err(error::storage)? else { return Ok(None) };
        Ok(Some(rows::read_row(path.clone(), &row)?.body))
    }

    fn load(&self, path: &DocumentPath) -> Result<Option<State>, Status> {
        if let Some(state) = self.changed.get(path) {
            return Ok(state.clone());
        }
        let key = rows::key(self.number, path);
        let Some(row) = self.before.get(Space::Documents, &key).map_err(error::storage)? else {
            return Ok(None);
        };
        let document = rows::read_row(path.clone(), &row)?;
        Ok(Some(State {
            create_time: document.create_time,
            update_time: document.update_time,
            content: self.mode.decode(&document.body)?,
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
        if let Some(new) = new.as_ref().filter(|new| self.made_entries(new).is_none()) {
            check_entries(&self.indexes, &path, &new.content)?;
        }
        let (removed, added) = self.entry_changes(&path, old.as_ref(), new.as_ref());
        added.iter().try_for_each(|entry| self.check_entry_size(entry))?;
        let key = rows::key(self.number, &path).into();
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

    /// The index keys that were made before the commit's turn, and are neither too many nor too large.
    fn made_entries<'a>(&self, state: &'a State) -> Option<&'a [Bytes]> {
        state.made.as_ref().and_then(|made| made.entries(&self.indexes))
    }

    /// The index keys of a document, in order.
    fn entries(&self, path: &DocumentPath, state: &State) -> Vec<Bytes> {
        if let Some(entries) = self.made_entries(state) {
            return entries.to_vec();
        }
        let mut entries = content_entries(&self.indexes, path, &state.content);
        entries.sort_unstable();
        entries.into_iter().map(Bytes::from).collect()
    }

    /// What is refused here would make storage refuse the whole round, or is near it. The size of a document's key is
    /// never more than that of the entry as production counts it.
    fn check_entry_size(&self, key: &[u8]) -> Result<(), Status> {
        let most = match self.mode {
            Mode::Native => MAX_INDEX_ENTRY_BYTES,
            Mode::Datastore => MAX_ENTITY_ENTRY_BYTES,
        };
        if key.len() > most {
            let length = key.len();
            let text = format!("an index entry of {length} bytes is larger than {most} bytes");
            return Err(Status::invalid_argument(text));
        }
        Ok(())
    }
}
