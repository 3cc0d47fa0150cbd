//! A client that does random transactions of every kind, and notes what it did and saw.

use std::sync::Arc;

use bytes::Bytes;
use database::{
    ByteRange, Concurrency, Database, DeclaredIndex, NameSource, ReadAt, Scope, SingleFieldKind,
    TransactionMode, View,
};
use model::query::Direction;
use model::write::{CommitResult, FieldTransform, Operation as Change, Precondition, TransformKind, Write};
use model::{Code, CollectionPath, Document, DocumentPath, FieldPath, Fields, Status, Timestamp, Value};
use testkit::dice::Dice;
use testkit::history::{Key, Operation, Outcome, Recorder};

const KEYS: Key = 5;
/// Attempts of one transaction; an older one wins, so few are needed.
const ATTEMPTS: usize = 50;

/// What documents hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A list that is appended to.
    Lists,
    /// One value that is replaced.
    Registers,
}

/// See the module.
pub struct Client {
    database: Arc<Database>,
    recorder: Arc<Recorder>,
    values: Values,
    dice: Dice,
}

/// A document as a read has seen it.
#[derive(Clone, Debug)]
struct Seen {
    key: Key,
    value: Vec<u64>,
    update_time: Option<Timestamp>,
}

/// The ways to read some documents.
#[derive(Clone, Copy, Debug)]
enum Way {
    Get,
    Scan,
    Index,
}

impl Client {
    pub fn new(database: Arc<Database>, recorder: Arc<Recorder>, values: Values, dice: Dice) -> Self {
        Client { database, recorder, values, dice }
    }

    pub async fn run(mut self, transactions: usize) {
        for _ in 0..transactions {
            match self.dice.below(12) {
                0..4 => self.with_retries(Concurrency::Pessimistic).await,
                4..6 => self.with_retries(Concurrency::Optimistic).await,
                6 | 7 => self.plain().await,
                8 | 9 => self.with_preconditions().await,
                10 => self.read_only().await,
                _ => self.in_the_past().await,
            }
        }
    }

    fn some_keys(&mut self, at_most: usize) -> Vec<Key> {
        let mut keys: Vec<Key> = (0..KEYS).collect();
        while keys.len() > at_most || (keys.len() > 1 && self.dice.chance(50)) {
            keys.swap_remove(self.dice.below(keys.len()));
        }
        keys
    }

    fn way(&mut self) -> Way {
        *self.dice.pick(&[Way::Get, Way::Get, Way::Scan, Way::Index])
    }

    /// Reads in a transaction, writes by what was read, and tries again until it comes through.
    async fn with_retries(&mut self, concurrency: Concurrency) {
        let mut retry = None;
        for _ in 0..ATTEMPTS {
            let start = self.recorder.tick();
            let mode = TransactionMode::ReadWrite { retry: retry.take(), concurrency };
            let token = self.database.begin(&mode).expect("there is room for a transaction");
            let (operations, answer) = self.attempt(&token).await;
            match answer {
                Ok(committed) => return self.note(start, operations, Ok(committed)),
                Err(status) => {
                    let over = status.code != Code::Aborted;
                    self.note(start, operations, Err(status));
                    if over {
                        return;
                    }
                    retry = Some(token);
                }
            }
        }
        panic!("a transaction did not come through in {ATTEMPTS} attempts");
    }

    async fn attempt(&mut self, token: &Bytes) -> (Vec<Operation>, Result<CommitResult, Status>) {
        let at = ReadAt::Transaction(token.clone());
        let mut operations = Vec::new();
        let mut seen: Vec<Seen> = Vec::new();
        for _ in 0..1 + self.dice.below(2) {
            let keys = self.some_keys(3);
            match self.read(&at, keys, &mut operations).await {
                Ok((more, _)) => seen.extend(more),
                Err(status) => return (operations, Err(status)),
            }
            tokio::task::yield_now().await;
        }
        let mut writes = Vec::new();
        for key in self.some_keys(2) {
            let read = seen.iter().rev().find(|seen| seen.key == key).cloned();
            writes.push(self.write(key, read.as_ref(), &mut operations));
        }
        if self.dice.chance(15) {
            operations.retain(|operation| matches!(operation, Operation::Read { .. }));
            writes.clear();
        }
        let answer = self.database.commit(writes, Some(token)).await;
        (operations, answer)
    }

    /// Writes without reading.
    async fn plain(&mut self) {
        let start = self.recorder.tick();
        let mut operations = Vec::new();
        let keys = self.some_keys(3);
        let writes = keys.into_iter().map(|key| self.write(key, None, &mut operations)).collect();
        let answer = self.database.commit(writes, None).await;
        self.note(start, operations, answer);
    }

    /// As web and mobile clients do: reads without a transaction, a commit that names the versions.
    async fn with_preconditions(&mut self) {
        let start = self.recorder.tick();
        let mut operations = Vec::new();
        let keys = self.some_keys(2);
        let read = self.read_by(&ReadAt::Now, Way::Get, keys, &mut operations).await;
        let (seen, _) = read.expect("a read without a transaction is answered");
        let write_at = self.dice.below(seen.len());
        let mut writes = Vec::new();
        for (at, seen) in seen.iter().enumerate() {
            let mut write = match at == write_at {
                true => self.write(seen.key, Some(seen), &mut operations),
                false => Write {
                    path: path(seen.key),
                    operation: Change::Verify,
                    precondition: Precondition::None,
                },
            };
            write.precondition = match seen.update_time {
                Some(time) => Precondition::UpdateTime(time),
                None => Precondition::Exists(false),
            };
            writes.push(write);
        }
        let answer = self.database.commit(writes, None).await;
        self.note(start, operations, answer);
    }

    /// Several reads of one snapshot.
    async fn read_only(&mut self) {
        let start = self.recorder.tick();
        let mode = TransactionMode::ReadOnly { read_time: None };
        let token = self.database.begin(&mode).expect("there is room for a transaction");
        let at = ReadAt::Transaction(token.clone());
        let mut operations = Vec::new();
        let mut time = None;
        for _ in 0..2 {
            let keys = self.some_keys(3);
            let read = self.read(&at, keys, &mut operations).await;
            let (_, at) = read.expect("a read-only transaction is never refused");
            assert!(time.is_none_or(|time| time == at), "one snapshot has one time");
            time = Some(at);
            tokio::task::yield_now().await;
        }
        self.database.commit(Vec::new(), Some(&token)).await.expect("nothing stands in its way");
        self.recorder.note(start, operations, Outcome::Committed, time.map(Timestamp::micros));
    }

    /// A read at a time that has come, and again some time later: both show the same.
    async fn in_the_past(&mut self) {
        let time = self.database.view().read_time();
        for _ in 0..2 {
            let mut operations = Vec::new();
            let keys = self.some_keys(3);
            let read = self.read(&ReadAt::Time(time), keys, &mut operations).await;
            let (_, at) = read.expect("the time has come and is not long past");
            assert_eq!(at, time);
            self.recorder.note_past(operations, time.micros());
            tokio::task::yield_now().await;
        }
    }

    /// The end of a run: every value, read after all else.
    pub async fn look_at_all(&self) {
        let start = self.recorder.tick();
        let mut operations = Vec::new();
        let read = self.read_by(&ReadAt::Now, Way::Get, (0..KEYS).collect(), &mut operations).await;
        let (_, time) = read.expect("a read without a transaction is answered");
        self.recorder.note(start, operations, Outcome::Committed, Some(time.micros()));
    }

    async fn read(
        &mut self,
        at: &ReadAt,
        keys: Vec<Key>,
        operations: &mut Vec<Operation>,
    ) -> Result<(Vec<Seen>, Timestamp), Status> {
        let way = self.way();
        self.read_by(at, way, keys, operations).await
    }

    async fn read_by(
        &self,
        at: &ReadAt,
        way: Way,
        keys: Vec<Key>,
        operations: &mut Vec<Operation>,
    ) -> Result<(Vec<Seen>, Timestamp), Status> {
        let (seen, time) = self.database.read(at, |view| look(view, way, &keys)).await?;
        let reads = seen.iter().map(|seen| Operation::Read { key: seen.key, seen: seen.value.clone() });
        operations.extend(reads);
        Ok((seen, time))
    }

    /// A write to `key`: by what was read of it, or blind.
    fn write(&mut self, key: Key, read: Option<&Seen>, operations: &mut Vec<Operation>) -> Write {
        let unique = self.recorder.unique();
        let element = Value::Integer(i64::try_from(unique).expect("a run writes less"));
        let all = |element: Value| {
            let before = read.map(|seen| seen.value.clone()).unwrap_or_default();
            let before = before.into_iter().map(|old| Value::Integer(old as i64));
            Value::Array(before.chain([element]).collect())
        };
        let field = FieldPath::single("l");
        let set = |value: Value| {
            let fields =
                Fields::from([("l".to_owned(), value), ("key".to_owned(), Value::Integer(key.into()))]);
            Change::Set { fields, mask: None, transforms: Vec::new() }
        };
        let operation = match (self.values, read) {
            (Values::Registers, _) => {
                operations.push(Operation::Put { key, value: unique });
                set(element)
            }
            (Values::Lists, Some(_)) => {
                operations.push(Operation::Append { key, element: unique });
                set(all(element))
            }
            (Values::Lists, None) => {
                operations.push(Operation::Append { key, element: unique });
                let transforms =
                    vec![FieldTransform { path: field, kind: TransformKind::AppendMissing(vec![element]) }];
                let fields = Fields::from([("key".to_owned(), Value::Integer(key.into()))]);
                Change::Set { fields, mask: Some(vec![FieldPath::single("key")]), transforms }
            }
        };
        Write { path: path(key), operation, precondition: Precondition::None }
    }

    fn note(&self, start: u64, operations: Vec<Operation>, answer: Result<CommitResult, Status>) {
        match answer {
            Ok(committed) => {
                let time = Some(committed.commit_time.micros());
                // Without writes its snapshot decides, which is no later than this; the graph judges it.
                let writes = operations.iter().any(|operation| !matches!(operation, Operation::Read { .. }));
                self.recorder.note(start, operations, Outcome::Committed, time.filter(|_| writes));
            }
            Err(status) => {
                let expected = [Code::Aborted, Code::FailedPrecondition, Code::AlreadyExists];
                let planned = [Code::ResourceExhausted, Code::Internal];
                assert!(expected.contains(&status.code) || planned.contains(&status.code), "{status}");
                self.recorder.note(start, operations, Outcome::Aborted, None);
            }
        }
    }
}

fn path(key: Key) -> DocumentPath {
    DocumentPath::new(&format!("lists/{key}")).expect("a collection and an id")
}

/// The values of `keys`; what is not there is an empty list.
fn look(view: &View, way: Way, keys: &[Key]) -> Result<Vec<Seen>, Status> {
    let collection = CollectionPath::new("lists").expect("an id");
    let mut found: Vec<Document> = Vec::new();
    match way {
        Way::Get => {
            for key in keys {
                found.extend(view.get(&path(*key))?);
            }
        }
        Way::Scan => {
            let source = NameSource::Collection(collection);
            let mut scan = view.scan_documents(&source, ByteRange::all(), Direction::Ascending);
            while let Some(document) = scan.next()? {
                found.push(document);
            }
        }
        Way::Index => {
            let field = FieldPath::single("key");
            let scope = Scope::Collection(collection);
            let index = view.indexes().single_field(&scope, &field, SingleFieldKind::Ordered);
            let serves = |index: &DeclaredIndex| index.serves(view.read_time());
            let index = index.filter(|(_, declared)| declared.as_ref().is_none_or(|index| serves(index)));
            // It may be about to be replaced.
            let Some((source, _)) = index else { return look(view, Way::Scan, keys) };
            let mut scan = view.scan_index(&source, ByteRange::all(), Direction::Descending);
            while let Some(entry) = scan.next()? {
                found.extend(view.get(&entry.path(&source)?)?);
            }
        }
    }
    Ok(keys.iter().map(|key| see(*key, found.iter().find(|document| document.path == path(*key)))).collect())
}

fn see(key: Key, document: Option<&Document>) -> Seen {
    let number = |value: &Value| match value {
        Value::Integer(number) => u64::try_from(*number).expect("elements are positive"),
        other => panic!("{other:?} is not an element"),
    };
    let fields = document.map(|document| document.fields().expect("a body that was just written"));
    let value = match fields.as_ref().and_then(|fields| fields.get("l")) {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements.iter().map(number).collect(),
        Some(value) => vec![number(value)],
    };
    Seen { key, value, update_time: document.map(|document| document.update_time) }
}
