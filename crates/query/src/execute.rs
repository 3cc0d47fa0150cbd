//! Runs a plan over one view: rows are pulled one by one, so cost follows what is asked for.
//!
//! A row is an index entry or a document, with its key. Documents are fetched as late as the plan
//! allows: what is skipped, counted, merged away or beyond the limit is never looked up.

mod filter;
mod index;
mod merge;
mod names;
mod nearest;
mod page;
mod sort;
mod union;

use std::sync::Arc;

use database::{IndexEntry, IndexSource, View};
use model::{Document, DocumentPath, FieldPath, Status, Timestamp, body};

use crate::damage;
use crate::plan::{Node, Plan};
use crate::source::Source;
use filter::FilterRows;
pub(crate) use filter::place;
use index::IndexRows;
use merge::MergeRows;
use names::NameRows;
pub(crate) use nearest::Best;
use nearest::NearestRows;
use page::PageRows;
pub(crate) use sort::MAX_SORT_BYTES;
use sort::SortRows;
use union::UnionRows;

/// A query that is being answered: a stream of documents, in the query's order.
pub struct Execution {
    rows: Rows,
    run: Run,
}

/// What an execution carries from step to step.
pub(crate) struct Run {
    pub view: View,
    pub source: Source,
    pub meter: Meter,
    /// Look one row beyond the limit, as production does: explain counts it.
    pub look_ahead: bool,
}

/// How much an execution has read, counted as production counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    pub index_entries: u64,
    pub documents: u64,
    /// Rows that the offset left out.
    pub skipped: u64,
    /// Rows that went into a nearest-neighbour search.
    pub vectors: u64,
}

/// One result on its way up.
pub(crate) struct Row {
    /// Its place in the query's order.
    pub key: Vec<u8>,
    pub found: Found,
}

/// What is known of a row's document.
pub(crate) enum Found {
    Entry(IndexEntry, Arc<IndexSource>),
    Document(Document),
}

/// The running form of a [`Node`].
pub(crate) enum Rows {
    Nothing,
    Names(NameRows),
    Index(Box<IndexRows>),
    Merge(MergeRows),
    Union(UnionRows),
    Fetch(Box<Rows>),
    Filter(Box<FilterRows>),
    Sort(SortRows),
    Having(Box<Rows>, Vec<FieldPath>),
    Page(PageRows),
    Nearest(NearestRows),
    Project(Box<Rows>, Vec<FieldPath>),
}

impl Execution {
    pub(crate) fn new(plan: &Plan, view: &View, look_ahead: bool) -> Self {
        let run =
            Run { view: view.clone(), source: plan.source.clone(), meter: Meter::default(), look_ahead };
        Execution { rows: Rows::of(&plan.root, &plan.source), run }
    }

    /// The next document, with its fields projected.
    ///
    /// # Errors
    /// What the view answers; RESOURCE_EXHAUSTED when a sort in memory grows too large.
    #[allow(clippy::should_implement_trait, reason = "a stream of results that may fail")]
    pub fn next(&mut self) -> Result<Option<Document>, Status> {
        match self.rows.next(&mut self.run)? {
            Some(row) => self.run.document(row).map(Some),
            None => Ok(None),
        }
    }

    /// How many rows the offset has left out so far: final once a document or the end was seen.
    pub fn skipped(&self) -> u64 {
        self.run.meter.skipped
    }

    /// The time whose state is read.
    pub fn read_time(&self) -> Timestamp {
        self.run.view.read_time()
    }

    pub(crate) fn meter(&self) -> Meter {
        self.run.meter
    }

    pub(crate) fn document(&mut self, row: Row) -> Result<Document, Status> {
        self.run.document(row)
    }

    /// Pulls a row without looking its document up.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, Status> {
        self.rows.next(&mut self.run)
    }
}

impl Rows {
    pub(crate) fn of(node: &Node, source: &Source) -> Self {
        let boxed = |input: &Node| Box::new(Rows::of(input, source));
        match node {
            Node::Nothing => Rows::Nothing,
            Node::Names(read) => Rows::Names(NameRows::new(read)),
            Node::Index(read) => Rows::Index(Box::new(IndexRows::new(read, source))),
            Node::Merge(reads) => Rows::Merge(MergeRows::new(reads, source)),
            Node::Union(inputs) => {
                Rows::Union(UnionRows::new(inputs.iter().map(|input| Rows::of(input, source)).collect()))
            }
            Node::Fetch(input) => Rows::Fetch(boxed(input)),
            Node::Filter(filter) => Rows::Filter(Box::new(FilterRows::new(filter, *boxed(&filter.input)))),
            Node::Sort { input, keep } => Rows::Sort(SortRows::new(boxed(input), *keep)),
            Node::Having { input, fields } => Rows::Having(boxed(input), fields.clone()),
            Node::Page { input, offset, limit } => Rows::Page(PageRows::new(boxed(input), *offset, *limit)),
            Node::Nearest { input, find } => Rows::Nearest(NearestRows::new(boxed(input), find.clone())),
            Node::Project { input, fields } => {
                let stored = fields.iter().filter(|path| !path.is_document_name());
                Rows::Project(boxed(input), stored.cloned().collect())
            }
        }
    }

    /// Leaves out the rows below a place if that is cheap: an index is jumped in, everything else is not.
    pub(crate) fn skip_to(&mut self, place: &[u8], run: &mut Run) -> Result<(), Status> {
        match self {
            Rows::Index(index) => index.skip_to(place, run),
            Rows::Nothing
            | Rows::Names(_)
            | Rows::Merge(_)
            | Rows::Union(_)
            | Rows::Fetch(_)
            | Rows::Filter(_)
            | Rows::Sort(_)
            | Rows::Having(..)
            | Rows::Page(_)
            | Rows::Nearest(_)
            | Rows::Project(..) => Ok(()),
        }
    }

    /// The next row in the node's order.
    pub(crate) fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        match self {
            Rows::Nothing => Ok(None),
            Rows::Names(names) => names.next(run),
            Rows::Index(index) => index.next(run),
            Rows::Merge(merge) => merge.next(run),
            Rows::Union(union) => union.next(run),
            Rows::Fetch(input) => {
                let Some(row) = input.next(run)? else { return Ok(None) };
                run.fetched(row).map(Some)
            }
            Rows::Filter(filter) => filter.next(run),
            Rows::Sort(sort) => sort.next(run),
            Rows::Having(input, fields) => having(input, fields, run),
            Rows::Page(page) => page.next(run),
            Rows::Nearest(nearest) => nearest.next(run),
            Rows::Project(input, fields) => {
                let Some(row) = input.next(run)? else { return Ok(None) };
                let key = row.key.clone();
                let mut document = run.document(row)?;
                document.body = body::project(&document.body, fields).map_err(damage)?;
                Ok(Some(Row { key, found: Found::Document(document) }))
            }
        }
    }
}

fn having(input: &mut Rows, fields: &[FieldPath], run: &mut Run) -> Result<Option<Row>, Status> {
    while let Some(row) = input.next(run)? {
        let Row { key, found: Found::Document(document) } = run.fetched(row)? else {
            return Err(Status::internal("a fetched row has a document"));
        };
        let mut all = true;
        for path in fields {
            all = all && body::find(&document.body, path).map_err(damage)?.is_some();
        }
        if all {
            return Ok(Some(Row { key, found: Found::Document(document) }));
        }
    }
    Ok(None)
}

impl Run {
    /// The document of a row.
    pub fn document(&mut self, row: Row) -> Result<Document, Status> {
        match row.found {
            Found::Document(document) => Ok(document),
            Found::Entry(entry, source) => {
                let path = entry.path(&source)?;
                self.meter.documents += 1;
                let document = self.view.get(&path)?;
                document.ok_or_else(|| dangling(&path))
            }
        }
    }

    /// The row with its document.
    pub fn fetched(&mut self, mut row: Row) -> Result<Row, Status> {
        let key = std::mem::take(&mut row.key);
        Ok(Row { key, found: Found::Document(self.document(row)?) })
    }
}

/// Index and documents are written together, so this is damage.
fn dangling(path: &DocumentPath) -> Status {
    Status::internal(format!("An index names the document {path}, which does not exist."))
}
