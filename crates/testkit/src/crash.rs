//! For tests that kill the server: commits that are numbered and write several documents each, and what must be there
//! afterwards. Nothing here talks to a server; the test does that, in whatever protocol.
//!
//! Commit `n` of client `c` makes `parts/{c}-{n}-{k}` and sets `slots/{c}-{k}` to `n`, for each `k` below the width,
//! and adds one to `counters/all`. Clients number their commits upwards and make one at a time. So afterwards:
//!
//! - every acknowledged commit is there with all its parts, and any other with all of them or none;
//! - a client's slots all hold the number of its last commit that is there;
//! - the counter is the number of commits that are there.

use std::collections::{BTreeMap, BTreeSet};

use model::write::{FieldTransform, Operation, Precondition, TransformKind, Write};
use model::{DocumentPath, FieldPath, Fields, Value};

/// The collections that the commits write.
pub const COLLECTIONS: [&str; 3] = ["parts", "slots", "counters"];

/// One commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberedCommit {
    pub client: u32,
    pub number: u64,
}

/// What clients have sent, and what they were answered.
#[derive(Clone, Debug)]
pub struct Ledger {
    width: u32,
    attempted: BTreeSet<NumberedCommit>,
    acknowledged: BTreeSet<NumberedCommit>,
}

/// What was found, when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub acknowledged: usize,
    /// Commits that are there although nobody was told.
    pub unacknowledged: usize,
}

impl NumberedCommit {
    /// The documents that the commit sets, with all their fields; without the counter.
    pub fn documents(self, width: u32) -> Vec<(DocumentPath, Fields)> {
        let NumberedCommit { client, number } = self;
        let fields = |part: u32| {
            Fields::from([
                ("client".to_owned(), Value::Integer(client.into())),
                ("number".to_owned(), integer(number)),
                ("part".to_owned(), Value::Integer(part.into())),
                ("text".to_owned(), Value::String(format!("commit {number} of client {client}").repeat(4))),
            ])
        };
        let part = |k| (path(&format!("parts/{client}-{number}-{k}")), fields(k));
        let slot = |k| (path(&format!("slots/{client}-{k}")), fields(k));
        (0..width).map(part).chain((0..width).map(slot)).collect()
    }

    /// The document that counts the commits.
    pub fn counter() -> DocumentPath {
        path("counters/all")
    }

    /// The commit's writes.
    pub fn writes(self, width: u32) -> Vec<Write> {
        let set = |(path, fields)| {
            let operation = Operation::Set { fields, mask: None, transforms: Vec::new() };
            Write { path, operation, precondition: Precondition::None }
        };
        let mut writes: Vec<_> = self.documents(width).into_iter().map(set).collect();
        let kind = TransformKind::Increment(Value::Integer(1));
        let transforms = vec![FieldTransform { path: FieldPath::single("commits"), kind }];
        let operation = Operation::Set { fields: Fields::new(), mask: Some(Vec::new()), transforms };
        writes.push(Write { path: Self::counter(), operation, precondition: Precondition::None });
        writes
    }
}

impl Ledger {
    /// Nothing was sent yet; each commit will write so many parts.
    pub fn new(width: u32) -> Self {
        Ledger { width, attempted: BTreeSet::new(), acknowledged: BTreeSet::new() }
    }

    /// The parts of each commit.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// To be called before the commit is sent.
    pub fn attempt(&mut self, commit: NumberedCommit) {
        self.attempted.insert(commit);
    }

    /// To be called when its success is known.
    pub fn acknowledge(&mut self, commit: NumberedCommit) {
        self.acknowledged.insert(commit);
    }

    /// Adds what another client has noted.
    pub fn append(&mut self, mut other: Ledger) {
        self.attempted.append(&mut other.attempted);
        self.acknowledged.append(&mut other.acknowledged);
    }

    /// Compares the documents of [`COLLECTIONS`] with what was sent and answered.
    ///
    /// # Errors
    /// The first thing that is lost, torn, or there without reason.
    pub fn verify(
        &self,
        documents: impl IntoIterator<Item = (DocumentPath, Fields)>,
    ) -> Result<Report, String> {
        let mut found: BTreeMap<DocumentPath, Fields> = documents.into_iter().collect();
        let counted = counter(found.remove(&NumberedCommit::counter()))?;
        let there = self.commits_there(&found)?;
        for commit in &self.acknowledged {
            if !there.contains(commit) {
                return Err(format!("{commit:?} was acknowledged and is not there"));
            }
        }
        self.check_documents(&there, &found)?;
        if counted != there.len() as u64 {
            return Err(format!("{counted} commits were counted and {} are there", there.len()));
        }
        let acknowledged = self.acknowledged.len();
        Ok(Report { acknowledged, unacknowledged: there.len() - acknowledged })
    }

    /// The commits of which any part is there.
    fn commits_there(
        &self,
        found: &BTreeMap<DocumentPath, Fields>,
    ) -> Result<BTreeSet<NumberedCommit>, String> {
        let mut there = BTreeSet::new();
        for (path, fields) in found.iter().filter(|(path, _)| path.collection_id() == "parts") {
            let commit = named(fields).ok_or_else(|| format!("{path} holds {fields:?}"))?;
            if !self.attempted.contains(&commit) {
                return Err(format!("{path} is there, but nobody has sent {commit:?}"));
            }
            there.insert(commit);
        }
        Ok(there)
    }

    /// What is there must be exactly what those commits, one after the other, leave behind.
    fn check_documents(
        &self,
        there: &BTreeSet<NumberedCommit>,
        found: &BTreeMap<DocumentPath, Fields>,
    ) -> Result<(), String> {
        let mut expected: BTreeMap<DocumentPath, Fields> = BTreeMap::new();
        for commit in there {
            expected.extend(commit.documents(self.width));
        }
        for (path, fields) in &expected {
            match found.get(path) {
                Some(found) if found == fields => {}
                Some(found) => return Err(format!("{path} holds {found:?}, not {fields:?}")),
                None => return Err(format!("{path} is missing: its commit is there by halves")),
            }
        }
        match found.keys().find(|path| !expected.contains_key(path)) {
            None => Ok(()),
            Some(path) => Err(format!("{path} is there, but the rest of its commit is not")),
        }
    }
}

/// The commit that a document says it is from.
fn named(fields: &Fields) -> Option<NumberedCommit> {
    let number = |name: &str| match fields.get(name) {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    Some(NumberedCommit { client: u32::try_from(number("client")?).ok()?, number: number("number")? })
}

fn counter(fields: Option<Fields>) -> Result<u64, String> {
    let Some(fields) = fields else { return Ok(0) };
    match fields.get("commits") {
        Some(Value::Integer(count)) => u64::try_from(*count).map_err(|_| format!("{count} commits")),
        other => Err(format!("the counter holds {other:?}")),
    }
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).expect("a test makes fewer commits"))
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::new(text).expect("a collection and an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clients with two commits each, of which the last was not acknowledged; and all documents they leave.
    fn all_there() -> (Ledger, BTreeMap<DocumentPath, Fields>) {
        let mut ledger = Ledger::new(3);
        let mut documents = BTreeMap::new();
        for (client, number) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
            let commit = NumberedCommit { client, number };
            ledger.attempt(commit);
            documents.extend(commit.documents(3));
            if commit != (NumberedCommit { client: 2, number: 2 }) {
                ledger.acknowledge(commit);
            }
        }
        let count = Fields::from([("commits".to_owned(), Value::Integer(4))]);
        documents.insert(NumberedCommit::counter(), count);
        (ledger, documents)
    }

    #[test]
    fn all_there_is_in_order() {
        let (ledger, documents) = all_there();
        assert_eq!(ledger.verify(documents), Ok(Report { acknowledged: 3, unacknowledged: 1 }));
        assert_eq!(Ledger::new(3).verify([]), Ok(Report { acknowledged: 0, unacknowledged: 0 }));
    }

    #[test]
    fn whatever_is_missing_or_torn_is_found() {
        let (ledger, documents) = all_there();
        for lost in documents.keys() {
            let mut rest = documents.clone();
            rest.remove(lost);
            assert!(ledger.verify(rest).is_err(), "{lost}");
        }
        // One slot from the commit before.
        let mut torn = documents.clone();
        torn.extend(NumberedCommit { client: 1, number: 1 }.documents(3).into_iter().skip(5));
        assert!(ledger.verify(torn).expect_err("torn").contains("slots/1-2"));
        // A whole commit that was acknowledged.
        let mut lost = documents.clone();
        lost.retain(|path, _| !path.as_str().starts_with("parts/1-1"));
        assert!(ledger.verify(lost).expect_err("lost").contains("was acknowledged"));
        // A commit counted twice, as by a retry behind the client's back.
        let mut twice = documents.clone();
        twice.insert(NumberedCommit::counter(), Fields::from([("commits".to_owned(), Value::Integer(5))]));
        assert!(ledger.verify(twice).expect_err("twice").contains("were counted"));
        // One from nowhere.
        let mut more = documents;
        more.extend(NumberedCommit { client: 9, number: 1 }.documents(3));
        assert!(ledger.verify(more).expect_err("from nowhere").contains("nobody has sent"));
    }
}
