//! The same over real sockets: gRPC through a gateway, several clients and writers at once, connections that break.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::watch::Target;
use database::{Database, Options, Store};
use gateway::Gateway;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use host::Host;
use model::{Code, Fields, Status, Timestamp, Value};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proto::firestore_client::FirestoreClient;
use query::MissingIndex;
use service::Service;
use storage::memory::MemoryEngine;
use testkit::dice::Dice;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::client::Counts;
use crate::generate::{self, Change, ResumeBy, database};
use crate::session::{Compared, Link, Session, beacon};
use crate::{runner, seeds, wire};

const LISTENERS: usize = 6;
const WRITERS: usize = 2;
/// How long they write and break their connections.
const TIME: Duration = Duration::from_secs(8);
/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests of one stream that wait to be sent: more than its targets.
const REQUESTS: usize = 64;

/// What one client did.
#[derive(Default)]
struct Done {
    counts: Counts,
    compared: Compared,
    resumed: usize,
    cut: usize,
}

/// A server, and what all clients share.
#[derive(Clone)]
struct Scene {
    address: SocketAddr,
    database: Arc<Database>,
    /// True when nobody writes any more.
    over: watch::Receiver<bool>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_on_sockets_fold_up_to_what_a_poll_finds() {
    for seed in seeds(1) {
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let (tell, over) = watch::channel(false);
    let scene = serve(over).await;
    let mut listeners = JoinSet::new();
    for number in 0..LISTENERS {
        listeners.spawn(Listener::new(scene.clone(), seed, number).run());
    }
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write(scene.clone(), seed * 100 + number as u64));
    }
    tokio::time::sleep(TIME).await;
    tell.send(true).expect("clients are there");
    let mut commits = 0;
    while let Some(written) = writers.join_next().await {
        commits += written.expect("no writer panics");
    }
    let mut all = Done::default();
    while let Some(listened) = listeners.join_next().await {
        match listened.expect("no listener panics") {
            Ok(done) => all.add(&done),
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }
    println!(
        "{commits} commits, {} resumed, {} cut, {:?}, {:?}",
        all.resumed, all.cut, all.compared, all.counts
    );
    let done =
        [commits, all.resumed, all.cut, all.compared.documents, all.counts.removals, all.counts.deletions];
    assert!(done.iter().all(|done| *done > 0), "something has never happened: {done:?}");
}

async fn serve(over: watch::Receiver<bool>) -> Scene {
    let host = Host::real();
    let store = Store::open(Arc::new(MemoryEngine::new()), host.clone(), Options::default());
    let store = store.expect("an empty store opens");
    let database = store.database(&generate::database()).expect("a database is made on use");
    let policies = service::Options { missing_index: MissingIndex::Suggest };
    let gateway = Gateway::new(Arc::new(Service::new(store, host, policies)), gateway::Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let mut stopped = over.clone();
    // The last client tells by leaving.
    let stop = async move { while stopped.changed().await.is_ok() {} };
    tokio::spawn(gateway.serve(listener, stop));
    Scene { address, database, over }
}

/// Commits random changes until all is over; answers how many.
async fn write(scene: Scene, seed: u64) -> usize {
    let channel = Endpoint::from_shared(format!("http://{}", scene.address)).expect("an address");
    let mut client = FirestoreClient::new(channel.connect().await.expect("a connection"));
    let mut random = runner(seed, 1);
    let mut dice = Dice::new(seed);
    let mut commits = 0;
    while !*scene.over.borrow() {
        let changes = (0..1 + dice.below(6)).map(|_| one(&mut random, generate::change()));
        let writes = changes.map(|change| wire::write(&database(), &change)).collect();
        commit(&mut client, writes).await.expect("nothing stands in its way");
        commits += 1;
        // Sometimes many in a row, sometimes none for a while.
        if dice.chance(60) {
            tokio::time::sleep(Duration::from_millis(dice.below(30) as u64)).await;
        }
    }
    commits
}

async fn commit(
    client: &mut FirestoreClient<Channel>,
    writes: Vec<proto::Write>,
) -> Result<Timestamp, tonic::Status> {
    let request = proto::CommitRequest { database: database().to_string(), writes, ..Default::default() };
    let time = client.commit(request).await?.into_inner().commit_time.expect("a commit has a time");
    Ok(Timestamp::from_parts(time.seconds, time.nanos).expect("a time"))
}

fn one<T: std::fmt::Debug>(random: &mut TestRunner, strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(random).expect("nothing is filtered").current()
}

/// The requests of one stream, over a connection that can be cut.
struct Stream {
    requests: mpsc::Sender<proto::ListenRequest>,
    connection: AbortHandle,
}

impl Link for Stream {
    fn add_target(&mut self, target: Target) -> Result<(), Status> {
        self.send(wire::add_target(&database(), target))
    }

    fn remove_target(&mut self, id: i32) -> Result<(), Status> {
        self.send(wire::remove_target(&database(), id))
    }
}

impl Stream {
    /// A request to a stream that has broken goes nowhere; its end is about to be read.
    fn send(&self, request: proto::ListenRequest) -> Result<(), Status> {
        match self.requests.try_send(request) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Status::internal("requests are not read")),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// One client and its random life.
struct Listener {
    scene: Scene,
    session: Session<Stream>,
    answers: Option<Streaming<proto::ListenResponse>>,
    number: usize,
    random: TestRunner,
    dice: Dice,
    done: Done,
}

impl Listener {
    fn new(scene: Scene, seed: u64, number: usize) -> Self {
        let seed = seed * 1_000 + number as u64;
        Listener {
            scene,
            session: Session::new(number),
            answers: None,
            number,
            random: runner(seed, 1),
            dice: Dice::new(seed),
            done: Done::default(),
        }
    }

    async fn run(mut self) -> Result<Done, String> {
        let done = self.live().await;
        done.map_err(|wrong| format!("listener {}: {wrong}", self.number))?;
        self.done.counts = self.session.client.counts;
        Ok(self.done)
    }

    async fn live(&mut self) -> Result<(), String> {
        while !*self.scene.over.borrow() {
            self.connect().await?;
            let until = Instant::now() + Duration::from_millis(self.dice.below(60) as u64);
            let answers = self.answers.as_mut().expect("just connected");
            // A message that has come in part is not lost when the time is up: the stream keeps it.
            match tokio::time::timeout_at(until, answers.message()).await {
                Ok(answer) => self.take(answer)?,
                Err(_) => self.do_something().await?,
            }
        }
        self.settle().await
    }

    async fn do_something(&mut self) -> Result<(), String> {
        match self.dice.below(20) {
            0..6 => {
                let (wanted, once) = (one(&mut self.random, generate::wanted()), self.dice.chance(10));
                self.session.want(&wanted, once)
            }
            6..8 => self.session.unlisten(self.dice.below(8)),
            8..10 => {
                let resume = *self.dice.pick(&[
                    ResumeBy::Token { count: true },
                    ResumeBy::Token { count: false },
                    ResumeBy::ReadTime { count: true },
                    ResumeBy::Nothing,
                ]);
                self.cut(resume);
                Ok(())
            }
            // Reads nothing for a while, so that much piles up.
            10 => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn cut(&mut self, resume: ResumeBy) {
        self.answers = None;
        self.session.cut(resume, 0);
        self.done.cut += 1;
    }

    async fn connect(&mut self) -> Result<(), String> {
        if self.answers.is_some() {
            return Ok(());
        }
        let (channel, connection) = cuttable(self.scene.address).await.map_err(|error| error.to_string())?;
        let (requests, sent) = mpsc::channel(REQUESTS);
        self.done.resumed += self.session.connect(Stream { requests, connection })?;
        let mut client = FirestoreClient::new(channel).max_decoding_message_size(64 << 20);
        let answers = client.listen(ReceiverStream::new(sent)).await.map_err(|status| status.to_string())?;
        self.answers = Some(answers.into_inner());
        Ok(())
    }

    fn take(&mut self, answer: Result<Option<proto::ListenResponse>, tonic::Status>) -> Result<(), String> {
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Err(status) if status.code() == tonic::Code::Unavailable => {
                self.cut(ResumeBy::Token { count: true });
                return Ok(());
            }
            ended => return Err(format!("the stream has ended with {ended:?}")),
        };
        let Some(time) = self.session.take(wire::message(&database(), answer)?)? else { return Ok(()) };
        // Polling takes longer than listening, so not every time.
        if self.dice.chance(50) {
            self.compare(time)?;
        }
        self.session.repeat_mismatched()
    }

    fn compare(&mut self, time: Timestamp) -> Result<(), String> {
        let view = match self.scene.database.view_at(time) {
            Err(status) if status.code == Code::FailedPrecondition => return Ok(()),
            view => view.map_err(|status| status.to_string())?,
        };
        let compared = self.session.compare(&view)?;
        self.done.compared.targets += compared.targets;
        self.done.compared.documents += compared.documents;
        Ok(())
    }

    /// Reads until the client knows a write of its own, and with it all that was before.
    async fn settle(&mut self) -> Result<(), String> {
        let fields = Fields::from([("n".to_owned(), Value::Integer(1))]);
        let change = wire::write(&database(), &Change::Set(beacon(self.number), fields));
        let channel = Endpoint::from_shared(format!("http://{}", self.scene.address)).expect("an address");
        let channel = channel.connect().await.map_err(|error| error.to_string())?;
        let written = commit(&mut FirestoreClient::new(channel), vec![change]).await;
        let written = written.map_err(|status| status.to_string())?;
        while self.session.client.shown_at < written || !self.session.client.is_settled() {
            self.connect().await?;
            let answers = self.answers.as_mut().expect("just connected");
            let answer = tokio::time::timeout(PATIENCE, answers.message()).await;
            let waits = |_| format!("waits for ever: {:?}", self.session.client);
            self.take(answer.map_err(waits)?)?;
        }
        self.compare(self.session.client.shown_at)
    }
}

/// A connection that ends in the middle of whatever it carries when its task is aborted.
async fn cuttable(server: SocketAddr) -> std::io::Result<(Channel, AbortHandle)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let forward = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await?;
        let mut far = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(std::io::Error::other)?;
    let channel = endpoint.connect().await.map_err(std::io::Error::other)?;
    Ok((channel, forward.abort_handle()))
}

impl Done {
    fn add(&mut self, other: &Done) {
        self.counts = self.counts + other.counts;
        self.compared.targets += other.compared.targets;
        self.compared.documents += other.compared.documents;
        self.resumed += other.resumed;
        self.cut += other.cut;
    }
}
