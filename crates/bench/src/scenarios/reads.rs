//! A million documents: loading them, reading them one by one, querying and counting them.

use std::time::{Duration, Instant};

use host::Random;

use crate::contenders::bulk::{self, BATCH, Content, LOADERS, Load};
use crate::contenders::empty_call::{EmptyClient, EmptyServer};
use crate::contenders::firestore::{self, Firestore};
use crate::contenders::readers::{self, PointReader, QueryReader};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::Rounds;
use crate::load::drive;
use crate::report::{self, Section};
use crate::setting::Setting;

const SMALL: u64 = 1_000;
/// Of ten documents one is counted.
const COUNTED_SHARE: u64 = 10;
/// What a server may take during a load.
const MEMORY_LIMIT: u64 = 512_000_000;

#[derive(Default)]
struct Found {
    empty: Rounds,
    points: Rounds,
    small_queries: Rounds,
    large_queries: Rounds,
}

/// The load, then all reads on what it left.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let mut section = Section::new("reads", "A large collection: load, reads, queries, count");
    section.unit = "calls per second, more is better";
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    let large = Load { collection: "large", documents: setting.documents, content: Content::Samples };
    let small = Load { collection: "small", documents: SMALL, content: Content::Samples };
    bulk::load(server.address, &small).await?;
    let took = bulk::load(server.address, &large).await?;
    load_lines(&mut section, &server, &large, took)?;
    let found = reads(setting, &server, &small, &large).await?;
    read_lines(&mut section, &found, &large);
    count_lines(&mut section, setting, &server, &large).await?;
    let peak = server.memory()?.peak;
    section.line("peak memory of the server after all of it", report::megabytes(peak));
    section.remark(format!(
        "{} clients for the reads, each with a connection of its own; random documents; a query asks for the ten \
         documents from a random score on, in the order of scores. The load is in commits of {BATCH} from {LOADERS} \
         connections.",
        setting.clients
    ));
    Ok(section)
}

fn load_lines(
    section: &mut Section,
    server: &IroriServer,
    large: &Load,
    took: Duration,
) -> Result<(), Failure> {
    let documents = report::number(large.documents as f64);
    let rate = large.documents as f64 / took.as_secs_f64();
    section.line(
        format!("load of {documents} documents"),
        format!("{} in {}", report::rate(rate), report::time(took)),
    );
    let peak = server.memory()?.peak;
    let what = "peak memory of the server during the load";
    section.judged(what, report::megabytes(peak), "< 512 MB", peak < MEMORY_LIMIT);
    Ok(())
}

async fn reads(
    setting: &Setting,
    server: &IroriServer,
    small: &Load,
    large: &Load,
) -> Result<Found, Failure> {
    let empty_server = EmptyServer::start()?;
    let channels = firestore::connect(empty_server.address, setting.clients).await?;
    let mut callers: Vec<_> = channels.into_iter().map(EmptyClient::new).collect();
    let channels = firestore::connect(server.address, setting.clients).await?;
    let channels = || (0..).map(Random::from_seed).zip(channels.iter().cloned());
    let mut points: Vec<_> =
        channels().map(|(random, channel)| PointReader::new(channel, large, random)).collect();
    let mut of_small: Vec<_> =
        channels().map(|(random, channel)| QueryReader::new(channel, small, random)).collect();
    let mut of_large: Vec<_> =
        channels().map(|(random, channel)| QueryReader::new(channel, large, random)).collect();
    let mut found = Found::default();
    for _ in 0..setting.rounds {
        let round;
        (callers, round) = drive(callers, setting.time, empty_server.processor()).await?;
        found.empty.push(round);
        let round;
        (points, round) = drive(points, setting.time, server.processor()).await?;
        found.points.push(round);
        let round;
        (of_small, round) = drive(of_small, setting.time, server.processor()).await?;
        found.small_queries.push(round);
        let round;
        (of_large, round) = drive(of_large, setting.time, server.processor()).await?;
        found.large_queries.push(round);
    }
    Ok(found)
}

fn read_lines(section: &mut Section, found: &Found, large: &Load) {
    section.line("empty tonic call", report::rounds(&found.empty));
    section.bar("empty tonic call", found.empty.per_second(), false);
    section.line("point reads", report::rounds(&found.points));
    section.bar("point reads", found.points.per_second(), true);
    let share = found.points.ratio_to(&found.empty);
    section.judged("point reads / empty tonic calls", report::number(share), "≥ 0.7", share >= 0.7);
    let sizes = [(SMALL, &found.small_queries), (large.documents, &found.large_queries)];
    for (documents, rounds) in sizes {
        let what = format!("10-result query on {} documents", report::number(documents as f64));
        section.line(what.clone(), report::rounds(rounds));
        section.bar(what, rounds.per_second(), true);
    }
    let times = found.small_queries.ratio_to(&found.large_queries);
    section.judged("time of the query, large / small", report::number(times), "≤ 1.5", times <= 1.5);
}

async fn count_lines(
    section: &mut Section,
    setting: &Setting,
    server: &IroriServer,
    large: &Load,
) -> Result<(), Failure> {
    let channel = firestore::connect(server.address, 1).await?.remove(0);
    let mut client = Firestore::new(channel);
    let matches = setting.documents / COUNTED_SHARE;
    let begin = Instant::now();
    let counted = readers::count(&mut client, large, matches).await?;
    let took = begin.elapsed();
    if counted.count != i64::try_from(matches).unwrap_or(i64::MAX) {
        return Err(Failure::new(format!("counted {} of {matches} matches", counted.count)));
    }
    section.judged(
        format!("count of {} matches", report::number(matches as f64)),
        format!(
            "{}; {} index entries, {} documents read",
            report::time(took),
            counted.index_entries,
            counted.documents
        ),
        "keys only",
        counted.documents == "0",
    );
    Ok(())
}
