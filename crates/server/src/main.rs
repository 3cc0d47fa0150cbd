//! The irori binary.

mod arguments;
mod audit;
mod certificates;
mod descriptors;
mod door;
mod exposure;
mod failure;
mod index_yaml;
mod indexes_file;
mod keys;
mod logging;
mod memory;
mod rules_command;
mod rules_file;
mod serve;
mod stamp;
mod sync_command;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Faster than the system's when many threads allocate, and an idle server stays small with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Keys { command } => keys::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Rules { command } => rules_command::run(&command),
        Command::Sync(arguments) => Ok(sync_command::run(&arguments)),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("irori: {failure}");
            ExitCode::FAILURE
        }
    }
}
