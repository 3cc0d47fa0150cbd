//! `irori-bench`: the load generator and the benchmarks. `cargo xtask bench` builds the server and runs it.
//!
//! Reading order: [`load`] (how clients are driven), [`figures`] (what a round is worth), [`contenders`] (who is
//! compared), [`scenarios`] (what is measured), [`report`] (what comes out).

mod chart;
mod children;
mod contenders;
mod document;
mod failure;
mod figures;
mod load;
mod machine;
mod report;
mod sample;
mod scenarios;
mod setting;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::scenarios::Scenario;
use crate::setting::{PostgresChoice, Setting};

// The allocator of the server, so that what runs in this process is measured with it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmarks of Irori: ratios within one run, beside what else could be done on the same machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run scenarios and print a table of each.
    Run(RunOptions),
    /// Serve empty calls (started by the benchmarks themselves).
    #[command(hide = true)]
    ServeEmptyCalls,
}

#[derive(Args)]
struct RunOptions {
    /// The scenarios to run; all when none is named.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Small sizes and short rounds: about a minute for all, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// How long a contender is measured in one round.
    #[arg(long)]
    seconds: Option<u64>,
    /// How often each contender has its turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// The server to measure.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// A Python that has the official client of Firestore.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Where data directories are made: on the disk to be measured.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    place: PathBuf,
    /// The directory of PostgreSQL's programs, when it is not where Debian puts them.
    #[arg(long, value_name = "DIR", conflicts_with = "without_postgres")]
    postgres: Option<PathBuf>,
    /// Put the tables and charts into the BENCHMARKS.md of this directory.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Leave the comparison with PostgreSQL out.
    #[arg(long)]
    without_postgres: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let done = match arguments.task {
        Task::Run(options) => runtime.block_on(run(options)),
        Task::ServeEmptyCalls => runtime.block_on(contenders::empty_call::serve()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: RunOptions) -> Result<(), Failure> {
    let scenarios = match options.scenarios.is_empty() {
        true => Scenario::value_variants().to_vec(),
        false => options.scenarios.clone(),
    };
    let record = options.record.clone();
    let when = machine::describe(options.quick)?;
    let setting = setting(options);
    for scenario in scenarios {
        let section = scenarios::run(scenario, &setting).await?;
        println!("\n## {}\n\n{}", section.title, section.markdown());
        if let Some(documents) = &record {
            document::record(documents, &section, &when)?;
        }
    }
    Ok(())
}

fn setting(options: RunOptions) -> Setting {
    let quick = options.quick;
    Setting {
        clients: 64,
        time: Duration::from_secs(options.seconds.unwrap_or(if quick { 1 } else { 3 })),
        rounds: options.rounds.unwrap_or(if quick { 2 } else { 5 }),
        documents: if quick { 50_000 } else { 1_000_000 },
        versions: if quick { 50_000 } else { 1_000_000 },
        large_directory: if quick { 200_000_000 } else { 5_000_000_000 },
        listeners: if quick { 1_000 } else { 10_000 },
        place: options.place,
        server: options.server,
        python: options.python,
        postgres: match (options.without_postgres, options.postgres) {
            (true, _) => PostgresChoice::Without,
            (false, None) => PostgresChoice::Installed,
            (false, Some(programs)) => PostgresChoice::In(programs),
        },
    }
}
