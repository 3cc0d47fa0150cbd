//! `irori sync`: the command line of the room `sync`.

mod arguments;
mod metrics;
mod report;
mod way;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sync::{
    Bounds, Cache, Client, Collection, Differences, Failure, Follower, Kind, Meters, Observer, Poll,
    Settings, Source, Stop, Strategy, Taker, Time, Verification,
};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use self::arguments::SyncArguments;
use self::arguments::{
    FollowArguments, OutputArguments, SourceArguments, StrategyName, SyncCommand, VerifyArguments,
};
use self::report::Report;
use self::way::Way;

/// What `--once` tries in a row before it gives up.
const ATTEMPTS_ONCE: u32 = 8;
/// Verifying asks once; there is nobody to wait for.
const DIFFERENT: u8 = 10;
/// One thread takes from the network while another writes.
const THREADS: usize = 2;

/// Follows, or verifies. Prints failures itself, because each kind has its exit code.
pub(crate) fn run(arguments: &SyncArguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("irori: could not start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match &arguments.command {
            Some(SyncCommand::Verify(arguments)) => verify(arguments).await,
            None => follow(arguments).await.map(|()| ExitCode::SUCCESS),
        }
    });
    // A command of --exec that hangs must not hold up the end.
    runtime.shutdown_background();
    done.unwrap_or_else(|failure| {
        eprintln!("irori: {failure}");
        ExitCode::from(failure.kind.exit_code())
    })
}

async fn follow(arguments: &SyncArguments) -> Result<(), Failure> {
    let way = Way::find(&arguments.server)?;
    let source = source(&arguments.source, &way)?;
    let settings = settings(&arguments.follow);
    let bounds = Bounds { rows: arguments.cache.max_rows, bytes: arguments.cache.max_bytes };
    let into = arguments.cache.into.as_deref().expect("clap requires it unless there is a subcommand");
    let meters = Arc::new(Meters::default());
    let client =
        Client::new(&way.address, source.clone(), Arc::clone(&way.credentials), Arc::clone(&meters))?;
    let cache = Cache::open(into, &source, bounds)?;
    let stop = stop_on_signals()?;
    let report = Report::begin(&source, Arc::clone(&meters));
    if let Some(address) = arguments.output.metrics {
        metrics::serve(address, Arc::clone(&meters)).await?;
    }
    let taker = taker(&arguments.output)?;
    let done = Follower::new(client, cache, taker, settings, report.observer(), stop)?.run().await;
    report.end(done.is_ok());
    done
}

async fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let way = Way::find(&arguments.server)?;
    let looked_into = Cache::open_to_read(&arguments.into)?;
    let source = looked_into.source().clone();
    let cache = match arguments.repair {
        true => Cache::open(&arguments.into, &source, Bounds::default())?,
        false => looked_into,
    };
    let client = Client::new(&way.address, source, way.credentials, Arc::default())?;
    let verification = Verification { repair: arguments.repair, only_numbers: arguments.only_numbers };
    let observer = Observer::new(report::tell_differences);
    let found = sync::verify(&client, cache, verification, &observer, &stop_on_signals()?).await?;
    report::tell_verdict(&found);
    Ok(verdict(&found, arguments.repair))
}

/// A cache that was repaired is as it should be.
fn verdict(found: &Differences, repair: bool) -> ExitCode {
    if found.none() || repair { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) }
}

fn source(arguments: &SourceArguments, way: &Way) -> Result<Source, Failure> {
    let project = arguments.project.clone().or_else(|| way.credentials.project().map(str::to_owned));
    let project = project.ok_or_else(|| Failure::new(Kind::Query, "name the project with --project"))?;
    let collection = match (&arguments.collection, &arguments.collection_group) {
        (_, Some(id)) => Collection::Group(id.clone()),
        (Some(path), None) => Collection::One(path.clone()),
        (None, None) => unreachable!("clap requires one of them"),
    };
    let (database, conditions) = (arguments.database.clone(), arguments.conditions.clone());
    Ok(Source { project, database, collection, conditions })
}

fn settings(arguments: &FollowArguments) -> Settings {
    let strategy = match arguments.strategy {
        StrategyName::Listen => Strategy::Listen,
        StrategyName::Poll => Strategy::Poll(Poll {
            field: arguments.field.clone(),
            since: arguments.since.unwrap_or(Time::MIN),
            margin: arguments.margin,
            interval: arguments.interval,
            some_lack_field: arguments.some_lack_field,
        }),
    };
    Settings {
        strategy,
        once: arguments.once,
        count_every: arguments.count_every,
        scan_every: arguments.scan_every,
        scan_pace: Some(arguments.scan_pace.get()),
        attempts: arguments.attempts.map(|number| number.get()).or(arguments.once.then_some(ATTEMPTS_ONCE)),
    }
}

fn taker(arguments: &OutputArguments) -> Result<Option<Taker>, Failure> {
    if let Some(command) = &arguments.exec {
        return Ok(Some(Taker::Command(command.clone())));
    }
    let Some(path) = &arguments.jsonl else { return Ok(None) };
    if path == Path::new("-") {
        return Ok(Some(Taker::Lines(Box::new(std::io::stdout()))));
    }
    let file = open_lines(path);
    let file = file
        .map_err(|error| Failure::new(Kind::Taker, format!("could not open {}: {error}", path.display())))?;
    Ok(Some(Taker::Lines(Box::new(file))))
}

/// A crash may have left half a line; what comes next begins a new one.
fn open_lines(path: &Path) -> std::io::Result<File> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// The first SIGTERM or SIGINT lets the batch end; the second does not wait.
fn stop_on_signals() -> Result<Stop, Failure> {
    let (stopper, stop) = sync::stop();
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(Kind::Local, format!("no signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        for times in 1.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopper.stop();
            if times > 1 {
                std::process::exit(i32::from(Kind::Stopped.exit_code()));
            }
        }
    });
    Ok(stop)
}
