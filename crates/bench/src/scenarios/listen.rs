//! Listeners: what they cost those who write, how soon they know, and how much memory they take.

use std::time::{Duration, Instant};

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as wire;
use host::Random;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use wire::value::ValueType;

use crate::contenders::bulk::{self, Content, Load};
use crate::contenders::firestore::{self, Firestore};
use crate::contenders::lean::LeanClient;
use crate::contenders::listeners::{self, Event, Listeners, STREAMS_OF_ONE_CONNECTION};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::{Rounds, median};
use crate::load::{Client, drive};
use crate::report::{self, Section};
use crate::sample::{self, Sample, value};
use crate::setting::Setting;

/// The collection that is written and listened to.
const WATCHED: &str = "watched";
/// Memory is looked at when nothing has happened for so long.
const QUIET: Duration = Duration::from_secs(2);
const MEMORY_OF_ONE: f64 = 10_000.0;
/// Writers of the collections of different sizes: enough to keep the server busy.
const WRITERS: usize = 8;
/// The small one of them.
const SMALL: u64 = 1_000;
const LATENCY_WARM_UP: usize = 50;

/// All of it.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let mut section = Section::new("listen", "Listeners");
    section.unit = "durable commits per second while others listen, more is better";
    distinct_values(setting, &mut section).await?;
    one_document(setting, &mut section).await?;
    latency(setting, &mut section).await?;
    sizes(setting, &mut section).await?;
    section.remark(format!(
        "{STREAMS_OF_ONE_CONNECTION} streams share a connection, each with one target; listeners read the frames of events and look into no \
         document. The clients run on the processors that they measure: what they take to read events comes on top of what \
         the server takes to tell them."
    ));
    Ok(section)
}

/// Commits whose owner is one of so many, at random.
struct OwnedClient {
    firestore: Firestore,
    random: Random,
    owners: usize,
}

impl Client for OwnedClient {
    async fn operate(&mut self) -> Result<(), Failure> {
        let mut fields = Sample::random(&self.random).wire_fields();
        let owner = owner(self.random.next() as usize % self.owners);
        fields.insert("owner".to_owned(), value(ValueType::StringValue(owner)));
        let name = firestore::name(WATCHED, &sample::id(&self.random));
        firestore::commit(&mut self.firestore, vec![firestore::set(name, fields)]).await.map(drop)
    }
}

fn owner(number: usize) -> String {
    format!("owner-{number:014}")
}

/// A server with listeners, and clients that write to it.
struct Watched {
    server: IroriServer,
    listeners: Option<Listeners>,
    clients: Vec<OwnedClient>,
    rounds: Rounds,
    _data: tempfile::TempDir,
}

impl Watched {
    async fn new(setting: &Setting, targets: Vec<wire::target::TargetType>) -> Result<Self, Failure> {
        let data = setting.directory()?;
        let server = IroriServer::start(&setting.server, data.path())?;
        let listeners = match targets.len() {
            0 => None,
            count => Some(Listeners::open(&connections(&server, count).await?, targets).await?),
        };
        let channels = firestore::connect(server.address, setting.clients).await?;
        let client = |(seed, channel): (u64, Channel)| OwnedClient {
            firestore: Firestore::new(channel),
            random: Random::from_seed(seed),
            owners: setting.listeners,
        };
        let clients = (0..).zip(channels).map(client).collect();
        Ok(Watched { server, listeners, clients, rounds: Rounds::default(), _data: data })
    }

    async fn round(&mut self, setting: &Setting) -> Result<(), Failure> {
        let clients = std::mem::take(&mut self.clients);
        let round;
        (self.clients, round) = drive(clients, setting.time, self.server.processor()).await?;
        self.rounds.push(round);
        Ok(())
    }
}

async fn connections(server: &IroriServer, streams: usize) -> Result<Vec<LeanClient>, Failure> {
    LeanClient::several(server.address, streams.div_ceil(STREAMS_OF_ONE_CONNECTION)).await
}

/// The rate of commits without listeners, with one of everything, and with many of one value each.
async fn distinct_values(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let of_each = (0..setting.listeners).map(|number| listeners::collection(WATCHED, Some(owner(number))));
    let mut none = Watched::new(setting, Vec::new()).await?;
    let mut one = Watched::new(setting, vec![listeners::collection(WATCHED, None)]).await?;
    let mut many = Watched::new(setting, of_each.collect()).await?;
    for _ in 0..setting.rounds {
        none.round(setting).await?;
        one.round(setting).await?;
        many.round(setting).await?;
    }
    let what = format!("{} listeners of one value each", report::number(setting.listeners as f64));
    for (what, watched) in [("nobody listens", &none), ("one listener of all", &one), (&what, &many)] {
        let told = watched.listeners.as_ref().map_or(0, Listeners::changes);
        let found = format!("{}; {} events", report::rounds(&watched.rounds), report::number(told as f64));
        section.line(format!("commits, {what}"), found);
        section.bar(what, watched.rounds.per_second(), true);
    }
    let share = many.rounds.ratio_to(&one.rounds);
    section.judged("commits, many listeners / one", report::number(share), "≥ 0.8", share >= 0.8);
    Ok(())
}

/// Everybody listens to one document: memory, and how soon all know.
async fn one_document(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    let name = firestore::name(WATCHED, "one");
    let mut writer = Firestore::new(firestore::connect(server.address, 1).await?.remove(0));
    let write = |number| {
        let fields = [("n".to_owned(), value(ValueType::IntegerValue(number)))];
        firestore::set(name.clone(), fields.into())
    };
    firestore::commit(&mut writer, vec![write(0)]).await?;
    let count = setting.listeners;
    let channels = connections(&server, count).await?;
    tokio::time::sleep(QUIET).await;
    let before = server.memory()?.resident;
    let mut listeners = Listeners::open(&channels, vec![listeners::document(name.clone()); count]).await?;
    tokio::time::sleep(QUIET).await;
    let resident = server.memory()?.resident;
    let each = resident.saturating_sub(before) as f64 / count as f64;
    let who = report::number(count as f64);
    let what = format!("memory of the server for each of {who} idle listeners");
    section.judged(what, format!("{} bytes", report::number(each)), "< 10 KB", each < MEMORY_OF_ONE);
    let mut times = Vec::new();
    for round in 1..=setting.rounds {
        let begin = Instant::now();
        firestore::commit(&mut writer, vec![write(round as i64)]).await?;
        // One for each write, that of the first result included.
        listeners.reach(count * (round + 1)).await?;
        times.push(begin.elapsed());
    }
    let slowest = times.iter().max().copied().unwrap_or_default();
    let middle = Duration::from_secs_f64(median(times.iter().map(Duration::as_secs_f64)));
    let found =
        format!("{}, the slowest of {} {}", report::time(middle), setting.rounds, report::time(slowest));
    let what = format!("from a commit until all {who} listeners of its document have it");
    section.judged(what, found, "< 1 s", slowest < Duration::from_secs(1));
    let resident = server.memory()?.resident;
    section.line("memory of that server afterwards", report::megabytes(resident));
    Ok(())
}

/// One writer, one listener: the time until the answer, and until the event.
async fn latency(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    let target = listeners::collection(WATCHED, None);
    let (_listening, mut events) =
        Listeners::follow(connections(&server, 1).await?.remove(0), target).await?;
    let mut writer = Firestore::new(firestore::connect(server.address, 1).await?.remove(0));
    let random = Random::from_seed(1);
    let (mut answers, mut told) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    let time = setting.time * u32::try_from(setting.rounds).unwrap_or(1);
    while begin.elapsed() < time || answers.len() <= LATENCY_WARM_UP {
        let name = firestore::name(WATCHED, &sample::id(&random));
        let write = firestore::set(name.clone(), Sample::random(&random).wire_fields());
        let begin = Instant::now();
        firestore::commit(&mut writer, vec![write]).await?;
        answers.push(begin.elapsed().as_secs_f64());
        told.push((event_of(&mut events, &name).await? - begin).as_secs_f64());
    }
    let middle = |times: Vec<f64>| median(times.into_iter().skip(LATENCY_WARM_UP));
    let (answer, event) = (middle(answers), middle(told));
    let shown = |seconds: f64| report::time(Duration::from_secs_f64(seconds));
    section.line("commit to answer, one writer and one listener, p50", shown(answer));
    let what = "commit to event with its boundary, p50";
    section.judged(what, shown(event), "≤ 2 × to answer", event <= 2.0 * answer);
    Ok(())
}

/// When the event of a document came.
async fn event_of(events: &mut mpsc::Receiver<Event>, name: &str) -> Result<Instant, Failure> {
    while let Some(event) = events.recv().await {
        if event.document.name == name {
            return Ok(event.at);
        }
    }
    Err(Failure::new("the listener has ended"))
}

/// Writes documents of a load anew, at random.
struct Rewriter {
    firestore: Firestore,
    random: Random,
    load: Load,
}

impl Client for Rewriter {
    async fn operate(&mut self) -> Result<(), Failure> {
        let id = bulk::id(self.random.next() % self.load.documents);
        let fields = Sample::random(&self.random).wire_fields();
        let write = firestore::set(firestore::name(self.load.collection, &id), fields);
        firestore::commit(&mut self.firestore, vec![write]).await.map(drop)
    }
}

/// A listener to a small collection and one to a large: writes to both cost the same.
async fn sizes(setting: &Setting, section: &mut Section) -> Result<(), Failure> {
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    let load = |collection, documents| Load { collection, documents, content: Content::Samples };
    let loads = [load("small", SMALL), load("large", setting.documents / 10)];
    let listening = connections(&server, 1).await?;
    let channels = firestore::connect(server.address, WRITERS).await?;
    let mut measured = Vec::new();
    for load in &loads {
        bulk::load(server.address, load).await?;
        let target = listeners::collection(load.collection, None);
        let listening = Listeners::open(&listening, vec![target]).await?;
        let rewriter = |(seed, channel): (u64, &Channel)| Rewriter {
            firestore: Firestore::new(channel.clone()),
            random: Random::from_seed(seed),
            load: load.clone(),
        };
        let writers: Vec<_> = (0..).zip(&channels).map(rewriter).collect();
        measured.push((listening, writers, Rounds::default()));
    }
    for _ in 0..setting.rounds {
        for (_, writers, rounds) in &mut measured {
            let round;
            (*writers, round) = drive(std::mem::take(writers), setting.time, server.processor()).await?;
            rounds.push(round);
        }
    }
    for (load, (_, _, rounds)) in loads.iter().zip(&measured) {
        let documents = report::number(load.documents as f64);
        section.line(format!("writes to {documents} documents, a listener to all"), report::rounds(rounds));
    }
    let each = |at: usize| measured[at].2.processor().unwrap_or_default().as_secs_f64();
    let times = each(1) / each(0).max(f64::MIN_POSITIVE);
    let what = "the server's processor time for each of them, large / small";
    section.judged(what, report::number(times), "≤ 1.25", times <= 1.25);
    Ok(())
}
