//! A request and a ruleset to a verdict: find the `match` blocks of the path, try their `allow`s in source order.

use model::query::StructuredQuery;
use model::{DocumentPath, Status};

use crate::Ruleset;
use crate::budget::Budget;
use crate::coverage::Coverage;
use crate::evaluate::{Accesses, Documents, Evaluator, Frame};
use crate::fault::{Exhausted, Fault};
use crate::issue::Span;
use crate::limits::{MAX_DISJUNCTS, MAX_EXPRESSIONS, MAX_REASONS};
use crate::proof::{self, Disjunct};
use crate::request::{Method, Operation, Request, resource};
use crate::steps::{Step, absolute, relative, rooted};
use crate::syntax::{Allow, Block, Item, Match, Name, Segment, Version};
use crate::value::{Map, Place, Value};
use crate::verdict::{Denial, Reason, Verdict, Why};

/// The service whose rules are about documents.
const SERVICE: &str = "cloud.firestore";

/// Decides; see [`Ruleset::decide`].
pub(crate) fn decide(
    ruleset: &Ruleset,
    request: &Request,
    documents: &dyn Documents,
    accesses: &mut Accesses,
    coverage: Option<&mut Coverage>,
) -> Result<Verdict, Status> {
    accesses.begin();
    let evaluator = Evaluator {
        tree: ruleset.tree(),
        lines: ruleset.lines(),
        database: request.database,
        request: Value::Null,
        resource: Value::Null,
        documents,
        accesses,
        budget: Budget::new(),
        coverage,
        depth: 0,
    };
    let method = request.operation.method();
    let mut walk = Walk { evaluator, method, steps: Vec::new(), captures: Vec::new(), reasons: Vec::new() };
    let outcome = match &request.operation {
        Operation::List { query } => walk.query(request, query),
        Operation::Get { path, .. }
        | Operation::Create { path, .. }
        | Operation::Update { path, .. }
        | Operation::Delete { path, .. } => walk.document(request, path),
    };
    match outcome {
        Ok(true) => Ok(Verdict::Allowed),
        Ok(false) | Err(Fault::Exhausted(_)) => Ok(Verdict::Denied(Denial { reasons: walk.reasons })),
        Err(Fault::Failed(status)) => Err(status),
        Err(Fault::Error { text, .. }) => Err(Status::internal(text)),
        Err(Fault::Unknown { .. }) => Err(Status::internal("A proof ended outside of a condition.")),
    }
}

/// A search for an `allow` that grants.
struct Walk<'a> {
    evaluator: Evaluator<'a>,
    method: Method,
    steps: Vec<Step>,
    /// Of the blocks around.
    captures: Vec<(Name, Value)>,
    reasons: Vec<Reason>,
}

impl Walk<'_> {
    fn document(&mut self, request: &Request, path: &DocumentPath) -> Result<bool, Fault> {
        let database = request.database;
        self.steps = rooted(database, path.ids().map(|id| Step::Known(id.into())));
        self.evaluator.resource = match request.operation.before() {
            Some(body) => resource(request.database, path, body.clone()),
            None => Value::Null,
        };
        let place = Place::Document { database: database.clone(), path: path.clone() };
        self.path(request, place)
    }

    /// Every disjunct must be allowed, by whichever `allow`.
    fn query(&mut self, request: &Request, query: &StructuredQuery) -> Result<bool, Fault> {
        let Some(disjuncts) = proof::disjuncts(query) else {
            let text = format!("A query with more than {MAX_DISJUNCTS} disjunctions cannot be proved.");
            self.reason(Span::default(), None, Why::Error(text));
            return Ok(false);
        };
        for disjunct in disjuncts {
            self.evaluator.budget.refill_expressions();
            if !self.disjunct(request, query, disjunct)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn disjunct(
        &mut self,
        request: &Request,
        query: &StructuredQuery,
        disjunct: Disjunct,
    ) -> Result<bool, Fault> {
        let steps = proof::steps(query, &disjunct);
        let id = steps.last().and_then(Step::value).unwrap_or(Value::Null);
        self.steps = rooted(request.database, steps);
        let name = absolute(&self.steps);
        self.evaluator.resource = match &disjunct.name {
            // A query by name alone is judged as a read of that document.
            Some(path) if disjunct.only_name => {
                self.evaluator.accesses.subject(path);
                let body = self.evaluator.documents.get(path).map_err(Fault::Failed)?;
                body.map_or(Value::Null, |body| resource(request.database, path, body))
            }
            _ => Value::Object(Map::new([
                ("data".into(), disjunct.data.into_map()),
                ("id".into(), id),
                ("__name__".into(), name.clone()),
            ])),
        };
        self.path(request, Place::Known(name))
    }

    /// Tries the blocks for the steps that were found, which lead to `place`.
    fn path(&mut self, request: &Request, place: Place) -> Result<bool, Fault> {
        self.evaluator.request = request.variable(place);
        let tree = self.evaluator.tree;
        for service in tree.services.iter().filter(|service| service.name == SERVICE) {
            if self.block(&service.block, 0)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tries what is in a block, of which the path's first `at` steps lead here.
    fn block(&mut self, block: &Block, at: usize) -> Result<bool, Fault> {
        for item in &block.items {
            let granted = match item {
                Item::Match(found) => self.segments(&found.pattern, found, at)?,
                Item::Allow(allow) if at == self.steps.len() => self.allow(allow)?,
                Item::Allow(_) => false,
            };
            if granted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Matches the rest of a pattern with the path behind `at`, in every way it can.
    fn segments(&mut self, pattern: &[Segment], found: &Match, at: usize) -> Result<bool, Fault> {
        self.evaluator.budget.match_step().inspect_err(|_| {
            let why = Why::Error("There are too many ways to match this path.".to_owned());
            self.reason(found.span, None, why);
        })?;
        let Some((segment, rest)) = pattern.split_first() else { return self.block(&found.block, at) };
        match (segment, self.steps.get(at)) {
            (Segment::Literal(name), Some(Step::Known(id))) if name == id => {
                self.segments(rest, found, at + 1)
            }
            (Segment::Literal(_), _) => Ok(false),
            (Segment::One(name), Some(step)) => match step.value() {
                Some(value) => self.bound(name, value, |walk| walk.segments(rest, found, at + 1)),
                None => Ok(false),
            },
            (Segment::One(_), None) => Ok(false),
            (Segment::Many(name), _) => {
                let inner = found.block.items.iter().any(|item| matches!(item, Item::Match(_)));
                // Where nothing can follow, only all of the path can be meant.
                let first = if rest.is_empty() && !inner { self.steps.len() } else { at };
                for end in first.max(at)..=self.steps.len() {
                    let covered = &self.steps[at..end];
                    let ids = covered.iter().filter(|step| !matches!(step, Step::Descent)).count();
                    if ids == 0 && self.evaluator.tree.version == Version::One {
                        continue;
                    }
                    let value = relative(covered);
                    if self.bound(name, value, |walk| walk.segments(rest, found, end))? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn bound(
        &mut self,
        name: &Name,
        value: Value,
        go_on: impl FnOnce(&mut Self) -> Result<bool, Fault>,
    ) -> Result<bool, Fault> {
        self.captures.push((name.clone(), value));
        let granted = go_on(self);
        self.captures.pop();
        granted
    }

    fn allow(&mut self, allow: &Allow) -> Result<bool, Fault> {
        let method = self.method;
        if !allow.methods.iter().any(|(name, _)| method.is_covered_by(name)) {
            return Ok(false);
        }
        let Some(condition) = &allow.condition else { return Ok(true) };
        let result = self.evaluator.value(condition, &Frame::new(&self.captures));
        let (at, why) = match result {
            Ok(Value::Bool(true)) => return Ok(true),
            Ok(Value::Bool(false)) => (None, Why::False),
            Ok(Value::Unknown(_)) => (Some(condition.span), Why::Unproved),
            Ok(Value::Null) => (Some(condition.span), Why::Error("Null value error.".to_owned())),
            Ok(other) => {
                let text = format!("The condition is a {}, not a bool.", other.type_name());
                (Some(condition.span), Why::Error(text))
            }
            Err(Fault::Error { text, at }) => (at, Why::Error(text)),
            Err(Fault::Unknown { at }) => (at, Why::Unproved),
            Err(Fault::Exhausted(budget)) => {
                self.reason(allow.span, None, Why::Error(exhausted(budget)));
                return Err(Fault::Exhausted(budget));
            }
            Err(Fault::Failed(status)) => return Err(Fault::Failed(status)),
        };
        self.reason(allow.span, at, why);
        Ok(false)
    }

    fn reason(&mut self, allow: Span, at: Option<Span>, why: Why) {
        if self.reasons.len() < MAX_REASONS {
            let lines = self.evaluator.lines;
            let expression = at.map(|span| lines.position(span));
            let allow = lines.position(allow);
            self.reasons.push(Reason { method: self.method, allow, expression, why });
        }
    }
}

fn exhausted(budget: Exhausted) -> String {
    match budget {
        Exhausted::Expressions => format!(
            "Unable to evaluate the expression as the maximum of {MAX_EXPRESSIONS} expressions to evaluate has been \
             reached."
        ),
        Exhausted::Work => "Unable to evaluate the expression as it takes too long.".to_owned(),
        Exhausted::MatchSteps => "There are too many ways to match this path.".to_owned(),
    }
}
