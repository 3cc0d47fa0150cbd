//! `cargo xtask test`: the Rust tests, then real clients against the server as users get it.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use crate::client_suites::{self, Suite, Target, Tools};
use crate::command;
use crate::failure::Failure;
use crate::server_process::{Server, ServerBinary};
use crate::summary::Summary;
use crate::workspace::Workspace;

#[derive(Args)]
pub struct Options {
    /// Leave the client suites out (they need python3, node, npm, chromium and the package indexes).
    #[arg(long, conflicts_with = "clients_only")]
    rust_only: bool,
    /// Leave the Rust tests out.
    #[arg(long)]
    clients_only: bool,
    /// Run only these client suites.
    #[arg(long, value_enum)]
    suite: Vec<Suite>,
    /// How to build the server that the clients meet.
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
    /// Run the clients against a server that is already running, instead of building one.
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<SocketAddr>,
    /// Arguments for what runs the suite, after `--`: pytest, or `node --test`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The two cargo profiles a server can be tested in.
#[derive(Clone, Copy, ValueEnum)]
pub enum Profile {
    Release,
    Dev,
}

/// Runs everything that the options ask for, and says at the end what failed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let mut summary = Summary::default();
    if !options.clients_only {
        summary.step("Rust tests", || {
            command::run(command::cargo().current_dir(&workspace.root).args(["test", "--workspace"]))
        });
    }
    if !options.rust_only {
        run_clients(workspace, options, &mut summary);
    }
    summary.finish()
}

fn run_clients(workspace: &Workspace, options: &Options, summary: &mut Summary) {
    let mut suites = client_suites::ALL.to_vec();
    suites.retain(|suite| options.suite.is_empty() || options.suite.contains(suite));
    let tools = Tools::prepare(workspace, &suites, summary);
    let source = match options.server {
        Some(address) => Some(ServerSource::Running(address)),
        None => summary
            .step("server build", || ServerBinary::build(workspace, options.profile))
            .map(ServerSource::Build),
    };
    let Some(source) = source else { return };
    for suite in suites.into_iter().filter(|suite| tools.can_run(*suite)) {
        summary.step(suite.title(), || run_suite(workspace, &tools, &source, suite, &options.arguments));
    }
}

/// Where the server of a suite comes from.
enum ServerSource {
    Build(ServerBinary),
    Running(SocketAddr),
}

fn run_suite(
    workspace: &Workspace,
    tools: &Tools,
    source: &ServerSource,
    suite: Suite,
    arguments: &[String],
) -> Result<(), Failure> {
    let binary = match source {
        ServerSource::Running(address) => {
            let target = Target { address: *address, program: None };
            return tools.run(workspace, suite, &target, arguments);
        }
        ServerSource::Build(binary) => binary,
    };
    let server = Server::start(workspace, binary, suite)?;
    let target = Target { address: server.address(), program: Some(binary.path()) };
    let result = tools.run(workspace, suite, &target, arguments);
    // A server that died explains the failures of its clients, so its story comes first.
    server.stop()?;
    result
}
