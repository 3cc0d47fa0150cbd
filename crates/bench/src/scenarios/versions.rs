//! Retired versions: what they cost those who read, before their space is given back and after.
//!
//! It runs in this process, on the `database` room over the local engine, because a server gives space back when
//! it thinks fit; here the clock is moved past the retention and [`database::Store::clean_up`] called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use database::{Database, Store, View};
use host::{Clock, Host, ManualClock, SystemClock};
use model::{CollectionPath, DocumentPath, Timestamp};
use tokio::task::JoinHandle;

use crate::contenders::aged;
use crate::contenders::in_process::{self, InProcessClient};
use crate::failure::Failure;
use crate::figures::median;
use crate::load::Client;
use crate::report::{self, Section};
use crate::setting::Setting;

/// Longer than the retention of history and the slack that the store adds.
const PAST_RETENTION: Duration = Duration::from_secs(3_600 + 600);
/// How many alternations of fresh and aged reads make one figure.
const ALTERNATIONS: usize = 9;
/// Slower than this many times a fresh one is too slow, after reclaiming.
const LIMIT: f64 = 2.0;

/// What is read.
struct Subjects {
    fresh: CollectionPath,
    versions: CollectionPath,
    queue: CollectionPath,
    one_fresh: DocumentPath,
    one_aged: DocumentPath,
}

/// How the times of aged data are judged.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    BeforeReclaim,
    AfterCleanUp,
    AfterCompaction,
}

/// Makes the past, and reads it at three moments.
pub async fn run(setting: &Setting) -> Result<Section, Failure> {
    let mut section = Section::new("versions", "Retired versions and a queue");
    let count = setting.versions;
    let data = setting.directory()?;
    let clock = Arc::new(ManualClock::at(SystemClock::new().now_micros()));
    let store = in_process::open(data.path(), Host::real().with_clock(clock.clone()))?;
    let database = store.database(&in_process::database_name())?;
    let subjects = Subjects::new();
    aged::make_fresh(&database, &subjects.fresh).await?;
    aged::make_fresh(&database, &subjects.versions).await?;
    // From here on every read time is one at which the counted document has its first version.
    let early = database.view().read_time();
    clock.advance(Duration::from_millis(1));
    let begin = Instant::now();
    aged::make_versions(&database, &subjects.one_aged, count).await?;
    section.line(
        format!("{} versions of one document, written in", report::number(count as f64)),
        report::time(begin.elapsed()),
    );
    let begin = Instant::now();
    aged::use_queue(&database, &subjects.queue, count).await?;
    section.line(
        format!("{} documents through a queue, in", report::number(count as f64)),
        report::time(begin.elapsed()),
    );
    tokio::task::block_in_place(|| {
        read_and_reclaim(&mut section, &store, &database, &clock, &subjects, early)
    })?;
    store.shutdown();
    section.remark(format!(
        "Through `database` in one process, one thread; a scan reads {} documents. “Fresh” is a collection that was \
         written once. Times are medians of alternating runs, so “× fresh” compares neighbours.",
        aged::SCANNED
    ));
    Ok(section)
}

fn read_and_reclaim(
    section: &mut Section,
    store: &Arc<Store>,
    database: &Arc<Database>,
    clock: &ManualClock,
    subjects: &Subjects,
    early: Timestamp,
) -> Result<(), Failure> {
    read_all(section, &database.view(), subjects, Moment::BeforeReclaim)?;
    let past = database.view_at(early)?;
    let time = per_operation(&mut || aged::get(&past, &subjects.one_aged))?;
    section.line("get of the document, as it was before its versions", report::time(time));
    drop(past);
    clock.advance(PAST_RETENTION);
    for moment in [Moment::AfterCleanUp, Moment::AfterCompaction] {
        reclaim(section, store, database, moment)?;
        read_all(section, &database.view(), subjects, moment)?;
    }
    Ok(())
}

fn reclaim(
    section: &mut Section,
    store: &Arc<Store>,
    database: &Arc<Database>,
    moment: Moment,
) -> Result<(), Failure> {
    let disk = || report::megabytes(store.engine().stats().disk_bytes);
    let before = disk();
    let writer = Writer::start(database);
    let begin = Instant::now();
    match moment {
        Moment::BeforeReclaim | Moment::AfterCleanUp => store.clean_up(),
        Moment::AfterCompaction => store.compact()?,
    }
    let (took, slowest) = (report::time(begin.elapsed()), report::time(writer.stop()?));
    let after = disk();
    let found = format!("{took}, from {before} on disk to {after}; slowest commit meanwhile {slowest}");
    section.line(moment.reclaiming(), found);
    Ok(())
}

/// Somebody who goes on writing while space is given back.
struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Duration, Failure>>,
}

impl Writer {
    fn start(database: &Arc<Database>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (database, stopped) = (database.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut client = InProcessClient::several(&database, 1).remove(0);
            let mut slowest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let begin = Instant::now();
                client.operate().await?;
                slowest = slowest.max(begin.elapsed());
            }
            Ok(slowest)
        });
        Writer { stop, task }
    }

    /// The longest that one of its commits took.
    fn stop(self) -> Result<Duration, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        tokio::runtime::Handle::current().block_on(self.task).map_err(Failure::doing("write meanwhile"))?
    }
}

fn read_all(section: &mut Section, view: &View, subjects: &Subjects, moment: Moment) -> Result<(), Failure> {
    let found = compare(|| aged::get(view, &subjects.one_fresh), || aged::get(view, &subjects.one_aged))?;
    moment.judge(section, "get of the document with versions", found);
    for (name, collection) in
        [("the document with versions", &subjects.versions), ("the queue", &subjects.queue)]
    {
        let fresh = || whole(aged::scan_names(view, &subjects.fresh)?);
        let found = compare(fresh, || whole(aged::scan_names(view, collection)?))?;
        moment.judge(section, &format!("scan by name with {name}"), found);
        let fresh = || whole(aged::scan_scores(view, &subjects.fresh)?);
        let found = compare(fresh, || whole(aged::scan_scores(view, collection)?))?;
        moment.judge(section, &format!("scan by index with {name}"), found);
    }
    Ok(())
}

fn whole(found: usize) -> Result<(), Failure> {
    if found == aged::SCANNED { Ok(()) } else { Err(Failure::new(format!("a scan found {found} documents"))) }
}

/// The times of a fresh and an aged operation, and how many times longer the aged one takes.
struct Compared {
    fresh: Duration,
    aged: Duration,
    times: f64,
}

fn compare(
    mut fresh: impl FnMut() -> Result<(), Failure>,
    mut aged: impl FnMut() -> Result<(), Failure>,
) -> Result<Compared, Failure> {
    let mut pairs = Vec::with_capacity(ALTERNATIONS);
    for _ in 0..ALTERNATIONS {
        pairs.push((per_operation(&mut fresh)?.as_secs_f64(), per_operation(&mut aged)?.as_secs_f64()));
    }
    let middle = |of: fn(&(f64, f64)) -> f64| median(pairs.iter().map(of));
    Ok(Compared {
        fresh: Duration::from_secs_f64(middle(|pair| pair.0)),
        aged: Duration::from_secs_f64(middle(|pair| pair.1)),
        times: middle(|pair| pair.1 / pair.0),
    })
}

/// The mean time of one operation: repeated for some milliseconds, once at least.
fn per_operation(operation: &mut impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    const LONG_ENOUGH: Duration = Duration::from_millis(20);
    let begin = Instant::now();
    let mut done = 0;
    while begin.elapsed() < LONG_ENOUGH {
        operation()?;
        done += 1;
    }
    Ok(begin.elapsed() / done)
}

impl Subjects {
    fn new() -> Self {
        let versions = aged::collection("versions");
        let fresh = aged::collection("fresh");
        Subjects {
            one_fresh: aged::first_document(&fresh),
            one_aged: aged::first_document(&versions),
            queue: aged::collection("queue"),
            fresh,
            versions,
        }
    }
}

impl Moment {
    fn reclaiming(self) -> &'static str {
        match self {
            Moment::BeforeReclaim => "nothing reclaimed",
            Moment::AfterCleanUp => "clean-up (what the server does by itself)",
            Moment::AfterCompaction => "compaction of everything",
        }
    }

    fn judge(self, section: &mut Section, what: &str, found: Compared) {
        let text = format!(
            "{}, fresh {}: {} × fresh",
            report::time(found.aged),
            report::time(found.fresh),
            report::number(found.times)
        );
        match self {
            Moment::BeforeReclaim => section.line(format!("{what}, before reclaiming"), text),
            Moment::AfterCleanUp => {
                section.judged(
                    format!("{what}, after the clean-up"),
                    text,
                    "≤ 2 × fresh",
                    found.times <= LIMIT,
                );
            }
            Moment::AfterCompaction => section.line(format!("{what}, after the compaction"), text),
        }
    }
}
