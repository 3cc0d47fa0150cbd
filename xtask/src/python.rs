//! The Pythons that the client suites run in: virtual environments below `target/`, with pinned packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// What most suites run in.
pub const USUAL: Environment = Environment { name: "venv", requirements: "clients/requirements.txt" };
/// What App Engine's SDK runs in, which cannot share an environment with newer packages.
pub const APP_ENGINE: Environment =
    Environment { name: "venv-appengine", requirements: "clients/appengine/requirements.txt" };

/// A copy of the requirements inside the environment: while it equals them, the environment is up to date.
const STAMP: &str = "installed-requirements.txt";
/// The suites read TOML with the standard library, which can since this version.
const OLDEST_PYTHON: (u32, u32) = (3, 11);
const ADVICE: &str = "The client suites need python3 (3.11 or newer) with venv. On Debian or Ubuntu:\n\
    \n    apt-get install python3 python3-venv\n\n\
    To run only the Rust tests: cargo xtask test --rust-only";

/// A virtual environment: its directory, and the file that pins its packages.
#[derive(Clone, Copy)]
pub struct Environment {
    name: &'static str,
    requirements: &'static str,
}

/// A virtual environment that has every package it is to have.
pub struct Python {
    pub executable: PathBuf,
    requirements: &'static str,
}

/// Makes the environment, or reuses it when the requirements have not changed since.
///
/// Fails, with what to install, when there is no usable python3; fails with pip's words when packages cannot be
/// installed.
pub fn prepare(workspace: &Workspace, environment: Environment) -> Result<Python, Failure> {
    check_system_python()?;
    let directory = workspace.clients_target().join(environment.name);
    let executable = directory.join("bin").join("python");
    let python = Python { executable: executable.clone(), requirements: environment.requirements };
    let requirements = workspace.root.join(environment.requirements);
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(Failure::doing(format!("read {}", environment.requirements)))?;
    let stamp = directory.join(STAMP);
    let installed = std::fs::read_to_string(&stamp).unwrap_or_default();
    if installed == wanted && executable.exists() {
        println!("{} is up to date with {}", directory.display(), environment.requirements);
        return Ok(python);
    }
    install(&directory, &executable, &requirements)?;
    std::fs::write(&stamp, wanted).map_err(Failure::doing(format!("write {}", stamp.display())))?;
    Ok(python)
}

impl Python {
    /// Downloads the source distribution of a package at the version that the requirements pin, and unpacks it.
    ///
    /// Returns the unpacked directory. It is unpacked anew each time, so nobody's edits survive in it.
    pub fn unpack_source(&self, workspace: &Workspace, package: &str) -> Result<PathBuf, Failure> {
        let version = pinned_version(workspace, self.requirements, package)?;
        let downloads = workspace.clients_target().join("sources");
        std::fs::create_dir_all(&downloads).map_err(Failure::doing("make a directory for sources"))?;
        // PEP 625: a source distribution is named with underscores.
        let name = format!("{}-{version}", package.replace('-', "_"));
        let archive = downloads.join(format!("{name}.tar.gz"));
        if !archive.exists() {
            let mut pip = Command::new(&self.executable);
            pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"]);
            command::run(pip.arg(&downloads).arg(format!("{package}=={version}")))?;
        }
        let unpacked = downloads.join(&name);
        if unpacked.exists() {
            std::fs::remove_dir_all(&unpacked)
                .map_err(Failure::doing(format!("remove {}", unpacked.display())))?;
        }
        let mut tar = Command::new(&self.executable);
        command::run(tar.args(["-m", "tarfile", "--extract"]).arg(&archive).arg(&downloads))?;
        Ok(unpacked)
    }
}

fn check_system_python() -> Result<(), Failure> {
    let (major, minor) = OLDEST_PYTHON;
    let probe = format!("import sys, venv, ensurepip; sys.exit(sys.version_info < ({major}, {minor}))");
    match Command::new("python3").args(["-c", &probe]).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new(format!("python3 is too old or lacks venv. {ADVICE}\n{said}")))
        }
        Err(error) => Err(Failure::new(format!("python3 cannot be started ({error}). {ADVICE}"))),
    }
}

fn install(directory: &Path, executable: &Path, requirements: &Path) -> Result<(), Failure> {
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory))?;
    let mut pip = Command::new(executable);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    command::run(pip.arg(requirements))
}

fn pinned_version(workspace: &Workspace, requirements: &str, package: &str) -> Result<String, Failure> {
    let text = workspace
        .text(Path::new(requirements))?
        .ok_or_else(|| Failure::new(format!("{requirements} is not UTF-8")))?;
    text.lines()
        .filter_map(|line| line.split_once("=="))
        .find(|(name, _)| name.trim() == package)
        .map(|(_, version)| version.trim().to_owned())
        .ok_or_else(|| Failure::new(format!("{requirements} does not pin {package}==<version>")))
}
