//! One hot document: everybody changes it at once, and nothing may be lost.

use std::process::Command;
use std::time::Duration;

use crate::contenders::firestore::{self, Firestore};
use crate::contenders::hot_document::{self, IncrementClient, TransactionClient};
use crate::contenders::server::IroriServer;
use crate::failure::Failure;
use crate::figures::{Rounds, median};
use crate::load::drive;
use crate::report::{self, Section};
use crate::setting::Setting;

/// The official Python client: threads that increment in transactions, each connected before the time begins.
const PYTHON_PROGRAM: &str = include_str!("../../python/increments.py");
const PYTHON_THREADS: u32 = 8;

/// What the Rust clients found.
struct Found {
    increments: Rounds,
    transactions: Rounds,
    /// Attempts that ended ABORTED, for each transaction that was committed.
    retries: f64,
    clients: usize,
}

/// Increments, transactions, and the official Python client.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    let found = rust_clients(setting, &server).await?;
    let mut section = Section::new("hot", "One hot document");
    section.unit = "changes of one document per second, more is better";
    let rate = found.increments.per_second();
    section.judged("increments, 64 clients", report::rounds(&found.increments), "≥ 5,000/s", rate >= 5_000.0);
    section.bar("increments", rate, true);
    let rate = found.transactions.per_second();
    let rounds = report::rounds(&found.transactions);
    section.judged("read-modify-write transactions, 64 clients", rounds, "≥ 1,000/s", rate >= 1_000.0);
    section.bar("transactions", rate, true);
    section.line("attempts that ended ABORTED, for each commit", report::number(found.retries));
    for (each, limit) in [(1, Some(0.5)), (25, None)] {
        let times = python(setting, &server, each)?;
        let what = format!("{PYTHON_THREADS} Python threads, {each} transactional increment(s) each");
        let time = report::time(Duration::from_secs_f64(times));
        match limit {
            Some(limit) => section.judged(what, time, format!("< {limit} s"), times < limit),
            None => section.line(what, time),
        }
    }
    section.remark(format!(
        "{} clients, each with a connection of its own. Every counter stood at the end at exactly the number of \
         increments that were acknowledged; a lost one would have failed the run. A transaction reads with \
         BatchGetDocuments and `new_transaction`, commits, and after ABORTED tries again with `retry_transaction`.",
        found.clients
    ));
    Ok(section)
}

async fn rust_clients(setting: &Setting, server: &IroriServer) -> Result<Found, Failure> {
    let channels = firestore::connect(server.address, setting.clients).await?;
    let mut observer = Firestore::new(channels[0].clone());
    let (counted, read) = (hot_document::counter("increments"), hot_document::counter("transactions"));
    hot_document::reset(&mut observer, &counted).await?;
    hot_document::reset(&mut observer, &read).await?;
    let client = |channel| IncrementClient::new(channel, &counted);
    let mut increments: Vec<_> = channels.iter().cloned().map(client).collect();
    let client = |channel| TransactionClient::new(channel, &read);
    let mut transactions: Vec<_> = channels.iter().cloned().map(client).collect();
    let mut found = Found {
        increments: Rounds::default(),
        transactions: Rounds::default(),
        retries: 0.0,
        clients: setting.clients,
    };
    for _ in 0..setting.rounds {
        let round;
        (increments, round) = drive(increments, setting.time, server.processor()).await?;
        found.increments.push(round);
        let round;
        (transactions, round) = drive(transactions, setting.time, server.processor()).await?;
        found.transactions.push(round);
    }
    let done = increments.iter().map(|client| client.done).sum();
    check("increments", hot_document::read(&mut observer, &counted).await?, done)?;
    let done = transactions.iter().map(|client| client.done).sum();
    check("transactions", hot_document::read(&mut observer, &read).await?, done)?;
    let aborted: i64 = transactions.iter().map(|client| client.aborted).sum();
    found.retries = aborted as f64 / done.max(1) as f64;
    Ok(found)
}

fn check(what: &str, stands: i64, acknowledged: i64) -> Result<(), Failure> {
    if stands == acknowledged {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what}: the counter stands at {stands} after {acknowledged} acknowledged increments"
    )))
}

/// The median time, in seconds, that the threads of the official client take together.
fn python(setting: &Setting, server: &IroriServer, each: u32) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for round in 0..setting.rounds {
        let mut command = Command::new(&setting.python);
        command
            .args(["-c", PYTHON_PROGRAM, &PYTHON_THREADS.to_string(), &each.to_string()])
            .arg(format!("python-{each}-{round}"))
            .env("FIRESTORE_EMULATOR_HOST", server.address.to_string());
        let output =
            command.output().map_err(Failure::doing(format!("start {}", setting.python.display())))?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        times.push(said.trim().parse().map_err(Failure::doing("read the time that Python measured"))?);
    }
    Ok(median(times.into_iter()))
}
