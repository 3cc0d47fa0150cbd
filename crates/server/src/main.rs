//! The irori binary.

mod arguments;
mod descriptors;
mod failure;
mod indexes_file;
mod logging;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Gives memory back to the system after a burst, and is faster than the system's under many threads.
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
