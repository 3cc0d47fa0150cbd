//! Indexes that queries would have liked: logged once each, and kept to be listed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use database::IndexDefinition;
use model::DatabaseName;

/// Further ones are served without a word, so that made-up queries cannot fill the memory.
const MOST: usize = 1_000;

/// See the module.
#[derive(Default)]
pub(crate) struct Suggestions(Mutex<HashSet<(DatabaseName, IndexDefinition)>>);

impl Suggestions {
    /// A query ran without this index.
    pub(crate) fn note(&self, database: &DatabaseName, index: &IndexDefinition) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < MOST && noted.insert((database.clone(), index.clone())) {
            tracing::info!(%database, ?index, "a query was served without an index; add this one");
        }
    }

    /// All that were noted.
    pub(crate) fn all(&self) -> Vec<(DatabaseName, IndexDefinition)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
