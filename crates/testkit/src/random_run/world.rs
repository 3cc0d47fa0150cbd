//! What changes around the clients: indexes, restarts, clean-ups; and the check of everything.

use std::time::Duration;

use database::{
    ByteRange, Change, Column, ColumnKind, FieldOverride, IndexDefinition, IndexFile, IndexScope, IndexState,
    NameSource, SingleFieldIndex, SingleFieldKind,
};
use model::query::Direction;
use model::{FieldPath, Parent, Timestamp};

use super::RandomRun;
use super::reads::{Part, Read};
use crate::indexes_equal_scan;
use crate::notation::show_time;
use crate::oracle::Oracle;

/// How far back the change log reaches: the retention and the slack that protects reads under way.
const LOGGED: i64 = 3_900_000_000;

/// Columns of the indexes that are declared and dropped: `field`, `field-` descending, `field*` of elements,
/// `field=2` a vector of that dimension.
const COMPOSITES: [&str; 8] = ["x y", "x y-", "tags* x", "x- y", "m.a y- x", "v=2", "x v=1", "tags* x-"];

impl RandomRun {
    pub(super) fn declare(&mut self) -> Result<(), String> {
        let mut file = IndexFile::default();
        for columns in COMPOSITES {
            if self.dice.chance(30) {
                let collection_id = (*self.dice.pick(&["c", "d"])).to_owned();
                let scope = *self.dice.pick(&[IndexScope::Collection, IndexScope::CollectionGroup]);
                let columns = columns.split(' ').map(column).collect();
                file.indexes.push(IndexDefinition { collection_id, scope, columns });
            }
        }
        if self.dice.chance(25) {
            file.overrides.push(self.random_override());
        }
        self.note(format!("declare {file:?}"));
        self.declared += 1;
        self.world.store().declare_indexes(self.world.name(), &file).expect("the catalog can be written");
        // Commits that waited come first, then the builder's reads.
        self.settle()?;
        let indexes = self.database().indexes();
        let ready = indexes.declared().iter().filter_map(|index| match index.state {
            IndexState::Ready { since } => Some(since),
            IndexState::Building => None,
        });
        self.seen = ready.fold(self.seen, Timestamp::max);
        Ok(())
    }

    fn random_override(&mut self) -> FieldOverride {
        let scopes = [IndexScope::Collection, IndexScope::CollectionGroup];
        let kinds = [SingleFieldKind::Ordered, SingleFieldKind::Contains];
        let all = scopes.iter().flat_map(|scope| kinds.map(|kind| SingleFieldIndex { scope: *scope, kind }));
        let indexes = all.filter(|_| self.dice.chance(50)).collect();
        FieldOverride { collection_id: "d".to_owned(), field: Some(self.random_field()), indexes }
    }

    pub(super) fn clean_up(&mut self) {
        self.note("clean up".to_owned());
        self.world.store().compact().expect("the engine can reclaim");
    }

    /// Requests that were not answered are lost; what they wanted has not happened.
    pub(super) fn reopen(&mut self) {
        self.note("reopen".to_owned());
        self.forget_clients();
        self.database = None;
        self.world.reopen();
        // A clock that stands across a restart would let a commit take the time of a read before it.
        self.world.advance(Duration::from_secs(1));
        self.database = Some(self.world.database());
    }

    pub(super) fn clear(&mut self) {
        self.note("clear".to_owned());
        self.world.store().clear(self.world.name()).expect("the catalog can be written");
        self.forget_clients();
        self.oracle = Oracle::new(self.world.name().clone());
        self.database = Some(self.world.database());
    }

    fn forget_clients(&mut self) {
        self.waiting.clear();
        self.transactions.clear();
    }

    /// Every index, the change log, and the whole state at many times that can still be read.
    pub(super) fn check_everything(&mut self) -> Result<(), String> {
        self.note("check".to_owned());
        indexes_equal_scan::check(self.world.engine(), &self.database())?;
        self.check_change_log()?;
        let whole = Read::Scan { source: NameSource::Kindless { parent: Parent::Root }, part: Part::whole() };
        for _ in 0..10 {
            let Some(time) = self.random_past() else { return Ok(()) };
            let view = self.database().view_at(time).map_err(|status| status.to_string())?;
            self.seen = self.seen.max(time);
            for read in [whole.clone(), self.random_read(), self.random_read()] {
                let observed = read.run(&view).map_err(|status| status.to_string())?;
                self.compare_read(&read, &observed, time)?;
            }
        }
        self.check_by_id()
    }

    fn check_change_log(&self) -> Result<(), String> {
        let after = self.world.now().saturating_add(-LOGGED);
        let mut scan = self.database().changes_after(after);
        let mut told: Vec<(Timestamp, Vec<Change>)> = Vec::new();
        while let Some(record) = scan.next().map_err(|status| status.to_string())? {
            told.push((record.time, record.changes));
        }
        let made: Vec<_> = self.oracle.commits().iter().filter(|(time, _)| *time > after).cloned().collect();
        if told == made { Ok(()) } else { Err(format!("the change log tells\n  {told:?}\nnot\n  {made:?}")) }
    }

    /// A scan and point reads agree.
    fn check_by_id(&self) -> Result<(), String> {
        let view = self.database().view();
        let source = NameSource::Kindless { parent: Parent::Root };
        let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
        while let Some(document) = scan.next().map_err(|status| status.to_string())? {
            let found = view.get(&document.path).map_err(|status| status.to_string())?;
            if found.as_ref() != Some(&document) {
                let time = show_time(view.read_time());
                return Err(format!("{} at {time}: scanned {document:?}, got {found:?}", document.path));
            }
        }
        Ok(())
    }
}

fn column(text: &str) -> Column {
    let (path, kind) = if let Some(path) = text.strip_suffix('-') {
        (path, ColumnKind::Descending)
    } else if let Some(path) = text.strip_suffix('*') {
        (path, ColumnKind::Contains)
    } else if let Some((path, dimension)) = text.split_once('=') {
        (path, ColumnKind::Vector { dimension: dimension.parse().expect("a number") })
    } else {
        (text, ColumnKind::Ascending)
    };
    Column { path: FieldPath::parse(path).expect("these are field paths"), kind }
}
