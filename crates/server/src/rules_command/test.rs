//! `irori rules test`: decides the cases of a file, and shows which are not as expected and why.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use bytes::Bytes;
use host::Host;
use model::{DocumentPath, Status, Timestamp, body};
use rules::{
    Accesses, Coverage, Covered, Denial, Documents, Observed, Operation, Request, Ruleset, Value, Verdict,
    Why,
};

use tokio::runtime::Builder;

use super::cases::{Asked, Case, Cases, Change, Expect};
use super::check::{listed, place};
use crate::failure::Failure;

const TEXT: &str = "a String takes all";

/// What became of the cases in a file, and whether all are as expected.
pub(super) fn run(cases: &Path, rules: Option<&Path>) -> Result<(String, bool), Failure> {
    let read = Cases::read(cases)?;
    let beside = read.rules.as_ref().map(|named| cases.parent().unwrap_or(Path::new("")).join(named));
    let Some(file) = rules.map(Path::to_owned).or(beside) else {
        let text = format!("{} names no rules; add `rules: FILE`, or give --rules", cases.display());
        return Err(Failure::new(text));
    };
    let source = super::read(&file)?;
    let ruleset = match Ruleset::compile(&source) {
        Ok((ruleset, _)) => ruleset,
        Err(issues) => return Ok((listed(&file, &source, &issues), false)),
    };
    let court = Court { file: &file, ruleset, documents: &read.documents, now: now()? };
    let mut report = String::new();
    let mut good = 0;
    for (case, number) in read.cases.iter().zip(1..) {
        let decided = court
            .decide(case)
            .map_err(|why| Failure::new(format!("{}: case {number}: {why}", cases.display())))?;
        good += usize::from(court.tell(&mut report, case, &decided));
    }
    let all = read.cases.len();
    writeln!(report, "\n{good} of {all} cases are as expected.").expect(TEXT);
    Ok((report, good == all))
}

fn now() -> Result<Timestamp, Failure> {
    let runtime = Builder::new_current_thread().build().map_err(Failure::doing("start threads"))?;
    let _within = runtime.enter();
    Ok(Timestamp::from_micros(Host::real().now_micros()).unwrap_or(Timestamp::MAX))
}

/// Rules, and the documents that they look at.
struct Court<'a> {
    file: &'a Path,
    ruleset: Ruleset,
    documents: &'a BTreeMap<DocumentPath, Bytes>,
    now: Timestamp,
}

/// What became of one case.
struct Decided {
    verdict: Verdict,
    coverage: Coverage,
}

/// The documents before and after a request.
struct World<'a> {
    before: &'a BTreeMap<DocumentPath, Bytes>,
    changed: Option<(&'a DocumentPath, Option<Bytes>)>,
}

impl Documents for World<'_> {
    fn get(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        Ok(self.before.get(path).cloned())
    }

    fn get_after(&self, path: &DocumentPath) -> Result<Option<Bytes>, Status> {
        match &self.changed {
            Some((changed, after)) if *changed == path => Ok(after.clone()),
            Some(_) | None => self.get(path),
        }
    }
}

impl Court<'_> {
    /// Decides a case; an error says why it makes no sense.
    fn decide(&self, case: &Case) -> Result<Decided, String> {
        let operation = self.operation(&case.asked)?;
        let changed = match &operation {
            Operation::Create { path, after } | Operation::Update { path, after, .. } => {
                Some((*path, Some(after.clone())))
            }
            Operation::Delete { path, .. } => Some((*path, None)),
            Operation::Get { .. } | Operation::List { .. } => None,
        };
        let mut accesses = match &operation {
            Operation::List { .. } => Accesses::for_query(),
            Operation::Get { .. }
            | Operation::Create { .. }
            | Operation::Update { .. }
            | Operation::Delete { .. } => Accesses::for_documents(),
        };
        let world = World { before: self.documents, changed };
        let time = case.time.unwrap_or(self.now);
        let request = Request { database: &"(default)".into(), time, auth: case.auth.as_ref(), operation };
        let mut coverage = Coverage::default();
        let verdict = self.ruleset.decide(&request, &world, &mut accesses, Some(&mut coverage));
        let verdict = verdict.map_err(|status| status.message)?;
        Ok(Decided { verdict, coverage })
    }

    fn operation<'c>(&self, asked: &'c Asked) -> Result<Operation<'c>, String> {
        let before = |path: &DocumentPath| self.documents.get(path).cloned();
        Ok(match asked {
            Asked::Get(path) => Operation::Get { path, before: before(path) },
            Asked::Delete(path) => Operation::Delete { path, before: before(path) },
            Asked::List(query) => Operation::List { query },
            Asked::Create(path, fields) => match before(path) {
                None => Operation::Create { path, after: body::encode(fields) },
                Some(_) => return Err(format!("{path} is there already; say update", path = path.as_str())),
            },
            Asked::Update(path, change) => match before(path) {
                Some(before) => Operation::Update { path, after: changed(&before, change)?, before },
                None => return Err(format!("{} is not among the documents; say create", path.as_str())),
            },
        })
    }

    /// Writes what became of a case; true when it is as expected.
    fn tell(&self, report: &mut String, case: &Case, decided: &Decided) -> bool {
        let (verdict, is_good) = match (&decided.verdict, case.expect) {
            (Verdict::Allowed, expect) => ("allow", expect == Expect::Allow),
            (Verdict::Denied(_), expect) => ("deny", expect == Expect::Deny),
        };
        let mark = if is_good { "ok" } else { "FAIL" };
        let who = case.auth.as_ref().map_or("nobody", |auth| &*auth.uid);
        writeln!(report, "{mark:<5} {verdict:<6} {who:<12} {}", asked(case)).expect(TEXT);
        if !is_good {
            match &decided.verdict {
                Verdict::Denied(denial) => self.denied(report, denial),
                Verdict::Allowed => self.allowed(report, &decided.coverage),
            }
        }
        is_good
    }

    fn denied(&self, report: &mut String, denial: &Denial) {
        if denial.reasons.is_empty() {
            writeln!(report, "{}: no allow is for this path and method", self.file.display()).expect(TEXT);
        }
        for reason in &denial.reasons {
            let text = match &reason.why {
                Why::False => "this does not hold".to_owned(),
                Why::Error(text) => format!("this has no value: {text}"),
                Why::Unproved => "the query does not make sure of this; add a condition to it".to_owned(),
            };
            let position = reason.expression.as_ref().unwrap_or(&reason.allow);
            place(report, self.file, self.ruleset.source(), position, &text);
        }
    }

    fn allowed(&self, report: &mut String, coverage: &Coverage) {
        let is_true = |observed: &Observed| matches!(observed, Observed::Value(Value::Bool(true)));
        let holds = |covered: &Covered| covered.values.iter().any(|(observed, _)| is_true(observed));
        let found = coverage.report(&self.ruleset).into_iter().filter(holds);
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            let text = "it was granted by an allow without a condition";
            writeln!(report, "{}: {text}", self.file.display()).expect(TEXT);
        }
        for covered in found {
            place(report, self.file, self.ruleset.source(), &covered.position, "this holds");
        }
    }
}

/// A document after an update.
fn changed(before: &Bytes, change: &Change) -> Result<Bytes, String> {
    let mut fields = body::decode(before).map_err(|error| error.to_string())?;
    fields.extend(change.set.clone());
    fields.retain(|name, _| !change.remove.contains(name));
    Ok(body::encode(&fields))
}

/// What a case asks for, in words.
fn asked(case: &Case) -> String {
    let text = match &case.asked {
        Asked::Get(path) => format!("get {}", path.as_str()),
        Asked::Create(path, _) => format!("create {}", path.as_str()),
        Asked::Update(path, _) => format!("update {}", path.as_str()),
        Asked::Delete(path) => format!("delete {}", path.as_str()),
        Asked::List(query) => {
            let id = query.from.collection_id.as_deref().unwrap_or_default();
            match (&query.parent, query.from.all_descendants) {
                (_, true) => format!("group {id}"),
                (model::Parent::Root, false) => format!("list {id}"),
                (model::Parent::Document(above), false) => format!("list {}/{id}", above.as_str()),
            }
        }
    };
    case.name.as_ref().map_or(text.clone(), |name| format!("{text} ({name})"))
}
