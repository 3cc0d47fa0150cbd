//! Clients of the hub itself, over the memory engine and a clock that stands until it is moved.

use std::future::poll_fn;
use std::ops::Add;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use database::{Database, Options, View};
use model::write::{Operation, Precondition, Write};
use model::{Code, DocumentPath, FieldPath, Fields, Status, Timestamp, Value};
use query::MissingIndex;
use testkit::world::{EngineKind, World};
use watch::{Hubs, ListenEvent, ListenStream, Target};

use crate::client::Counts;
use crate::generate::{Action, CLIENTS, Change, ResumeBy, crowd, database};
use crate::message::Message;
use crate::session::{Link, Session, beacon};

/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this long without a word, a stream is asked whether it rests.
const A_LOOK: Duration = Duration::from_millis(5);
/// Boundaries of a run that are all compared, and how many of those after them one is compared of.
const ALL_COMPARED: usize = 200;
const SOME_COMPARED: usize = 10;
/// Past the retention and the slack that protects reads under way.
const LONG_AGO: Duration = Duration::from_secs(4_000);

/// What happened in a run, or in many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub counts: Counts,
    pub boundaries: usize,
    /// Targets compared with a poll.
    pub compared: usize,
    /// Documents in them.
    pub documents: usize,
    /// Boundaries too old to be polled any more.
    pub too_old: usize,
    pub resumed: usize,
    /// Streams that were told to have been too slow, beside those that were.
    pub lagged: usize,
    /// Streams that the server ended.
    pub ended: usize,
}

/// See the module.
pub struct Run {
    world: World,
    hubs: Arc<Hubs>,
    clients: Vec<Session<ListenStream>>,
    /// Databases before they were cleared, and their last time. None once their rows may be gone.
    eras: Vec<(Timestamp, Option<Arc<Database>>)>,
    written: i64,
    totals: Totals,
}

impl Link for ListenStream {
    fn add_target(&mut self, target: Target) -> Result<(), Status> {
        ListenStream::add_target(self, target)
    }

    fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        ListenStream::remove_target(self, id)
    }
}

impl Run {
    pub fn new(seed: u64) -> Self {
        let world = World::new(EngineKind::Memory, seed, Options::default());
        let options = watch::Options { missing_index: MissingIndex::Suggest, suggest: Arc::new(|_, _| {}) };
        let hubs = Hubs::new(world.store().clone(), options);
        let clients = (0..CLIENTS).map(Session::new).collect();
        Run { world, hubs, clients, eras: Vec::new(), written: 0, totals: Totals::default() }
    }

    /// Does everything, and at last lets every client catch up.
    pub async fn play(mut self, actions: &[Action]) -> Result<Totals, String> {
        for action in actions {
            self.act(action).await?;
        }
        for at in 0..CLIENTS {
            self.settle(at).await?;
        }
        for session in &self.clients {
            self.totals.counts = self.totals.counts + session.client.counts;
        }
        Ok(self.totals)
    }

    async fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Commit(changes) if changes.is_empty() => {}
            Action::Commit(changes) => drop(self.commit(changes.iter().map(write).collect()).await),
            Action::Crowd { each, there } => {
                for some in crowd(*each, *there).chunks(60) {
                    self.commit(some.iter().map(write).collect()).await;
                }
            }
            Action::Burst(commits) => self.burst(*commits).await,
            Action::Listen { client, what, once } => {
                self.connect(*client)?;
                self.clients[*client].want(what, *once)?;
            }
            Action::Unlisten { client, target } => {
                self.connect(*client)?;
                self.clients[*client].unlisten(*target)?;
            }
            Action::Read { client, messages } => self.read(*client, *messages).await?,
            Action::Settle { client } => self.settle(*client).await?,
            Action::Cut { client, resume, loses } => self.clients[*client].cut(*resume, *loses),
            Action::Lag { client } => {
                if let Some(stream) = &self.clients[*client].link {
                    stream.pretend_to_lag();
                    self.totals.lagged += 1;
                }
            }
            Action::Clear => self.clear(),
            Action::Pass(seconds) => {
                self.rest().await?;
                self.world.advance(Duration::from_secs((*seconds).into()));
                self.forget_eras();
                self.world.store().tick();
            }
            Action::CleanUp => {
                self.rest().await?;
                self.world.advance(LONG_AGO);
                self.forget_eras();
                self.world.store().compact().expect("the engine can reclaim");
            }
        }
        Ok(())
    }

    async fn commit(&mut self, writes: Vec<Write>) -> Timestamp {
        let committed = self.world.database().commit(writes, None).await;
        committed.expect("nothing stands in its way").commit_time
    }

    async fn burst(&mut self, commits: u16) {
        for _ in 0..commits {
            self.written += 1;
            let path = DocumentPath::new(["c/a", "c/b", "d/a"][self.written as usize % 3]).expect("even");
            let value = Value::Integer(self.written % 5);
            self.commit(vec![write(&Change::Touch(path, "a", value))]).await;
        }
    }

    fn clear(&mut self) {
        let before = self.world.database();
        self.world.store().clear(self.world.name()).expect("the catalog can be written");
        self.eras.push((before.view().read_time(), Some(before)));
        // The clock goes on between two eras, so that no time belongs to both.
        self.world.advance(Duration::from_millis(1));
    }

    /// Lets every stream finish what it reads: no real read takes as long as time is about to jump.
    async fn rest(&mut self) -> Result<(), String> {
        for at in 0..CLIENTS {
            let mut heard = Instant::now();
            while let Some(stream) = self.clients[at].link.as_mut().filter(|stream| !stream.is_idle()) {
                // What it does may come to nothing, and then it rests without a word.
                match tokio::time::timeout(A_LOOK, stream.next()).await {
                    Ok(event) => {
                        self.take(at, event)?;
                        heard = Instant::now();
                    }
                    Err(_) if heard.elapsed() < PATIENCE => {}
                    Err(_) => return Err(format!("client {at} never rests")),
                }
            }
        }
        Ok(())
    }

    /// What was cleared is about to be thrown away.
    fn forget_eras(&mut self) {
        self.eras.iter_mut().for_each(|(_, database)| *database = None);
    }

    /// Sees to it that the client has a stream, and asks for everything that it wants.
    fn connect(&mut self, at: usize) -> Result<(), String> {
        let session = &mut self.clients[at];
        if session.link.is_none() {
            let stream = self.hubs.open(&database()).map_err(|status| status.to_string())?;
            self.totals.resumed += session.connect(stream)?;
        }
        Ok(())
    }

    async fn read(&mut self, at: usize, messages: u8) -> Result<(), String> {
        self.connect(at)?;
        for _ in 0..messages {
            let Some(stream) = &mut self.clients[at].link else { return Ok(()) };
            let polled = {
                let mut next = std::pin::pin!(stream.next());
                poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await
            };
            match polled {
                Poll::Ready(event) => self.take(at, event)?,
                // What it waits for may need the thread.
                Poll::Pending => tokio::task::yield_now().await,
            }
        }
        Ok(())
    }

    /// Reads until the client knows a write of its own, and with it all that was before.
    async fn settle(&mut self, at: usize) -> Result<(), String> {
        self.written += 1;
        let fields = Fields::from([("n".to_owned(), Value::Integer(self.written))]);
        let written = self.commit(vec![write(&Change::Set(beacon(at), fields))]).await;
        loop {
            self.connect(at)?;
            let session = &mut self.clients[at];
            if session.client.shown_at >= written && session.client.is_settled() {
                return Ok(());
            }
            let stream = session.link.as_mut().expect("just connected");
            let event = tokio::time::timeout(PATIENCE, stream.next()).await;
            let event = event.map_err(|_| format!("client {at} waits for ever: {:?}", session.client))?;
            self.take(at, event)?;
        }
    }

    fn take(&mut self, at: usize, event: Result<ListenEvent, Status>) -> Result<(), String> {
        let session = &mut self.clients[at];
        let event = match event {
            Ok(event) => event,
            Err(status) if status.code == Code::Unavailable => {
                self.totals.ended += 1;
                session.cut(ResumeBy::Token { count: true }, 0);
                return Ok(());
            }
            Err(status) => return Err(format!("client {at}: {status}")),
        };
        let boundary = session.take(Message::of(event, &database()));
        let Some(time) = boundary.map_err(|wrong| format!("client {at}: {wrong}"))? else { return Ok(()) };
        self.totals.boundaries += 1;
        // Polling after each of a thousand commits would take most of the time.
        if self.totals.boundaries > ALL_COMPARED && !self.totals.boundaries.is_multiple_of(SOME_COMPARED) {
            return self.clients[at].repeat_mismatched();
        }
        match self.view_at(time)? {
            None => self.totals.too_old += 1,
            Some(view) => {
                let compared = self.clients[at].compare(&view);
                let compared = compared.map_err(|wrong| format!("client {at} {wrong}"))?;
                self.totals.compared += compared.targets;
                self.totals.documents += compared.documents;
            }
        }
        self.clients[at].repeat_mismatched()
    }

    fn view_at(&self, time: Timestamp) -> Result<Option<View>, String> {
        let database = match self.eras.iter().find(|(last, _)| time <= *last) {
            Some((_, None)) => return Ok(None),
            Some((_, Some(database))) => database.clone(),
            None => self.world.database(),
        };
        match database.view_at(time) {
            Ok(view) => Ok(Some(view)),
            Err(status) if status.code == Code::FailedPrecondition => Ok(None),
            Err(status) => Err(format!("at {time:?}: {status}")),
        }
    }
}

fn write(change: &Change) -> Write {
    let set = |path: &DocumentPath, fields, mask| {
        let operation = Operation::Set { fields, mask, transforms: Vec::new() };
        Write { path: path.clone(), operation, precondition: Precondition::None }
    };
    match change {
        Change::Set(path, fields) => set(path, fields.clone(), None),
        Change::Touch(path, field, value) => {
            let fields = Fields::from([((*field).to_owned(), value.clone())]);
            set(path, fields, Some(vec![FieldPath::single(field)]))
        }
        Change::Delete(path) => {
            Write { path: path.clone(), operation: Operation::Delete, precondition: Precondition::None }
        }
    }
}

impl Add for Totals {
    type Output = Totals;

    fn add(self, other: Totals) -> Totals {
        Totals {
            counts: self.counts + other.counts,
            boundaries: self.boundaries + other.boundaries,
            compared: self.compared + other.compared,
            documents: self.documents + other.documents,
            too_old: self.too_old + other.too_old,
            resumed: self.resumed + other.resumed,
            lagged: self.lagged + other.lagged,
            ended: self.ended + other.ended,
        }
    }
}
