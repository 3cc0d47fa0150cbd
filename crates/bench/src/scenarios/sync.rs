//! A collection followed into a local cache: the first copy, then changes.

use std::path::Path;
use std::process::Command;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::value::ValueType;
use prost_types::Timestamp;

use crate::contenders::bulk::{self, Content, Load};
use crate::contenders::firestore::{self, Firestore};
use crate::contenders::server::IroriServer;
use crate::contenders::synchroniser::{self, Run};
use crate::failure::Failure;
use crate::figures::median;
use crate::report::{self, Section};
use crate::sample::value;
use crate::setting::Setting;

const EVENTS: &str = "events";
/// A tenth of the documents, to see what their number costs in memory.
const FEW: &str = "few";
const EXAMPLE: &str = include_str!("../../../../examples/incremental_sync.py");
const PYTHON_PROGRAM: &str = include_str!("../../python/first_copy.py");
/// The loop's rate does not depend on how many there are, and all of them would take it minutes.
const PYTHON_DOCUMENTS: u64 = 20_000;
const CHANGES: u64 = 1_000;
/// A first copy is long enough to be measured few times.
const MOST_ROUNDS: usize = 3;
/// Memory does not grow with the collection, but for SQLite's pages, up to 4 MiB.
const MEMORY_LIMIT: u64 = 48_000_000;
/// Headers, pings and boundaries, for each change.
const AROUND_A_CHANGE: f64 = 600.0;

/// The first copy by either strategy and by the loop, then what changes.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let data = setting.directory()?;
    let server = IroriServer::start(&setting.server, data.path())?;
    for (collection, documents) in [(EVENTS, setting.documents), (FEW, setting.documents / 10)] {
        bulk::load(server.address, &Load { collection, documents, content: Content::Events }).await?;
    }
    let place = setting.directory()?;
    let (mut listen, mut poll, mut python) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..setting.rounds.min(MOST_ROUNDS) {
        let cache = |strategy: &str| place.path().join(format!("{strategy}-{round}.db"));
        listen.push(copy(setting, &server, EVENTS, &cache("listen"), &[])?);
        poll.push(copy(setting, &server, EVENTS, &cache("poll"), &["--strategy", "poll"])?);
        python.push(python_rate(setting, &server, place.path())?);
    }
    let few = copy(setting, &server, FEW, &place.path().join("few.db"), &[])?;
    let cache = place.path().join("listen-0.db");
    let nothing = synchroniser::once(&setting.server, server.address, EVENTS, &cache, &[])?;
    change(&server).await?;
    let changes = synchroniser::once(&setting.server, server.address, EVENTS, &cache, &[])?;
    synchroniser::verify(&setting.server, server.address, &cache)?;

    let mut section = Section::new("sync", "Following a collection");
    section.unit = "documents of a first copy per second, more is better";
    let rate =
        |runs: &[Run]| median(runs.iter().map(|run| setting.documents as f64 / run.time.as_secs_f64()));
    let loops = median(python.into_iter());
    for (what, rate) in [("`irori sync`, listen", rate(&listen)), ("`irori sync`, poll", rate(&poll))] {
        let what = format!("first copy of {} documents, {what}", report::number(setting.documents as f64));
        section.bar(what.clone(), rate, true);
        section.judged(what, report::rate(rate), "≥ 5 × the loop", rate >= 5.0 * loops);
    }
    let what = "the loop of examples/incremental_sync.py, into memory";
    section.bar(what, loops, false);
    section.line(what, report::rate(loops));
    traffic(&mut section, &listen, &nothing, &changes);
    memory(&mut section, &listen, &few);
    section.remark(
        "The copies are processes of their own that begin with nothing and end with all documents in an SQLite file. \
         Server, follower and loop share the processors.",
    );
    Ok(section)
}

fn copy(
    setting: &Setting,
    server: &IroriServer,
    collection: &str,
    cache: &Path,
    more: &[&str],
) -> Result<Run, Failure> {
    let run = synchroniser::once(&setting.server, server.address, collection, cache, more)?;
    synchroniser::verify(&setting.server, server.address, cache)?;
    Ok(run)
}

/// What travels.
fn traffic(section: &mut Section, copies: &[Run], nothing: &Run, changes: &Run) {
    let copy = median(copies.iter().map(|run| run.bytes_received as f64));
    section.line("bytes received for that copy", report::megabytes(copy as u64));
    section.line("bytes received for no change", report::number(nothing.bytes_received as f64));
    let each = changes.bytes_received as f64 / CHANGES as f64;
    section.judged(
        format!("bytes received for {} changes, each", report::number(CHANGES as f64)),
        report::number(each),
        format!("< {} + a document", report::number(AROUND_A_CHANGE)),
        each < 2.0 * AROUND_A_CHANGE,
    );
    let read = changes.documents_read;
    section.judged("documents received for them", report::number(read as f64), "as many", read == CHANGES);
}

fn memory(section: &mut Section, copies: &[Run], few: &Run) {
    let many = median(copies.iter().map(|run| run.memory as f64)) as u64;
    section.line("peak memory of a copy of a tenth of them", report::megabytes(few.memory));
    let limit = format!("≤ {}, however many", report::megabytes(MEMORY_LIMIT));
    section.judged("peak memory of the copy", report::megabytes(many), limit, many <= MEMORY_LIMIT);
}

/// Changes so many of the documents, one field of each.
async fn change(server: &IroriServer) -> Result<(), Failure> {
    let channel = firestore::connect(server.address, 1).await?.remove(0);
    let mut client = Firestore::new(channel);
    let numbers: Vec<u64> = (0..CHANGES).collect();
    for part in numbers.chunks(bulk::BATCH as usize) {
        let writes = part.iter().map(|number| {
            let at = Timestamp { seconds: 2_000_000_000, nanos: 0 };
            let fields = [("created_at".to_owned(), value(ValueType::TimestampValue(at)))].into();
            firestore::set(firestore::name(EVENTS, &bulk::id(*number)), fields)
        });
        firestore::commit(&mut client, writes.collect()).await?;
    }
    Ok(())
}

/// How many documents in a second the article's loop takes into memory.
fn python_rate(setting: &Setting, server: &IroriServer, place: &Path) -> Result<f64, Failure> {
    for (file, text) in [("incremental_sync.py", EXAMPLE), ("first_copy.py", PYTHON_PROGRAM)] {
        std::fs::write(place.join(file), text).map_err(Failure::doing(format!("write {file}")))?;
    }
    let output = Command::new(&setting.python)
        .arg(place.join("first_copy.py"))
        .arg(PYTHON_DOCUMENTS.min(setting.documents).to_string())
        .env("FIRESTORE_EMULATOR_HOST", server.address.to_string())
        .output()
        .map_err(Failure::doing(format!("start {}", setting.python.display())))?;
    if !output.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(Failure::doing("read the rate that Python measured"))
}
