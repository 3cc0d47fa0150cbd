//! The suites of real clients: what each needs from the server, and how it is run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::command;
use crate::failure::Failure;
use crate::node::{self, Node};
use crate::python::{self, Python};
use crate::summary::Summary;
use crate::workspace::Workspace;

/// The packages whose source distributions carry the official system tests.
const OFFICIAL_PACKAGE: &str = "google-cloud-firestore";
const OFFICIAL_DATASTORE_PACKAGE: &str = "google-cloud-datastore";
/// Tells a suite where its server is. Not `FIRESTORE_EMULATOR_HOST`: the official files change with that one.
const SERVER_VARIABLE: &str = "IRORI_SERVER";
/// Tells a suite where the server's program is, for tests that start, kill and restart servers of their own.
const PROGRAM_VARIABLE: &str = "IRORI_PROGRAM";

/// A set of client programs that one server is started for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Our own tests with the official Python client, and the programs below `examples/`.
    Python,
    /// The web SDK and the server SDK in Node.
    Node,
    /// The web SDK in a headless Chromium, and the page below `examples/`.
    Web,
    /// The system tests that the official Python client ships, unmodified.
    Official,
    /// Our own tests with the official Datastore and ndb clients.
    Datastore,
    /// The system tests that the official Datastore client ships, unmodified.
    OfficialDatastore,
    /// App Engine's SDK by the API bridge, and the guestbook below `examples/`.
    AppEngine,
}

/// Every suite, in the order of running: the quickest to tell a mistake first.
pub const ALL: &[Suite] = &[
    Suite::Python,
    Suite::Datastore,
    Suite::AppEngine,
    Suite::Node,
    Suite::Web,
    Suite::OfficialDatastore,
    Suite::Official,
];

/// What runs in the usual Python environment.
const USUAL_PYTHON: &[Suite] = &[Suite::Python, Suite::Datastore, Suite::OfficialDatastore, Suite::Official];

/// The server that a suite talks to.
pub struct Target<'a> {
    pub address: SocketAddr,
    /// Where its program is. `None` when somebody else has started it.
    pub program: Option<&'a Path>,
}

/// What suites are run with. Each is made once, when the first suite needs it.
pub struct Tools {
    python: Option<Python>,
    app_engine: Option<Python>,
    node: Option<Node>,
    browser: Option<PathBuf>,
}

impl Suite {
    pub fn title(self) -> &'static str {
        match self {
            Suite::Python => "Python client tests",
            Suite::Node => "Node client tests",
            Suite::Web => "browser tests",
            Suite::Official => "official Python system tests",
            Suite::Datastore => "Datastore client tests",
            Suite::OfficialDatastore => "official Datastore system tests",
            Suite::AppEngine => "App Engine tests",
        }
    }

    /// A short name for files.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Python => "python",
            Suite::Node => "node",
            Suite::Web => "web",
            Suite::Official => "official",
            Suite::Datastore => "datastore",
            Suite::OfficialDatastore => "official-datastore",
            Suite::AppEngine => "appengine",
        }
    }

    /// What this suite's server is started with.
    ///
    /// Our own tests want production's index errors. The official ones put a random suffix on almost every collection
    /// name, so no index can be declared for those beforehand; only the vector tests' collection has a fixed name.
    pub fn server_options(self, workspace: &Workspace) -> Vec<String> {
        let missing_index = match self {
            Suite::Python | Suite::Node | Suite::Web => "require",
            Suite::Official => "suggest",
            Suite::Datastore => {
                let indexes = self.directory(workspace).join("index.yaml").display().to_string();
                return ["--missing-index", "require", "--index-yaml", &indexes].map(str::to_owned).to_vec();
            }
            // Its index is for what one test wants to read in an explanation. Two tests wait for a lock in vain.
            Suite::OfficialDatastore => {
                let indexes = self.directory(workspace).join("index.yaml").display().to_string();
                return ["--lock-wait", "2s", "--index-yaml", &indexes].map(str::to_owned).to_vec();
            }
            Suite::AppEngine => return vec![],
        };
        let indexes = self.directory(workspace).join("firestore.indexes.json").display().to_string();
        let mut options =
            ["--missing-index", missing_index, "--indexes", &indexes].map(str::to_owned).to_vec();
        if self == Suite::Web {
            // One test opens a page as a file.
            options.extend(["--cors-origin", "null"].map(str::to_owned));
        }
        options
    }

    /// The directory that the suite's runner works in: its settings, our plugins, the indexes.
    fn directory(self, workspace: &Workspace) -> PathBuf {
        let clients = workspace.root.join("clients");
        match self {
            Suite::Python => clients.join("tests"),
            Suite::Node => clients.join("node"),
            Suite::Web => clients.join("web"),
            Suite::Official => clients.join("firestore_system"),
            Suite::Datastore => clients.join("datastore"),
            Suite::OfficialDatastore => clients.join("datastore_system"),
            Suite::AppEngine => clients.join("appengine"),
        }
    }
}

impl Tools {
    /// Makes what the suites need. What cannot be made is a failed step of the summary, and its suites cannot run.
    pub fn prepare(workspace: &Workspace, suites: &[Suite], summary: &mut Summary) -> Self {
        let needs = |wanted: &[Suite]| suites.iter().any(|suite| wanted.contains(suite));
        let mut tools = Tools { python: None, app_engine: None, node: None, browser: None };
        if needs(USUAL_PYTHON) {
            tools.python = summary.step("Python packages", || python::prepare(workspace, python::USUAL));
        }
        if needs(&[Suite::AppEngine]) {
            tools.app_engine =
                summary.step("App Engine packages", || python::prepare(workspace, python::APP_ENGINE));
        }
        if needs(&[Suite::Node, Suite::Web]) {
            tools.node = summary.step("npm packages", || node::prepare(workspace));
        }
        if needs(&[Suite::Web]) {
            tools.browser = summary.step("browser", node::browser);
        }
        tools
    }

    /// Whether everything is there that the suite needs. When not, a failed step has said so.
    pub fn can_run(&self, suite: Suite) -> bool {
        match suite {
            Suite::Python | Suite::Datastore | Suite::OfficialDatastore | Suite::Official => {
                self.python.is_some()
            }
            Suite::AppEngine => self.app_engine.is_some(),
            Suite::Node => self.node.is_some(),
            Suite::Web => self.node.is_some() && self.browser.is_some(),
        }
    }

    /// Runs one suite against a server. Fails when the suite does.
    ///
    /// The arguments are for pytest or for Node's test runner, whichever runs the suite.
    pub fn run(
        &self,
        workspace: &Workspace,
        suite: Suite,
        target: &Target<'_>,
        arguments: &[String],
    ) -> Result<(), Failure> {
        let mut run = self.command(workspace, suite, arguments)?;
        run.env(SERVER_VARIABLE, target.address.to_string());
        match target.program {
            Some(program) => run.env(PROGRAM_VARIABLE, program),
            None => run.env_remove(PROGRAM_VARIABLE),
        };
        command::run(&mut run)
    }

    fn command(&self, workspace: &Workspace, suite: Suite, arguments: &[String]) -> Result<Command, Failure> {
        let python = || self.python.as_ref().ok_or_else(|| missing("Python"));
        let node = || self.node.as_ref().ok_or_else(|| missing("Node"));
        let directory = suite.directory(workspace);
        match suite {
            Suite::Python | Suite::Datastore => Ok(pytest(python()?, &directory, &directory, arguments)),
            Suite::Official => {
                let tests = python()?.unpack_source(workspace, OFFICIAL_PACKAGE)?.join("tests/system");
                Ok(pytest(python()?, &directory, &tests, arguments))
            }
            Suite::OfficialDatastore => {
                let source = python()?.unpack_source(workspace, OFFICIAL_DATASTORE_PACKAGE)?;
                Ok(pytest(python()?, &directory, &source.join("tests/system"), arguments))
            }
            Suite::AppEngine => {
                let python = self.app_engine.as_ref().ok_or_else(|| missing("Python"))?;
                Ok(pytest(python, &directory, &directory, arguments))
            }
            Suite::Node => node()?.test_runner(suite.name(), arguments),
            Suite::Web => {
                let mut run = node()?.test_runner(suite.name(), arguments)?;
                run.env(node::BROWSER_VARIABLE, self.browser.as_ref().ok_or_else(|| missing("Chromium"))?);
                Ok(run)
            }
        }
    }
}

fn missing(tool: &str) -> Failure {
    Failure::new(format!("{tool} could not be prepared"))
}

fn pytest(python: &Python, directory: &Path, tests: &Path, arguments: &[String]) -> Command {
    let mut run = Command::new(&python.executable);
    run.current_dir(directory)
        .args(["-m", "pytest", "-c", "pytest.ini", "--rootdir", "."])
        .arg(tests)
        .args(arguments)
        .env("PYTHONPATH", directory)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run
}
