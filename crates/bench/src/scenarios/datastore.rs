//! Entities beside documents in the same run, and the race for addresses that must be unique.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::children::Processor;
use crate::contenders::asker::Asker;
use crate::contenders::entities::guestbook::INDEX_YAML;
use crate::contenders::entities::register::{Registered, register};
use crate::contenders::entities::{self, Group, PutClient};
use crate::contenders::firestore::{self, CommitClient};
use crate::contenders::guestbook::{self, GREETINGS};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::Rounds;
use crate::load::{Client, drive};
use crate::report::{self, Section};
use crate::setting::Setting;

/// Addresses to be registered, by how many each, and how many at once.
const ADDRESSES: u64 = 10_000;
const RIVALS: u64 = 4;
const VISITORS: usize = 64;
/// What entities are to reach of the rates of documents.
const SHARE: f64 = 0.9;

/// What "thousands of commits a second" means at least.
const GROUP_RATE: f64 = 1_000.0;

/// One kind of work, and how fast it was in each round.
struct Work<C> {
    what: &'static str,
    clients: Vec<C>,
    found: Rounds,
}

/// The same work by both interfaces of one server, each on a database of its own.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let data = setting.directory()?;
    let index_yaml = setting.directory()?;
    let file = index_yaml.path().join("index.yaml");
    std::fs::write(&file, INDEX_YAML).map_err(Failure::doing("write index.yaml"))?;
    let arguments = ["--index-yaml".to_owned(), file.display().to_string()];
    let server = IroriServer::start_with(&setting.server, data.path(), &arguments)?;
    guestbook::load(server.address).await?;
    entities::guestbook::load(server.address).await?;
    let mut section = Section::new("datastore", "Entities beside documents");
    section.unit = "operations per second, more is better";
    compare(setting, &server, &mut section).await?;
    race(&server, &mut section).await?;
    section.remark(format!(
        "{} clients, each with a connection of its own, which write their frames by hand; {GREETINGS} documents below one \
         document, as many entities below one ancestor, with the declared index that the guestbook of App Engine has.",
        setting.clients
    ));
    Ok(section)
}

async fn compare(setting: &Setting, server: &IroriServer, section: &mut Section) -> Result<(), Failure> {
    let (address, clients) = (server.address, setting.clients);
    let commit = CommitClient::several(address, clients).await?;
    let mut commits = Work::new("document commits", commit).await?;
    let put = PutClient::several(address, clients, Group::Own).await?;
    let mut puts = Work::new("entity puts", put).await?;
    let put = PutClient::several(address, clients, Group::Same).await?;
    let mut grouped = Work::new("puts into one entity group", put).await?;
    let ask = Asker::several(address, clients, guestbook::GET).await?;
    let mut gets = Work::new("document gets", ask).await?;
    let ask = Asker::several(address, clients, entities::guestbook::LOOKUP).await?;
    let mut lookups = Work::new("entity lookups", ask).await?;
    let ask = Asker::several(address, clients, guestbook::BY_DATE).await?;
    let mut newest = Work::new("10 newest documents", ask).await?;
    let ask = Asker::several(address, clients, entities::guestbook::BY_DATE).await?;
    let mut newest_below = Work::new("10 newest below an ancestor", ask).await?;
    let ask = Asker::several(address, clients, guestbook::BY_NAME).await?;
    let mut first = Work::new("10 documents by name", ask).await?;
    let ask = Asker::several(address, clients, entities::guestbook::BY_KEY).await?;
    let mut first_below = Work::new("10 by key below an ancestor", ask).await?;
    for _ in 0..setting.rounds {
        gets.round(setting, server).await?;
        lookups.round(setting, server).await?;
        newest.round(setting, server).await?;
        newest_below.round(setting, server).await?;
        first.round(setting, server).await?;
        first_below.round(setting, server).await?;
        commits.round(setting, server).await?;
        puts.round(setting, server).await?;
        grouped.round(setting, server).await?;
    }
    puts.beside(&commits, section);
    lookups.beside(&gets, section);
    newest_below.beside(&newest, section);
    first_below.beside(&first, section);
    let rate = grouped.found.per_second();
    section.judged(grouped.what, report::rounds(&grouped.found), "thousands", rate >= GROUP_RATE);
    section.bar(grouped.what, rate, true);
    Ok(())
}

impl<C: Client> Work<C> {
    /// Lets the clients work for a moment: the server closes connections on which nothing is asked for a while.
    async fn new(what: &'static str, clients: Vec<C>) -> Result<Self, Failure> {
        let (clients, _) = drive(clients, Duration::ZERO, Processor::ThisProcess).await?;
        Ok(Work { what, clients, found: Rounds::default() })
    }

    async fn round(&mut self, setting: &Setting, server: &IroriServer) -> Result<(), Failure> {
        let clients = std::mem::take(&mut self.clients);
        let (clients, round) = drive(clients, setting.time, server.processor()).await?;
        self.clients = clients;
        self.found.push(round);
        Ok(())
    }

    /// Tells of work on entities beside the same on documents.
    fn beside<D: Client>(&self, documents: &Work<D>, section: &mut Section) {
        documents.tell(section, false);
        self.tell(section, true);
        let ratio = self.found.ratio_to(&documents.found);
        let what = format!("{} / {}", self.what, documents.what);
        section.judged(what, report::number(ratio), format!("≥ {SHARE}"), ratio >= SHARE);
    }

    fn tell(&self, section: &mut Section, ours: bool) {
        section.line(self.what, report::rounds(&self.found));
        section.bar(self.what, self.found.per_second(), ours);
    }
}

/// Each address is wanted by several at once, who look whether it is there and put it, in one transaction.
async fn race(server: &IroriServer, section: &mut Section) -> Result<(), Failure> {
    let registered = Arc::new(Registered::default());
    let channels = firestore::connect(server.address, VISITORS).await?;
    let begin = Instant::now();
    let visitors = channels
        .into_iter()
        .map(|channel| tokio::spawn(register(channel, registered.clone(), ADDRESSES * RIVALS, RIVALS)));
    let visitors: Vec<_> = visitors.collect();
    for visitor in visitors {
        visitor.await.map_err(Failure::doing("register addresses"))??;
    }
    let took = begin.elapsed();
    let [got, taken, aborted] =
        [&registered.got, &registered.taken, &registered.aborted].map(|count| count.load(Ordering::Relaxed));
    let addresses = report::number(ADDRESSES as f64);
    section.judged(
        format!("{addresses} addresses, each wanted by {RIVALS} of {VISITORS} visitors"),
        format!("{} registered, {} found taken", report::number(got as f64), report::number(taken as f64)),
        "each once",
        got == ADDRESSES && got + taken == ADDRESSES * RIVALS,
    );
    section.line("registrations and refusals", report::rate(per_second(got + taken, took)));
    section.line(
        "transactions, those that lost among them",
        report::rate(per_second(got + taken + aborted, took)),
    );
    section.line("attempts that lost and were repeated", report::number(aborted as f64));
    Ok(())
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
