//! Development tasks, run as `cargo xtask <task>`.

mod bench;
mod client_suites;
mod command;
mod compatibility;
mod failure;
mod known_tests;
mod node;
mod python;
mod server_process;
mod summary;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Development tasks of Irori.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the Rust tests, then real clients against a freshly built server.
    Test(test::Options),
    /// Check what the compiler does not: walls between the rooms, sizes, names that documents mention.
    Tidy,
    /// Rewrite the generated part of docs/COMPATIBILITY.md.
    Compatibility,
    /// Measure the server beside the raw engine, PostgreSQL and an empty call.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test(options) => test::run(&workspace, &options),
        Task::Tidy => tidy::run(&workspace),
        Task::Compatibility => compatibility::write(&workspace),
        Task::Bench(options) => bench::run(&workspace, &options),
    }
}
