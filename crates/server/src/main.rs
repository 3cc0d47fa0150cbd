//! The irori binary.

mod arguments;
mod certificates;
mod descriptors;
mod failure;
mod indexes_file;
mod logging;
mod memory;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Faster than the system's when many threads allocate, and an idle server stays small with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("irori: {failure}");
            ExitCode::FAILURE
        }
    }
}
