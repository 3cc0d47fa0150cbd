//! Index changes: declaring, building in the background while writes go on, dropping.
//!
//! From the moment an index is declared the committer maintains it. Documents from before are added
//! by the builder, in batches that go through the committer too, where the newest state is at hand:
//! so no write can slip in between reading a document and adding its entries.

use std::sync::{Arc, mpsc};

use model::query::Direction;
use model::{DocumentPath, Parent, Status, Timestamp};

use crate::catalog::{Catalog, Exemption, SINCE_EVER};
use crate::committer::Job;
use crate::database::{Database, Inner};
use crate::index::{
    Column, ColumnKind, DeclaredIndex, EVERY_GROUP, FieldOverride, IndexDefinition, IndexFile, IndexScope,
    IndexSet, IndexState, SingleFieldIndex,
};
use crate::keys::DatabaseNumber;
use crate::keys::indexes::SingleFieldKind;
use crate::view::{ByteRange, NameSource};

/// Documents added to an index by one request to the committer.
const BATCH: usize = 500;

/// The indexes a database should have, and what that changes.
pub(crate) struct IndexPlan {
    pub(crate) set: IndexSet,
    pub(crate) dropped: Vec<u32>,
    exemptions: Vec<Exemption>,
}

impl IndexPlan {
    /// Compares what `file` declares with what the catalog holds.
    pub(crate) fn new(
        catalog: &Catalog,
        number: DatabaseNumber,
        file: &IndexFile,
        empty: bool,
    ) -> Result<Self, Status> {
        let exempt_before = catalog.exemptions(number)?;
        let overrides = all_overrides(file, &exempt_before);
        let exempt = overrides.iter().filter(|o| takes_automatic_entries_away(o));
        let exemptions = exempt.map(|o| (o.collection_id.clone(), o.field.clone())).collect();
        let mut wanted: Vec<IndexDefinition> = file.indexes.clone();
        wanted.extend(overrides.iter().flat_map(single_field_definitions));
        let mut last_id = catalog.last_index_id(number)?;
        let present = catalog.indexes(number)?;
        let mut declared: Vec<Arc<DeclaredIndex>> = Vec::new();
        for definition in wanted {
            if declared.iter().any(|index| index.definition == definition) {
                continue;
            }
            let index = present.iter().find(|index| index.definition == definition).cloned();
            let index = index.unwrap_or_else(|| {
                last_id += 1;
                let state = if empty { SINCE_EVER } else { IndexState::Building };
                DeclaredIndex { id: last_id, definition, state }
            });
            declared.push(Arc::new(index));
        }
        let kept = |id: u32| declared.iter().any(|index| index.id == id);
        let dropped = present.iter().map(|index| index.id).filter(|id| !kept(*id)).collect();
        Ok(IndexPlan { set: IndexSet::new(number, declared, overrides), dropped, exemptions })
    }

    /// Makes the plan the catalog's truth.
    pub(crate) fn record(&self, catalog: &Catalog, number: DatabaseNumber) -> Result<(), Status> {
        catalog.write_indexes(number, self.set.declared(), &self.dropped, &self.exemptions)
    }
}

/// The file's overrides, and for what was exempted earlier but is no longer: the automatic entries were not
/// maintained meanwhile, so a field gets declared indexes in their place, and a whole group stays without.
fn all_overrides(file: &IndexFile, exempt_before: &[Exemption]) -> Vec<FieldOverride> {
    let mut overrides = file.overrides.clone();
    // A group may be exempt on its own, or with all others by `__default__`: then no `*` brings entries back.
    let every_group_exempt =
        exempt_before.iter().any(|(group, field)| group == EVERY_GROUP && field.is_none());
    overrides.retain(|o| {
        let brings_back = !takes_automatic_entries_away(o);
        !brings_back || !(every_group_exempt || exempt_before.contains(&(o.collection_id.clone(), None)))
    });
    for (collection_id, field) in exempt_before {
        let named = overrides.iter().any(|o| o.collection_id == *collection_id && o.field == *field);
        if !named {
            let index = |kind| SingleFieldIndex { scope: IndexScope::Collection, kind };
            let both = || vec![index(SingleFieldKind::Ordered), index(SingleFieldKind::Contains)];
            let indexes = field.as_ref().map(|_| both()).unwrap_or_default();
            let (collection_id, field) = (collection_id.clone(), field.clone());
            overrides.push(FieldOverride { collection_id, field, indexes });
        }
    }
    overrides
}

/// False for a `*` that lists indexes: the automatic ones serve in their place.
fn takes_automatic_entries_away(field_override: &FieldOverride) -> bool {
    field_override.field.is_some() || field_override.indexes.is_empty()
}

fn single_field_definitions(field_override: &FieldOverride) -> Vec<IndexDefinition> {
    let Some(path) = &field_override.field else { return Vec::new() };
    let definition = |index: &SingleFieldIndex| {
        let kind = match index.kind {
            SingleFieldKind::Ordered => ColumnKind::Ascending,
            SingleFieldKind::Contains => ColumnKind::Contains,
        };
        IndexDefinition {
            collection_id: field_override.collection_id.clone(),
            scope: index.scope,
            columns: vec![Column { path: path.clone(), kind }],
        }
    };
    field_override.indexes.iter().map(definition).collect()
}

impl Database {
    /// Adds the documents from before to every index that is being built. Blocks until done.
    pub(crate) fn build_indexes(
        &self,
        catalog: &Catalog,
        finished: impl Fn(&Database, &Catalog, u32, Timestamp) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let set = self.indexes();
        let building = set.declared().iter().filter(|index| index.state == IndexState::Building);
        for index in building {
            tracing::info!(database = %self.name(), id = index.id, definition = ?index.definition, "building an index");
            let documents = self.inner.fill_index(index)?;
            let since = self.inner.view().read_time();
            finished(self, catalog, index.id, since)?;
            tracing::info!(database = %self.name(), id = index.id, documents, "the index is ready");
        }
        Ok(())
    }

    /// Marks an index as complete from `since` on, in memory; the catalog is the caller's.
    pub(crate) fn index_ready(&self, id: u32, since: Timestamp) -> Arc<IndexSet> {
        let mut indexes = self.inner.indexes.write();
        let ready = |index: &Arc<DeclaredIndex>| {
            if index.id != id {
                return index.clone();
            }
            Arc::new(DeclaredIndex { state: IndexState::Ready { since }, ..(**index).clone() })
        };
        let declared = indexes.declared().iter().map(ready).collect();
        let set = IndexSet::new(indexes.number(), declared, indexes.overrides().to_vec());
        *indexes = Arc::new(set);
        indexes.clone()
    }
}

impl Inner {
    /// Answers how many documents were looked at.
    fn fill_index(self: &Arc<Self>, index: &DeclaredIndex) -> Result<usize, Status> {
        // An empty batch first: when it is through, every round that began before the index was
        // declared is over, and the view below holds all that such rounds wrote.
        self.backfill(index.id, Vec::new())?;
        let source =
            NameSource::Group { collection_id: index.definition.collection_id.clone(), parent: Parent::Root };
        let mut scan = self.view().scan_documents(&source, ByteRange::all(), Direction::Ascending);
        let mut documents = 0;
        loop {
            let mut paths: Vec<DocumentPath> = Vec::with_capacity(BATCH);
            while paths.len() < BATCH
                && let Some(document) = scan.next()?
            {
                paths.push(document.path);
            }
            if paths.is_empty() {
                return Ok(documents);
            }
            documents += paths.len();
            self.backfill(index.id, paths)?;
        }
    }

    fn backfill(self: &Arc<Self>, index: u32, paths: Vec<DocumentPath>) -> Result<(), Status> {
        let (reply, answer) = mpsc::channel();
        self.submit(Job::Backfill { index, paths, reply })?;
        answer
            .recv()
            .unwrap_or_else(|_| Err(Status::internal("The server stopped while an index was being built.")))
    }
}
