//! A query, answered in steps that the caller asks for one by one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use database::{Mode, View};
use model::query::StructuredQuery;
use model::{Code, DatabaseName, Document, Status, Timestamp};
use query::{Execution, ExecutionStats, MissingIndex, PlanSummary, Prepared};

use crate::across::documents::Found;
use crate::authorise::{Asked, role_to_read};
use crate::blocking::{Length, Work};
use crate::reader::{Consistency, Reader};
use crate::suggestions::Suggestions;
use crate::{Call, Service, across};

/// Documents of one step, and bytes after which a step ends.
const STEP_DOCUMENTS: usize = 256;
const STEP_BYTES: usize = 256 * 1024;
/// Bytes of documents that one query may read in a read-write transaction, where its result is
/// collected before it is given out: production's limit on the memory of a query.
const TRANSACTION_BYTES: usize = 128 * 1024 * 1024;

/// What to ask, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct RunQuery {
    pub database: DatabaseName,
    pub query: StructuredQuery,
    pub at: Consistency,
    pub explain: Explain,
}

/// What to tell of how the query is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    No,
    /// The plan, and nothing else.
    Plan,
    /// The result, then the plan and what answering took.
    Analyze,
}

/// How a query is answered and, when it ran, what that took.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    pub plan: PlanSummary,
    pub ran: Option<(ExecutionStats, Duration)>,
}

/// The answer, taken in steps.
pub struct QueryAnswer {
    /// The token of the transaction that began with this read.
    pub transaction: Option<Bytes>,
    call: Call,
    work: Work,
    /// Kept to the end: dropped, it stops a step that is under way.
    reader: Reader,
    state: State,
}

/// One step of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryStep {
    pub read_time: Timestamp,
    /// How many results the offset left out; told in the first step.
    pub skipped: u64,
    pub documents: Vec<Document>,
    /// In the last step, when it was asked for.
    pub explained: Option<Explained>,
    /// Nothing comes after this.
    pub last: bool,
}

enum State {
    Open(Box<Task>),
    Running(Box<Running>),
    /// Read in a transaction, where there is no coming back.
    Collected(VecDeque<QueryStep>),
    Done,
}

/// What is to be done.
#[derive(Clone)]
struct Task {
    asked: Asked,
    prepared: Prepared,
    missing: MissingIndex,
    explain: Explain,
    suggestions: Arc<Suggestions>,
}

/// A query that has been planned.
enum Begun {
    /// And that is all.
    Explained(Box<QueryStep>),
    Running {
        running: Box<Running>,
        is_short: bool,
    },
}

/// A query in the middle of its answer.
struct Running {
    execution: Execution,
    plan: Option<PlanSummary>,
    returned: u64,
    told_skipped: bool,
    spent: Duration,
}

impl Service {
    /// Checks the query and opens its answer; what the plan refuses comes with the first step.
    pub async fn run_query(&self, call: &Call, request: RunQuery) -> Result<QueryAnswer, Status> {
        let RunQuery { database, query, at, explain } = request;
        let permit = self.permit(call, &database, role_to_read(&at))?;
        permit.reads_at(&at)?;
        permit.explains(explain)?;
        let prepared = query::prepare(&query, &database)?;
        let (reader, transaction) = Reader::open(self.of_documents(&permit, &database)?, at)?;
        if reader.mode() == Mode::Datastore {
            let found = self.query_across(call, &reader, query, explain).await?;
            let (call, work) = (call.clone(), self.work.clone());
            return Ok(QueryAnswer { transaction, call, work, reader, state: State::Collected(found) });
        }
        let task = Task {
            asked: permit.asks(&query),
            prepared,
            missing: self.options.missing_index,
            explain,
            suggestions: self.suggestions.clone(),
        };
        Ok(QueryAnswer {
            transaction,
            call: call.clone(),
            work: self.work.clone(),
            reader,
            state: State::Open(Box::new(task)),
        })
    }
}

impl Service {
    /// The whole answer to a query for documents in a database of entities.
    async fn query_across(
        &self,
        call: &Call,
        reader: &Reader,
        query: StructuredQuery,
        explain: Explain,
    ) -> Result<VecDeque<QueryStep>, Status> {
        across::not_explained(explain)?;
        let (missing, suggestions) = (self.options.missing_index, self.suggestions.clone());
        let find = move |view: &View| across::documents::find(view, &query, missing, &suggestions);
        let (Found { skipped, documents }, read_time) =
            self.work.read(call, reader, Length::Long, find).await?;
        let mut documents = documents.into_iter().peekable();
        let mut steps = VecDeque::new();
        let mut skipped = Some(skipped);
        loop {
            let documents_of_step: Vec<_> = documents.by_ref().take(STEP_DOCUMENTS).collect();
            let last = documents.peek().is_none();
            let skipped = skipped.take().unwrap_or(0);
            steps.push_back(QueryStep {
                read_time,
                skipped,
                documents: documents_of_step,
                explained: None,
                last,
            });
            if last {
                return Ok(steps);
            }
        }
    }
}

impl QueryAnswer {
    /// The next step; None after the last. There is at least one.
    pub async fn next(&mut self) -> Result<Option<QueryStep>, Status> {
        let step = match std::mem::replace(&mut self.state, State::Done) {
            State::Open(task) => self.open(*task).await?,
            State::Running(running) => {
                self.work.run(move || running.step()).await.map(|next| self.go_on(next))?
            }
            State::Collected(mut steps) => {
                let step = steps.pop_front();
                self.state = State::Collected(steps);
                step
            }
            State::Done => None,
        };
        Ok(step)
    }

    async fn open(&mut self, task: Task) -> Result<Option<QueryStep>, Status> {
        if let Some(view) = self.reader.view() {
            // Rules may take long, and read what they like.
            let few = task.prepared.wants_few() && task.asked.is_free();
            if few && let Some(answer) = self.work.here(view, |view| task.short(view)) {
                return answer.map(Some);
            }
            let view = view.clone();
            let next = self.work.run(move || task.begin(&view)?.step()).await?;
            return Ok(self.go_on(next));
        }
        let collect = move |view: &View| task.collect(view);
        let (steps, _) = self.work.read(&self.call, &self.reader, Length::Long, collect).await?;
        let mut steps = VecDeque::from(steps);
        let first = steps.pop_front();
        self.state = State::Collected(steps);
        Ok(first)
    }

    fn go_on(&mut self, (step, rest): (QueryStep, Option<Box<Running>>)) -> Option<QueryStep> {
        self.state = rest.map_or(State::Done, State::Running);
        Some(step)
    }
}

impl Task {
    /// Asks rules, and plans.
    fn begin(&self, view: &View) -> Result<Begun, Status> {
        self.asked.prove(view)?;
        let plan = self.prepared.plan(view.indexes(), view.read_time(), self.missing);
        let plan = match self.explain {
            Explain::No | Explain::Analyze => plan?,
            Explain::Plan => plan.map_err(no_plan)?,
        };
        if let Some(index) = plan.suggested() {
            self.suggestions.note(view.database(), index);
        }
        let (execution, summary) = match self.explain {
            Explain::No => (plan.execute(view), None),
            Explain::Analyze => (plan.analyze(view), Some(plan.summary())),
            Explain::Plan => {
                let explained = Explained { plan: plan.summary(), ran: None };
                return Ok(Begun::Explained(Box::new(QueryStep::only_explained(
                    view.read_time(),
                    explained,
                ))));
            }
        };
        let is_short = plan.is_short();
        let running =
            Running { execution, plan: summary, returned: 0, told_skipped: false, spent: Duration::ZERO };
        Ok(Begun::Running { running: Box::new(running), is_short })
    }

    /// The whole answer in one step, if the plan is short; None if not.
    fn short(&self, view: &View) -> Result<Option<QueryStep>, Status> {
        match self.begin(view)? {
            Begun::Running { is_short: false, .. } => Ok(None),
            begun => begun.step().map(|(step, rest)| rest.is_none().then_some(step)),
        }
    }

    /// The whole answer.
    fn collect(&self, view: &View) -> Result<Vec<QueryStep>, Status> {
        let (first, mut rest) = self.begin(view)?.step()?;
        let mut bytes = first.bytes();
        let mut steps = vec![first];
        while let Some(running) = rest {
            let (step, next) = running.step()?;
            bytes += step.bytes();
            if bytes > TRANSACTION_BYTES {
                let text = "The query's result is too large for a transaction. Read less at once.";
                return Err(Status::new(Code::ResourceExhausted, text));
            }
            steps.push(step);
            rest = next;
        }
        Ok(steps)
    }
}

impl Begun {
    /// The first step, and what remains to be done after it.
    fn step(self) -> Result<(QueryStep, Option<Box<Running>>), Status> {
        match self {
            Begun::Explained(step) => Ok((*step, None)),
            Begun::Running { running, .. } => running.step(),
        }
    }
}

impl Running {
    /// The next step, and what remains to be done after it.
    fn step(mut self: Box<Self>) -> Result<(QueryStep, Option<Box<Running>>), Status> {
        let started = Instant::now();
        let mut documents = Vec::new();
        let mut bytes = 0;
        let mut last = false;
        while documents.len() < STEP_DOCUMENTS && bytes < STEP_BYTES {
            let Some(document) = self.execution.next()? else {
                last = true;
                break;
            };
            bytes += document.body.len() + document.path.as_str().len();
            documents.push(document);
        }
        self.returned += documents.len() as u64;
        self.spent += started.elapsed();
        let skipped = if self.told_skipped { 0 } else { self.execution.skipped() };
        self.told_skipped = true;
        let read_time = self.execution.read_time();
        let plan = if last { self.plan.take() } else { None };
        let explained =
            plan.map(|plan| Explained { plan, ran: Some((self.execution.stats(self.returned), self.spent)) });
        let step = QueryStep { read_time, skipped, documents, explained, last };
        Ok((step, (!last).then_some(self)))
    }
}

impl QueryStep {
    fn only_explained(read_time: Timestamp, explained: Explained) -> Self {
        QueryStep { read_time, skipped: 0, documents: Vec::new(), explained: Some(explained), last: true }
    }

    fn bytes(&self) -> usize {
        self.documents.iter().map(|document| document.body.len()).sum()
    }
}

/// Production's shorter text where only the plan is asked for.
pub(crate) fn no_plan(refusal: Status) -> Status {
    match refusal.code {
        Code::FailedPrecondition => Status::failed_precondition("no matching index found."),
        _ => refusal,
    }
}
