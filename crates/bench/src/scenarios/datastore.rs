//! Entities beside documents in the same run, and the race for addresses that must be unique.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host::Random;

use crate::contenders::bulk::{self, Content, Load};
use crate::contenders::entities::{self, INDEX_YAML, LookupReader, NewestReader, PutClient, Registered};
use crate::contenders::firestore::{self, CommitClient};
use crate::contenders::readers::{PointReader, QueryReader};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::Rounds;
use crate::load::drive;
use crate::report::{self, Section};
use crate::setting::Setting;

/// Documents of the collection, and greetings of the book.
const LOADED: u64 = 10_000;
/// Addresses to be registered, by how many each, and how many at once.
const ADDRESSES: u64 = 10_000;
const RIVALS: u64 = 4;
const VISITORS: usize = 64;
/// What entities are to reach of the rates of documents.
const SHARE: f64 = 0.9;

#[derive(Default)]
struct Found {
    commits: Rounds,
    puts: Rounds,
    gets: Rounds,
    lookups: Rounds,
    queries: Rounds,
    newest: Rounds,
}

/// The same work by both interfaces of one server, each on a database of its own.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let data = setting.directory()?;
    let index_yaml = setting.directory()?;
    let file = index_yaml.path().join("index.yaml");
    std::fs::write(&file, INDEX_YAML).map_err(Failure::doing("write index.yaml"))?;
    let arguments = ["--index-yaml".to_owned(), file.display().to_string()];
    let server = IroriServer::start_with(&setting.server, data.path(), &arguments)?;
    let found = compare(setting, &server).await?;
    let mut section = section(&found, setting.clients);
    race(&server, &mut section).await?;
    Ok(section)
}

async fn compare(setting: &Setting, server: &IroriServer) -> Result<Found, Failure> {
    let load = Load { collection: "loaded", documents: LOADED, content: Content::Samples };
    bulk::load(server.address, &load).await?;
    let channels = firestore::connect(server.address, setting.clients).await?;
    entities::load_greetings(channels[0].clone(), LOADED).await?;
    let readers = || (0..).map(Random::from_seed).zip(channels.iter().cloned());
    let mut gets: Vec<_> = readers().map(|(random, one)| PointReader::new(one, &load, random)).collect();
    let mut queries: Vec<_> = readers().map(|(random, one)| QueryReader::new(one, &load, random)).collect();
    let mut lookups: Vec<_> = readers().map(|(random, one)| LookupReader::new(one, LOADED, random)).collect();
    let mut newest: Vec<_> = readers().map(|(_, one)| NewestReader::new(one)).collect();
    let mut commits = CommitClient::several(server.address, setting.clients).await?;
    let mut puts = PutClient::several(server.address, setting.clients).await?;
    let mut found = Found::default();
    for _ in 0..setting.rounds {
        let round;
        (commits, round) = drive(commits, setting.time, server.processor()).await?;
        found.commits.push(round);
        let round;
        (puts, round) = drive(puts, setting.time, server.processor()).await?;
        found.puts.push(round);
        let round;
        (gets, round) = drive(gets, setting.time, server.processor()).await?;
        found.gets.push(round);
        let round;
        (lookups, round) = drive(lookups, setting.time, server.processor()).await?;
        found.lookups.push(round);
        let round;
        (queries, round) = drive(queries, setting.time, server.processor()).await?;
        found.queries.push(round);
        let round;
        (newest, round) = drive(newest, setting.time, server.processor()).await?;
        found.newest.push(round);
    }
    Ok(found)
}

fn section(found: &Found, clients: usize) -> Section {
    let mut section = Section::new("datastore", "Entities beside documents");
    section.unit = "operations per second, more is better";
    let pairs = [
        ("document commits", &found.commits, "entity puts", &found.puts),
        ("document gets", &found.gets, "entity lookups", &found.lookups),
        ("10 documents by an index", &found.queries, "10 newest below an ancestor", &found.newest),
    ];
    for (documents, of_documents, entities, of_entities) in pairs {
        for (what, rounds, ours) in [(documents, of_documents, false), (entities, of_entities, true)] {
            section.line(what, report::rounds(rounds));
            section.bar(what, rounds.per_second(), ours);
        }
        let ratio = of_entities.ratio_to(of_documents);
        section.judged(format!("{entities} / {documents}"), report::number(ratio), "≥ 0.9", ratio >= SHARE);
    }
    section.remark(format!(
        "{clients} clients, each with a connection of its own; {LOADED} documents in a collection, as many entities below one \
         ancestor, with the declared index that the guestbook of App Engine has."
    ));
    section
}

/// Each address is wanted by several at once, who look whether it is there and put it, in one transaction.
async fn race(server: &IroriServer, section: &mut Section) -> Result<(), Failure> {
    let registered = Arc::new(Registered::default());
    let channels = firestore::connect(server.address, VISITORS).await?;
    let begin = Instant::now();
    let visitors = channels.into_iter().map(|channel| {
        tokio::spawn(entities::register(channel, registered.clone(), ADDRESSES * RIVALS, RIVALS))
    });
    let visitors: Vec<_> = visitors.collect();
    for visitor in visitors {
        visitor.await.map_err(Failure::doing("register addresses"))??;
    }
    let took = begin.elapsed();
    let [got, taken, aborted] =
        [&registered.got, &registered.taken, &registered.aborted].map(|count| count.load(Ordering::Relaxed));
    section.judged(
        format!(
            "{} addresses, each wanted by {RIVALS} of {VISITORS} visitors",
            report::number(ADDRESSES as f64)
        ),
        format!("{got} registered, {taken} found taken"),
        "each once",
        got == ADDRESSES && got + taken == ADDRESSES * RIVALS,
    );
    section.line("registrations and refusals", report::rate(per_second(got + taken, took)));
    section.line("attempts that lost and were repeated", report::number(aborted as f64));
    Ok(())
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
