//! Runs a plan over one view: rows are pulled one by one, and told from results.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use database::View;
use model::encoding::after_prefix;
use model::{Code, Document, DocumentPath, Status, Timestamp};

use super::batch::EntityRow;
use super::cursor::{CursorWriter, split};
use super::metadata::MetadataRows;
use super::normal::{Normal, Output, path_bytes};
use super::place::Judge;
use super::plan::{EntityPlan, Step};
use crate::execute::{Found, MAX_SORT_BYTES, Meter, Row, Rows, Run};
use crate::plan::Node;
use crate::source::Source;

/// Bytes of the list of entities that were seen; whoever comes after is looked up instead.
const MAX_SEEN_BYTES: usize = if cfg!(test) { 4 * 1024 } else { 32 * 1024 * 1024 };
/// What a row takes in a list besides its bytes.
const ROW_BYTES: usize = 160;

/// A query for entities that is being answered.
pub struct EntityExecution {
    pub(super) query: Arc<Normal>,
    pub(super) run: Run,
    judge: Judge,
    stream: Stream,
    /// The group that the last result was of, in a distinct query.
    group: Option<Vec<u8>>,
    pub(super) cursors: CursorWriter,
}

/// One step of an execution.
pub(super) enum Next {
    Result(Row),
    /// A row at this place is no result.
    Rejected(Vec<u8>),
    End,
}

/// The running form of a [`Step`].
enum Stream {
    Nothing,
    Rows(Rows),
    First {
        rows: Rows,
        seen: HashSet<Vec<u8>>,
        bytes: usize,
    },
    Confirm(Rows),
    /// Behind these results, sorted, which are all from the beginning on: whoever is none of them is one.
    Behind {
        rows: Rows,
        results: Vec<DocumentPath>,
    },
    Sort {
        inputs: Vec<Node>,
        keep: Option<usize>,
    },
    Sorted(std::collections::btree_map::IntoValues<Vec<u8>, Row>),
    Metadata(MetadataRows),
}

impl EntityExecution {
    pub(super) fn new(plan: &EntityPlan, view: &View) -> Self {
        let query = plan.query.clone();
        let rows = |node: &Node| Rows::of(node, &plan.source);
        let stream = match &plan.step {
            Step::Nothing => Stream::Nothing,
            Step::Rows(node) => Stream::Rows(rows(node)),
            Step::First(node) => Stream::First { rows: rows(node), seen: HashSet::new(), bytes: 0 },
            Step::Confirm(node) => Stream::Confirm(rows(node)),
            Step::Sort(inputs) => Stream::Sort { inputs: inputs.clone(), keep: None },
            Step::Metadata(kind) => Stream::Metadata(MetadataRows::new(*kind, &query)),
        };
        let judge = Judge::of(&query, &plan.required);
        let run = Run {
            view: view.clone(),
            source: plan.source.clone(),
            meter: Meter::default(),
            look_ahead: false,
        };
        EntityExecution { query, run, judge, stream, group: None, cursors: CursorWriter::default() }
    }

    /// The time whose state is read.
    pub fn read_time(&self) -> Timestamp {
        self.run.view.read_time()
    }

    /// True when all results are sorted in memory before the first comes.
    pub(super) fn is_sorted(&self) -> bool {
        matches!(self.stream, Stream::Sort { .. } | Stream::Sorted(_))
    }

    /// Tells how many results will be asked for at most: sorting in memory keeps no more.
    pub(super) fn keep(&mut self, results: usize) {
        if let Stream::Sort { keep, .. } = &mut self.stream {
            *keep = Some(results);
        }
    }

    /// Notes the results so far, if they are all from the beginning on: whether a row after them is a result can then
    /// be told without its entity.
    pub(super) fn note(&mut self, results: &[EntityRow]) {
        let window = &self.query.window;
        if window.start.is_some() || window.offset > 0 || !self.query.exploded.is_empty() {
            return;
        }
        self.stream = match std::mem::replace(&mut self.stream, Stream::Nothing) {
            Stream::Confirm(rows) => {
                let mut results: Vec<_> = results.iter().map(|row| row.key.path().clone()).collect();
                results.sort_unstable_by(as_text);
                Stream::Behind { rows, results }
            }
            other @ (Stream::Nothing
            | Stream::Rows(_)
            | Stream::First { .. }
            | Stream::Behind { .. }
            | Stream::Sort { .. }
            | Stream::Sorted(_)
            | Stream::Metadata(_)) => other,
        };
    }

    /// The next row, and whether it is a result.
    pub(super) fn next(&mut self) -> Result<Next, Status> {
        if let Stream::Sort { inputs, keep } = &mut self.stream {
            let sorter = Sorter { query: &self.query, judge: &self.judge, keep: *keep };
            let sorted = sorter.sort(std::mem::take(inputs), &mut self.run)?;
            self.stream = Stream::Sorted(sorted.into_values());
        }
        let run = &mut self.run;
        let row = match &mut self.stream {
            Stream::Nothing | Stream::Sort { .. } => None,
            Stream::Rows(rows)
            | Stream::First { rows, .. }
            | Stream::Confirm(rows)
            | Stream::Behind { rows, .. } => rows.next(run)?,
            Stream::Sorted(rows) => rows.next(),
            Stream::Metadata(rows) => rows.next(run)?,
        };
        let Some(row) = row else { return Ok(Next::End) };
        if let Some(group) = self.group.as_ref().filter(|group| row.key.starts_with(group)) {
            if let (Stream::Rows(rows) | Stream::Confirm(rows), Some(next)) =
                (&mut self.stream, after_prefix(group))
            {
                rows.skip_to(&next, run)?;
            }
            return Ok(Next::Rejected(row.key));
        }
        let next = self.told(row)?;
        if let (Next::Result(row), true) = (&next, self.query.distinct > 0) {
            self.group = Some(group_of(&row.key, &self.query)?);
        }
        Ok(next)
    }

    /// Whether the row is a result.
    fn told(&mut self, row: Row) -> Result<Next, Status> {
        match &mut self.stream {
            Stream::Nothing
            | Stream::Rows(_)
            | Stream::Sort { .. }
            | Stream::Sorted(_)
            | Stream::Metadata(_) => Ok(Next::Result(row)),
            Stream::First { seen, bytes, .. } => {
                let identity = self.judge.identity(&row.key)?;
                if seen.contains(&identity) {
                    return Ok(Next::Rejected(row.key));
                }
                *bytes += identity.len() + ROW_BYTES;
                if *bytes > MAX_SEEN_BYTES {
                    return self.confirmed(row);
                }
                seen.insert(identity);
                Ok(Next::Result(row))
            }
            Stream::Confirm(_) => self.confirmed(row),
            Stream::Behind { results, .. } => {
                let known = match &row.found {
                    Found::Entry(entry, source) => is_among(results, &entry.path(source)?),
                    Found::Document(document) => is_among(results, &document.path),
                };
                Ok(if known { Next::Rejected(row.key) } else { Next::Result(row) })
            }
        }
    }

    /// The same told by the entity, which comes with the row.
    fn confirmed(&mut self, mut row: Row) -> Result<Next, Status> {
        let place = std::mem::take(&mut row.key);
        let document = self.run.document(row)?;
        Ok(match self.judge.confirms(&place, &document)? {
            true => Next::Result(Row { key: place, found: Found::Document(document) }),
            false => Next::Rejected(place),
        })
    }

    /// The entity of a result, looked up if need be.
    pub(super) fn entity(&mut self, found: Found) -> Result<Document, Status> {
        self.run.document(Row { key: Vec::new(), found })
    }
}

/// Whether a path is one of those, which are sorted as texts: paths themselves compare id by id, which takes longer.
fn is_among(sorted: &[DocumentPath], path: &DocumentPath) -> bool {
    sorted.binary_search_by(|one| as_text(one, path)).is_ok()
}

fn as_text(a: &DocumentPath, b: &DocumentPath) -> std::cmp::Ordering {
    a.as_str().cmp(b.as_str())
}

/// The columns of a place that a distinct query has one result for.
fn group_of(place: &[u8], query: &Normal) -> Result<Vec<u8>, Status> {
    let pieces = split(place, &query.order)?;
    let length = pieces[..query.distinct].iter().map(|piece| piece.len()).sum();
    Ok(place[..length].to_vec())
}

/// Puts the results of candidates in order, in memory.
struct Sorter<'a> {
    query: &'a Normal,
    judge: &'a Judge,
    keep: Option<usize>,
}

impl Sorter<'_> {
    fn sort(&self, inputs: Vec<Node>, run: &mut Run) -> Result<BTreeMap<Vec<u8>, Row>, Status> {
        let mut sorted = BTreeMap::new();
        let start = match &self.query.window.start {
            Some(start) => start.edge(&self.query.order),
            None => Some(Vec::new()),
        };
        let Some(start) = start else { return Ok(sorted) };
        let source: Source = run.source.clone();
        let mut bytes = 0;
        for input in inputs {
            let mut rows = Rows::of(&input, &source);
            while let Some(row) = rows.next(run)? {
                let document = run.document(row)?;
                for place in self.judge.places(&path_bytes(&document.path), &document.body)? {
                    if place >= start {
                        bytes += self.hold(&mut sorted, place, &document)?;
                    }
                }
                while self.keep.is_some_and(|keep| sorted.len() > keep) {
                    bytes -= sorted.pop_last().map_or(0, |(key, row)| size(&key, &row));
                }
                if bytes > MAX_SORT_BYTES {
                    return Err(too_large());
                }
            }
        }
        Ok(sorted)
    }

    /// Keeps a result, if it is the first of its group; answers how many bytes more are held.
    fn hold(
        &self,
        sorted: &mut BTreeMap<Vec<u8>, Row>,
        place: Vec<u8>,
        document: &Document,
    ) -> Result<usize, Status> {
        let key = if self.query.distinct > 0 { group_of(&place, self.query)? } else { place.clone() };
        let known = sorted.get(&key);
        if known.is_some_and(|known| known.key <= place) {
            return Ok(0);
        }
        let freed = known.map_or(0, |known| size(&key, known));
        let mut document = document.clone();
        if self.query.output == Output::Keys {
            document.body = bytes::Bytes::new();
        }
        let row = Row { key: place, found: Found::Document(document) };
        let held = size(&key, &row);
        sorted.insert(key, row);
        Ok(held.saturating_sub(freed))
    }
}

fn size(key: &[u8], row: &Row) -> usize {
    let document = match &row.found {
        Found::Entry(..) => 0,
        Found::Document(document) => document.body.len() + document.path.as_str().len(),
    };
    ROW_BYTES + key.len() + row.key.len() + document
}

fn too_large() -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "The query sorts more than {MAX_SORT_BYTES} bytes in memory because no index has its order. Declare the \
             index in index.yaml, or set a limit."
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use database::{CommitMode, Options, Store, View};
    use host::{Host, ManualClock};
    use model::DatabaseName;
    use model::entity::query::{EntityFilter, EntityQuery, PropertyOperator};
    use model::entity::write::{Mutation, MutationOperation};
    use model::entity::{Entity, EntityValue, Id, Key, Partition, PathElement, Properties};
    use storage::memory::MemoryEngine;

    use super::{MAX_SEEN_BYTES, ROW_BYTES};
    use crate::MissingIndex;
    use crate::entities::{MoreResults, run_entity_query};

    /// Entities whose list is longer than what is kept of those seen, each with two index rows.
    fn view(count: i64) -> View {
        let host = Host::simulated(Arc::new(ManualClock::at(1_700_000_000_000_000)), 7);
        let store = Store::open(Arc::new(MemoryEngine::new()), host, Options::default()).unwrap();
        let name = DatabaseName::new("p", "(default)");
        let database = store.datastore(&name).unwrap();
        let mutation = |n: i64| {
            let list = [n, n + count].map(|value| EntityValue::Integer(value).into()).to_vec();
            let properties = Properties::from([("a".to_owned(), EntityValue::Array(list).into())]);
            let path = vec![PathElement::new("K", Id::Number(n))];
            let key = Key { partition: Partition::new(&name, ""), path };
            Mutation {
                operation: MutationOperation::Insert(Entity { key, properties }),
                base: None,
                on_conflict: Default::default(),
                mask: None,
                transforms: Vec::new(),
            }
        };
        let mutations = (1..=count).map(mutation).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(database.commit_entities(mutations, None, CommitMode::Transactional)).unwrap();
        database.view()
    }

    #[test]
    fn who_is_not_on_the_list_of_those_seen_is_looked_up() {
        let count = 2 * (MAX_SEEN_BYTES / ROW_BYTES) as i64;
        let view = view(count);
        let filter = EntityFilter::Property {
            name: "a".to_owned(),
            operator: PropertyOperator::GreaterThan,
            value: EntityValue::Integer(0).into(),
        };
        let query = EntityQuery {
            kind: Some("K".to_owned()),
            filter: Some(filter),
            projection: vec!["__key__".to_owned()],
            ..EntityQuery::default()
        };
        let (plan, batch) = run_entity_query(&view, &query, MissingIndex::Suggest).unwrap();
        assert!(plan.to_string().starts_with("first"), "{plan}");
        assert_eq!((batch.rows.len() as i64, batch.more_results), (count, MoreResults::None));
        let looked_up = view.reads().documents as i64;
        assert!((count..2 * count).contains(&looked_up), "{looked_up} of {count}");
    }
}
