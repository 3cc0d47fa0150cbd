//! Durable single-document commits by 64 clients: Irori over gRPC, and where its time goes.

use crate::children::Processor;
use crate::contenders::empty_call::{EmptyClient, EmptyServer};
use crate::contenders::firestore::{self, CommitClient};
use crate::contenders::in_process::{self, InProcessClient};
use crate::contenders::postgres::Postgres;
use crate::contenders::raw_engine;
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::Rounds;
use crate::load::{drive, drive_threads};
use crate::report::{self, Section};
use crate::sample::SAMPLE_BYTES;
use crate::setting::Setting;

/// The rounds of every contender.
#[derive(Default)]
struct Found {
    raw: Rounds,
    in_process: Rounds,
    irori: Rounds,
    empty: Rounds,
    postgres: Option<Rounds>,
}

/// Runs the contenders one after the other, several times over, on one disk.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let clients = setting.clients;
    let (raw_data, our_data, server_data) =
        (setting.directory()?, setting.directory()?, setting.directory()?);
    let mut raw = raw_engine::clients(raw_data.path(), clients)?;
    let store = in_process::open(our_data.path(), host::Host::real())?;
    let database = store.database(&in_process::database_name())?;
    let mut tasks = InProcessClient::several(&database, clients);
    let server = IroriServer::start(&setting.server, server_data.path())?;
    let mut committers = CommitClient::several(server.address, clients).await?;
    let empty_server = EmptyServer::start()?;
    let channels = firestore::connect(empty_server.address, clients).await?;
    let mut callers: Vec<_> = channels.into_iter().map(EmptyClient::new).collect();
    let postgres = setting.postgres()?;
    let mut found = Found { postgres: postgres.as_ref().map(|_| Rounds::default()), ..Found::default() };
    for _ in 0..setting.rounds {
        let round;
        (raw, round) = drive_threads(raw, setting.time)?;
        found.raw.push(round);
        let round;
        (tasks, round) = drive(tasks, setting.time, Processor::ThisProcess).await?;
        found.in_process.push(round);
        let round;
        (committers, round) = drive(committers, setting.time, server.processor()).await?;
        found.irori.push(round);
        let round;
        (callers, round) = drive(callers, setting.time, empty_server.processor()).await?;
        found.empty.push(round);
        if let (Some(postgres), Some(rounds)) = (&postgres, &mut found.postgres) {
            rounds.push(postgres.insert(clients, setting.time)?);
        }
    }
    store.shutdown();
    Ok(section(&found, postgres.as_ref(), clients))
}

fn section(found: &Found, postgres: Option<&Postgres>, clients: usize) -> Section {
    let mut section = Section::new("commits", "Durable single-document commits");
    section.unit = "commits per second, more is better";
    section.line("Irori over gRPC", report::rounds(&found.irori));
    section.bar("Irori over gRPC", found.irori.per_second(), true);
    section.line("raw engine, same rows, no server", report::rounds(&found.raw));
    section.bar("raw engine, same rows, no server", found.raw.per_second(), false);
    section.line("`database` in process, no gRPC", report::rounds(&found.in_process));
    section.bar("Irori's database without gRPC", found.in_process.per_second(), true);
    section.line("empty tonic call (nothing stored)", report::rounds(&found.empty));
    section.bar("empty tonic call (nothing stored)", found.empty.per_second(), false);
    let to_raw = found.irori.ratio_to(&found.raw);
    section.judged("Irori / raw engine", report::number(to_raw), "≥ 0.5", to_raw >= 0.5);
    if let (Some(rounds), Some(postgres)) = (&found.postgres, postgres) {
        section.line(postgres.version.clone(), report::rounds(rounds));
        section.bar(postgres.version.clone(), rounds.per_second(), false);
        let ratio = found.irori.ratio_to(rounds);
        section.judged("Irori / PostgreSQL", report::number(ratio), "≥ 3", ratio >= 3.0);
    }
    section.remark(format!(
        "{clients} clients, each with a connection of its own; new documents of {SAMPLE_BYTES} bytes with three indexed \
         fields of random values. They write their frames by hand, to leave the processors to the server, as pgbench does; the \
         empty call is made with tonic's client. The raw engine gets, from {clients} threads, the rows that such a commit writes: {}.",
        raw_engine::describe_rows()
    ));
    section
}
