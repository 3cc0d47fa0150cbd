//! Random writes, and what must be true of a commit's answer.

use std::time::Duration;

use model::body::insert;
use model::write::{CommitResult, FieldTransform, Operation, Precondition, TransformKind, Write};
use model::{Code, DocumentPath, FieldPath, Fields, Status, Timestamp, Value};

use super::transactions::is_over;
use super::{Kind, RandomRun, Transaction};
use crate::notation::show_time;

const COLLECTIONS: [&str; 8] = ["c", "d", "c/a/c", "c/a/d", "c/b/c", "e/m/c", "d/a/c/b/c", "c/__id7__/d"];
const IDS: [&str; 6] = ["a", "b", "m", "__id7__", "__id10__", "a\u{1}"];
const FIELDS: [&str; 7] = ["x", "y", "tags", "m", "m.a", "m.b.c", "v"];

/// How long a commit may wait for locks.
const LOCK_WAIT: Duration = Duration::from_secs(20);

impl RandomRun {
    pub(super) fn random_collection(&mut self) -> String {
        let weight = self.dice.below(COLLECTIONS.len() * 2);
        COLLECTIONS[if weight < COLLECTIONS.len() { weight } else { weight % 2 }].to_owned()
    }

    pub(super) fn random_path(&mut self) -> DocumentPath {
        let collection = self.random_collection();
        let id = *self.dice.pick(&IDS);
        DocumentPath::new(&format!("{collection}/{id}")).expect("a collection and an id")
    }

    pub(super) fn random_field(&mut self) -> FieldPath {
        FieldPath::parse(FIELDS[self.dice.below(FIELDS.len())]).expect("these are field paths")
    }

    pub(super) fn random_writes(&mut self) -> Vec<Write> {
        let count = if self.dice.chance(60) { 1 } else { 1 + self.dice.below(4) };
        let mut writes: Vec<Write> = Vec::new();
        for _ in 0..count {
            let again = writes.last().map(|write| write.path.clone()).filter(|_| self.dice.chance(40));
            let path = again.unwrap_or_else(|| self.random_path());
            let operation = self.random_operation(&path);
            let precondition = self.random_precondition(&path);
            writes.push(Write { path, operation, precondition });
        }
        writes
    }

    fn random_operation(&mut self, path: &DocumentPath) -> Operation {
        match self.dice.below(20) {
            0..4 => Operation::Delete,
            4 => Operation::Verify,
            5..8 => {
                let transforms = (0..1 + self.dice.below(3)).map(|_| self.random_transform()).collect();
                Operation::Set { fields: Fields::new(), mask: Some(Vec::new()), transforms }
            }
            8..12 => {
                let mask: Vec<_> = (0..1 + self.dice.below(3)).map(|_| self.random_field()).collect();
                let mut fields = Fields::new();
                for path in &mask {
                    if self.dice.chance(75) {
                        insert(&mut fields, path.segments(), self.random_value());
                    }
                }
                let overlaps = |path: &FieldPath| mask.iter().any(|o| o != path && o.is_prefix_of(path));
                let mask = mask.iter().filter(|path| !overlaps(path)).cloned().collect();
                Operation::Set { fields, mask: Some(mask), transforms: Vec::new() }
            }
            // What is there already: nothing should come of it.
            12 => {
                let fields = self.oracle.get(path, Timestamp::MAX).map(|kept| kept.fields.clone());
                Operation::Set { fields: fields.unwrap_or_default(), mask: None, transforms: Vec::new() }
            }
            _ => {
                let mut fields = Fields::new();
                for _ in 0..self.dice.below(4) {
                    let path = self.random_field();
                    insert(&mut fields, path.segments(), self.random_value());
                }
                let transforms =
                    if self.dice.chance(10) { vec![self.random_transform()] } else { Vec::new() };
                Operation::Set { fields, mask: None, transforms }
            }
        }
    }

    fn random_precondition(&mut self, path: &DocumentPath) -> Precondition {
        match self.dice.below(20) {
            0 => Precondition::Exists(self.dice.chance(50)),
            1 => {
                let exists = self.oracle.get(path, Timestamp::MAX).is_some();
                Precondition::Exists(exists)
            }
            2..4 => {
                let stored = self.oracle.get(path, Timestamp::MAX).map(|kept| kept.update_time);
                Precondition::UpdateTime(stored.unwrap_or(self.seen))
            }
            _ => Precondition::None,
        }
    }

    fn random_transform(&mut self) -> FieldTransform {
        let number = |run: &mut Self| match run.dice.below(4) {
            0 => Value::Double(0.5),
            1 => Value::Integer(i64::MAX),
            _ => Value::Integer(run.dice.below(5) as i64 - 2),
        };
        let kind = match self.dice.below(7) {
            0 => TransformKind::RequestTime,
            1 | 2 => TransformKind::Increment(number(self)),
            3 => TransformKind::Maximum(number(self)),
            4 => TransformKind::Minimum(number(self)),
            5 => {
                TransformKind::AppendMissing((0..self.dice.below(3)).map(|_| self.random_scalar()).collect())
            }
            _ => TransformKind::RemoveAll((0..self.dice.below(3)).map(|_| self.random_scalar()).collect()),
        };
        FieldTransform { path: self.random_field(), kind }
    }

    pub(super) fn random_scalar(&mut self) -> Value {
        match self.dice.below(12) {
            0 => Value::Null,
            1 => Value::Boolean(self.dice.chance(50)),
            2 => Value::Double(f64::NAN),
            3 => Value::Double(self.dice.below(4) as f64),
            4 => Value::Double(-0.0),
            5 => Value::String((*self.dice.pick(&["", "a", "a\0", "b"])).to_owned()),
            6 => Value::Timestamp(crate::notation::time(self.dice.below(3) as i64)),
            7 => {
                let path = self.random_path();
                Value::Reference(self.world.name().document(&path))
            }
            _ => Value::Integer(self.dice.below(5) as i64 - 1),
        }
    }

    pub(super) fn random_value(&mut self) -> Value {
        match self.dice.below(10) {
            0 | 1 => Value::Array((0..self.dice.below(4)).map(|_| self.random_scalar()).collect()),
            2 => Value::Vector((0..1 + self.dice.below(2)).map(|_| self.dice.below(3) as f64).collect()),
            3 => {
                let keys = ["a", "b"];
                let count = self.dice.below(3);
                Value::Map(
                    keys[..count].iter().map(|key| ((*key).to_owned(), self.random_scalar())).collect(),
                )
            }
            _ => self.random_scalar(),
        }
    }

    /// A commit was acknowledged.
    pub(super) fn committed(
        &mut self,
        transaction: Option<usize>,
        writes: &[Write],
        committed: &CommitResult,
    ) -> Result<(), String> {
        let time = committed.commit_time;
        self.note(format!("committed {transaction:?} {}", show_time(time)));
        let open = self.transactions.iter().position(|open| Some(open.name) == transaction);
        let open = open.map(|at| self.transactions.swap_remove(at));
        let last = self.oracle.last_commit();
        if writes.is_empty() {
            let locked = open.as_ref().filter(|open| open.kind == Kind::Pessimistic);
            self.check_reads_hold(locked, last)?;
            return if time >= last { Ok(()) } else { Err("an empty commit in the past".to_owned()) };
        }
        let expected = self.oracle.try_commit(writes, last, time);
        if expected.as_ref() != Ok(committed) {
            return Err(format!("a commit answers\n  {committed:?}\nnot\n  {expected:?}"));
        }
        self.check_reads_hold(open.as_ref(), last)?;
        self.oracle.commit(writes, time).map_err(|status| status.to_string())?;
        if self.oracle.last_commit() == time && time <= self.seen.max(last) {
            return Err(format!("a commit at {} after a read at {}", show_time(time), show_time(self.seen)));
        }
        self.counts.commits += 1;
        Ok(())
    }

    /// All that a transaction has read must still be so when it commits.
    fn check_reads_hold(&self, open: Option<&Transaction>, now: Timestamp) -> Result<(), String> {
        let Some(open) = open.filter(|open| open.kind != Kind::ReadOnly) else { return Ok(()) };
        for (read, seen) in &open.reads {
            let expected = read.expected(&self.oracle, now);
            if expected != *seen {
                return Err(format!(
                    "transaction {} commits although {read:?} has changed from\n  {seen:?}\nto\n  {expected:?}",
                    open.name
                ));
            }
        }
        Ok(())
    }

    /// A commit was refused: for a reason that some state of this step gives, or because of other transactions.
    pub(super) fn refused(
        &mut self,
        transaction: Option<usize>,
        writes: &[Write],
        status: &Status,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<(), String> {
        self.note(format!("refused {transaction:?} {status}"));
        let open = self.transactions.iter().position(|open| Some(open.name) == transaction);
        let open = open.map(|at| self.transactions.swap_remove(at));
        if self.faults.explain(status) {
            self.counts.faults += 1;
            self.faults.in_doubt.push(writes.to_vec());
            return Ok(());
        }
        if is_over(status) {
            self.counts.aborts += 1;
            return self.check_abort(transaction, open.as_ref(), status, since);
        }
        self.counts.refusals += 1;
        let later = self.oracle.commits().iter().map(|(time, _)| *time).filter(|time| *time > before);
        let states: Vec<_> = std::iter::once(before).chain(later).collect();
        // When it would have been made is not known, only that no precondition names such a time.
        let time = self.world.now().max(self.seen).saturating_add(1_000_000_000);
        let deserved = |base: Timestamp| {
            self.oracle
                .try_commit(writes, base, time)
                .err()
                .is_some_and(|expected| same_refusal(&expected, status))
        };
        if states.into_iter().any(deserved) {
            Ok(())
        } else {
            Err(format!("{writes:?} was refused: {status}"))
        }
    }

    /// Whether there was a reason to abort a commit.
    fn check_abort(
        &self,
        name: Option<usize>,
        open: Option<&Transaction>,
        status: &Status,
        since: Timestamp,
    ) -> Result<(), String> {
        let waited = Duration::from_micros((self.world.now().micros() - since.micros()).unsigned_abs());
        let Some(open) = open else {
            return if name.is_some() || waited > LOCK_WAIT {
                Ok(())
            } else {
                Err(format!("a plain commit: {status}"))
            };
        };
        let conflict = status.message.contains("cross-transaction");
        let untouched = open.first_read.is_none_or(|read| self.oracle.last_commit() <= read)
            && open.declared == self.declared
            // A failed write counts as a change: that is safe, and rare.
            && self.counts.faults == 0;
        if conflict && open.kind == Kind::Optimistic && untouched {
            return Err(format!(
                "optimistic transaction {} was aborted though nothing has changed",
                open.name
            ));
        }
        Ok(())
    }
}

/// The version that a write made earlier in the same commit has no time yet that could be foreseen.
fn same_refusal(expected: &Status, status: &Status) -> bool {
    expected.code == status.code
        && (expected.message == status.message || expected.code == Code::FailedPrecondition)
}
