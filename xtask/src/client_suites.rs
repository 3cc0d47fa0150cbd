//! The suites of real clients: what each needs from the server, and how pytest is called for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;

use crate::command;
use crate::failure::Failure;
use crate::python::Python;
use crate::workspace::Workspace;

/// The package whose source distribution carries the official system tests.
const OFFICIAL_PACKAGE: &str = "google-cloud-firestore";
/// Tells a suite where its server is. Not `FIRESTORE_EMULATOR_HOST`: the official files change with that one.
const SERVER_VARIABLE: &str = "IRORI_SERVER";

/// A set of client programs that one server is started for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Our own tests with the official Python client, and the programs below `examples/`.
    Python,
    /// The system tests that the official Python client ships, unmodified.
    Official,
}

/// Every suite, in the order of running: the quickest to tell a mistake first.
pub const ALL: &[Suite] = &[Suite::Python, Suite::Official];

impl Suite {
    pub fn title(self) -> &'static str {
        match self {
            Suite::Python => "Python client tests",
            Suite::Official => "official Python system tests",
        }
    }

    /// A short name for files.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Python => "python",
            Suite::Official => "official",
        }
    }

    /// What this suite's server is started with.
    ///
    /// Our own tests want production's index errors. The official ones put a random suffix on almost every collection
    /// name, so no index can be declared for those beforehand; only the vector tests' collection has a fixed name.
    pub fn server_options(self, workspace: &Workspace) -> Vec<String> {
        let missing_index = match self {
            Suite::Python => "require",
            Suite::Official => "suggest",
        };
        let indexes = self.directory(workspace).join("firestore.indexes.json").display().to_string();
        vec!["--missing-index".to_owned(), missing_index.to_owned(), "--indexes".to_owned(), indexes]
    }

    /// The directory that pytest runs in: its settings, our plugins, the indexes.
    fn directory(self, workspace: &Workspace) -> PathBuf {
        let clients = workspace.root.join("clients");
        match self {
            Suite::Python => clients.join("tests"),
            Suite::Official => clients.join("firestore_system"),
        }
    }

    /// Where the tests are.
    fn tests(self, workspace: &Workspace, python: &Python) -> Result<PathBuf, Failure> {
        match self {
            Suite::Python => Ok(self.directory(workspace)),
            Suite::Official => Ok(python.unpack_source(workspace, OFFICIAL_PACKAGE)?.join("tests/system")),
        }
    }
}

/// Runs one suite against the server at an address. Fails when pytest does.
pub fn run(
    workspace: &Workspace,
    python: &Python,
    suite: Suite,
    server: SocketAddr,
    pytest: &[String],
) -> Result<(), Failure> {
    let directory = suite.directory(workspace);
    let mut run = Command::new(&python.executable);
    run.current_dir(&directory)
        .args(["-m", "pytest", "-c", "pytest.ini", "--rootdir", "."])
        .arg(suite.tests(workspace, python)?)
        .args(pytest)
        .env(SERVER_VARIABLE, server.to_string())
        .env("PYTHONPATH", &directory)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::run(&mut run)
}
