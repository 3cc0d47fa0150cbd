//! `irori rules`: security rules looked at without a server.

mod cases;
mod check;
mod test;
mod value;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Bytes of a file of rules or cases that are read; what compiles is far below.
const FILE_BYTES: u64 = 4 << 20;

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Say whether a file of rules compiles, and what is doubtful in it
    Check(CheckArguments),
    /// Try rules on cases written in YAML: who does what, and whether he may
    Test(TestArguments),
}

/// Options of `irori rules check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The rules
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const AFTER_HELP: &str = "\
A file of cases:
  rules: firestore.rules            # beside this file; --rules goes before it
  documents:                        # what is stored when a case begins
    users/alice: {role: editor}
    posts/one: {author: alice, public: false}
  cases:
    - {as: alice, get: posts/one, expect: allow}
    - {as: null, get: posts/one, expect: deny}
    - as: {uid: bob, claims: {admin: true}}
      list: posts
      where: [[public, ==, true]]
      limit: 10
      expect: allow
    - {as: alice, create: posts/two, data: {author: alice}, expect: allow}
    - {as: alice, update: posts/one, data: {public: true}, expect: allow}
    - {as: bob, delete: posts/one, expect: deny}

It ends with 1 when a case is not as expected. See docs/RULES.md for all that can be said.";

/// Options of `irori rules test`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TestArguments {
    /// The cases
    #[arg(value_name = "CASES")]
    cases: PathBuf,

    /// The rules; usually the file of cases names them
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// Does it, and answers with what the program ends.
pub(crate) fn run(command: &RulesCommand) -> Result<ExitCode, Failure> {
    let (text, good) = match command {
        RulesCommand::Check(arguments) => check::run(&arguments.file)?,
        RulesCommand::Test(arguments) => test::run(&arguments.cases, arguments.rules.as_deref())?,
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(Failure::doing("print the outcome"))?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(Failure::doing(format!("read {name}")))?;
    if text.len() as u64 > FILE_BYTES {
        let most = FILE_BYTES >> 20;
        return Err(Failure::new(format!("could not read {name}: it has more than {most} MiB")));
    }
    Ok(text)
}

pub(crate) use check::listed;
