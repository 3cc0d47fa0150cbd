//! Expired rows leave during compaction: no delete is written for them, so no scan has to step over deletes.

use crate::{Expired, Space};
use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};
use parking_lot::RwLock;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rule that names expired rows, and what it has led to.
#[derive(Default)]
pub(super) struct Expiry {
    rule: RwLock<Option<Arc<dyn Expired>>>,
    dropped: AtomicU64,
    /// Compactions that ran to their end, a counter for each space.
    finished: [AtomicU64; 5],
}

impl Expiry {
    pub(super) fn set(&self, rule: Arc<dyn Expired>) {
        *self.rule.write() = Some(rule);
    }

    /// Rows dropped since the engine was opened.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Compactions of a space that ran to their end since the engine was opened.
    pub(super) fn finished(&self, space: Space) -> u64 {
        self.finished[space.index()].load(Ordering::Relaxed)
    }

    /// What fjall calls when it compacts the keyspace with this name.
    pub(super) fn factory(self: &Arc<Self>, keyspace: &str) -> Option<Arc<dyn Factory>> {
        let space = Space::named(keyspace)?;
        Some(Arc::new(SpaceFactory { space, expiry: AssertUnwindSafe(self.clone()) }))
    }
}

struct SpaceFactory {
    space: Space,
    expiry: AssertUnwindSafe<Arc<Expiry>>,
}

impl Factory for SpaceFactory {
    fn name(&self) -> &str {
        "irori-expired"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        let expiry = self.expiry.0.clone();
        let rule = expiry.rule.read().clone();
        Box::new(SpaceFilter { space: self.space, rule, expiry, dropped: 0 })
    }
}

/// One compaction of one space.
struct SpaceFilter {
    space: Space,
    rule: Option<Arc<dyn Expired>>,
    expiry: Arc<Expiry>,
    dropped: u64,
}

impl CompactionFilter for SpaceFilter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        match &self.rule {
            Some(rule) if rule.expired(self.space, item.key()) => {
                self.dropped += 1;
                Ok(Verdict::Destroy)
            }
            Some(_) | None => Ok(Verdict::Keep),
        }
    }

    fn finish(self: Box<Self>) {
        self.expiry.dropped.fetch_add(self.dropped, Ordering::Relaxed);
        self.expiry.finished[self.space.index()].fetch_add(1, Ordering::Relaxed);
    }
}
