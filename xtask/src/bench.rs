//! `cargo xtask bench`: builds the server as users get it, and lets `irori-bench` measure it.

use std::path::PathBuf;

use clap::Args;

use crate::command;
use crate::failure::Failure;
use crate::python;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Options {
    /// commits, hot, reads, versions, idle, rules, datastore, listen, sync; all when none is named.
    scenarios: Vec<String>,
    /// Small sizes and short rounds: about a minute for all, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Put the tables and charts into docs/BENCHMARKS.md.
    #[arg(long)]
    record: bool,
    /// Where data directories are made: on the disk to be measured.
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    place: PathBuf,
    /// The directory of PostgreSQL's programs, when it is not where Debian puts them.
    #[arg(long, value_name = "DIR", conflicts_with = "without_postgres")]
    postgres: Option<PathBuf>,
    /// Leave the comparison with PostgreSQL out.
    #[arg(long)]
    without_postgres: bool,
}

/// Builds what is measured and what measures, both in release, and runs it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let python = python::prepare(workspace, python::USUAL)?;
    let mut cargo = command::cargo();
    command::run(cargo.current_dir(&workspace.root).args([
        "build",
        "--release",
        "--package",
        "irori-server",
    ]))?;
    let server = workspace.target.join("release").join("irori");
    let mut cargo = command::cargo();
    cargo.current_dir(&workspace.root).args(["run", "--release", "--package", "irori-bench", "--", "run"]);
    cargo.args(&options.scenarios).arg("--server").arg(&server).arg("--python").arg(&python.executable);
    cargo.arg("--place").arg(&options.place);
    if options.quick {
        cargo.arg("--quick");
    }
    if options.record {
        cargo.arg("--record").arg(workspace.root.join("docs"));
    }
    if let Some(programs) = &options.postgres {
        cargo.arg("--postgres").arg(programs);
    }
    if options.without_postgres {
        cargo.arg("--without-postgres");
    }
    command::run(&mut cargo)
}
