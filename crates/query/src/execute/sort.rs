//! Orders rows in memory, within a bound.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::{Code, Status};

use super::{Found, Row, Rows, Run};

/// Bytes of keys and documents that one query may hold for sorting: production's "query memory".
pub(crate) const MAX_SORT_BYTES: usize = if cfg!(test) { 64 * 1024 } else { 128 * 1024 * 1024 };

/// What a row takes besides its key and its document.
const ROW_BYTES: usize = 160;

pub(crate) struct SortRows {
    input: Box<Rows>,
    keep: Option<u64>,
    /// Last first, once the input is read.
    sorted: Option<Vec<Held>>,
}

/// A row, compared by its key.
struct Held(Row);

impl SortRows {
    pub fn new(input: Box<Rows>, keep: Option<u64>) -> Self {
        SortRows { input, keep, sorted: None }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        if self.sorted.is_none() {
            self.sorted = Some(self.read(run)?);
        }
        Ok(self.sorted.as_mut().and_then(Vec::pop).map(|held| held.0))
    }

    fn read(&mut self, run: &mut Run) -> Result<Vec<Held>, Status> {
        let mut heap = BinaryHeap::new();
        let mut bytes = 0;
        while let Some(row) = self.input.next(run)? {
            bytes += size(&row);
            heap.push(Held(row));
            // With a limit only the first rows matter: the last of them makes room.
            if self.keep.is_some_and(|keep| heap.len() as u64 > keep) {
                bytes -= heap.pop().map_or(0, |held| size(&held.0));
            }
            if bytes > MAX_SORT_BYTES {
                return Err(too_large());
            }
        }
        let mut sorted = heap.into_sorted_vec();
        sorted.reverse();
        Ok(sorted)
    }
}

fn size(row: &Row) -> usize {
    let document = match &row.found {
        Found::Entry(..) => 0,
        Found::Document(document) => document.body.len() + document.path.as_str().len(),
    };
    ROW_BYTES + row.key.len() + document
}

fn too_large() -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "The query sorts more than {MAX_SORT_BYTES} bytes in memory because no index has its order. Create \
             the index, or set a limit."
        ),
    )
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use database::{Options, Store, View};
    use host::{Host, ManualClock};
    use model::query::{Direction, FieldOperator, Filter, Order, Selector, StructuredQuery};
    use model::write::{Operation, Precondition, Write};
    use model::{DatabaseName, DocumentPath, FieldPath, Fields, Parent, Value};
    use storage::memory::MemoryEngine;

    use super::MAX_SORT_BYTES;
    use crate::{MissingIndex, run_query};

    /// Documents whose sorting takes twice the memory there is.
    fn view() -> View {
        let host = Host::simulated(Arc::new(ManualClock::at(1_700_000_000_000_000)), 7);
        let store = Store::open(Arc::new(MemoryEngine::new()), host, Options::default()).unwrap();
        let database = store.database(&DatabaseName::new("p", "d")).unwrap();
        let write = |n: usize| {
            let text = Value::from("x".repeat(1_000).as_str());
            let fields = [("a", Value::Integer(1)), ("n", Value::Integer(n as i64)), ("text", text)];
            let fields: Fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
            let path = DocumentPath::new(&format!("c/{n}")).unwrap();
            Write { path, operation, precondition: Precondition::None }
        };
        let writes = (0..2 * MAX_SORT_BYTES / 1_000).map(write).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(database.commit(writes, None)).unwrap();
        database.view()
    }

    fn count(view: &View, limit: Option<i32>) -> Result<usize, model::Status> {
        let from = Selector { collection_id: Some("c".to_owned()), all_descendants: false };
        let query = StructuredQuery {
            filter: Some(Filter::Field {
                path: FieldPath::single("a"),
                operator: FieldOperator::Equal,
                value: Value::Integer(1),
            }),
            order_by: vec![Order { path: FieldPath::single("n"), direction: Direction::Descending }],
            limit,
            ..StructuredQuery::all(Parent::Root, from)
        };
        let mut documents = run_query(view, &query, MissingIndex::Suggest)?.documents;
        let mut count = 0;
        while documents.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn memory_is_bounded_and_a_limit_makes_the_need_small() {
        let view = view();
        assert_eq!(count(&view, None).unwrap_err().code, model::Code::ResourceExhausted);
        assert_eq!(count(&view, Some(20)).unwrap(), 20);
    }
}
