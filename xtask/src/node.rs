//! The Node and the browser that the JavaScript suites run in: packages from the lock file, installed below `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// The files that say what is installed. The last one goes into the stamp: it names every package with its checksum.
const MANIFEST: &[&str] = &["package.json", ".npmrc", LOCK];
const LOCK: &str = "package-lock.json";
/// A copy of the lock file inside the installation: while it equals the lock file, the installation is up to date.
const STAMP: &str = "node_modules/installed-package-lock.json";
/// Directories of `clients/` whose programs import the packages. Node looks for packages in the directories above a
/// program, so each is linked into the directory of the installation and run from there.
const PROGRAMS: &[&str] = &["node", "web"];
/// The oldest release whose built-in test runner has what the suites use; Debian 12 has it.
const OLDEST_NODE: u32 = 18;
/// Names that Chromium and its relatives go by.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Names a browser that is not in the path, and tells the web suite which one was found.
pub const BROWSER_VARIABLE: &str = "IRORI_CHROMIUM";
const NODE_ADVICE: &str = "The Node and web suites need node (18 or newer) and npm. On Debian or Ubuntu:\n\
    \n    apt-get install nodejs npm\n\n\
    To run only the Python suites: cargo xtask test --suite python --suite official";
const BROWSER_ADVICE: &str = "The web suite needs Chromium. On Debian or Ubuntu:\n\
    \n    apt-get install chromium\n\n\
    One that is not in the path is named by IRORI_CHROMIUM. To leave the web suite out, name the others: --suite node …";

/// An installation that has every package of `clients/package-lock.json`.
pub struct Node {
    directory: PathBuf,
}

/// Makes the installation, or reuses it when the lock file has not changed since.
///
/// Fails, with what to install, when there is no usable node or npm; fails with npm's words when packages cannot be
/// installed.
pub fn prepare(workspace: &Workspace) -> Result<Node, Failure> {
    check_node()?;
    let clients = workspace.root.join("clients");
    let directory = workspace.clients_target().join("npm");
    std::fs::create_dir_all(&directory).map_err(Failure::doing("make a directory for npm packages"))?;
    for program in PROGRAMS {
        link(&clients.join(program), &directory.join(program))?;
    }
    let lock = clients.join(LOCK);
    let wanted =
        std::fs::read_to_string(&lock).map_err(Failure::doing(format!("read {}", lock.display())))?;
    let stamp = directory.join(STAMP);
    if std::fs::read_to_string(&stamp).unwrap_or_default() == wanted {
        println!("{} is up to date with clients/{LOCK}", directory.display());
        return Ok(Node { directory });
    }
    install(&clients, &directory)?;
    std::fs::write(&stamp, wanted).map_err(Failure::doing(format!("write {}", stamp.display())))?;
    Ok(Node { directory })
}

/// Finds the browser of the web suite. Fails, with what to install, when there is none.
pub fn browser() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os(BROWSER_VARIABLE) {
        return Ok(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        std::env::split_paths(&path).flat_map(|place| BROWSERS.iter().map(move |name| place.join(name)));
    candidates.find(|candidate| candidate.is_file()).ok_or_else(|| Failure::new(BROWSER_ADVICE))
}

impl Node {
    /// The test runner of Node, about to run the tests of one directory of `clients/`, one file after the other.
    pub fn test_runner(&self, program: &str, arguments: &[String]) -> Result<Command, Failure> {
        let directory = self.directory.join(program);
        let mut run = Command::new("node");
        run.current_dir(&directory)
            // Programs are reached through a link, and must find the packages beside that link.
            .args(["--preserve-symlinks", "--preserve-symlinks-main", "--test", "--test-reporter=spec"])
            .args(arguments)
            .args(test_files(&directory)?);
        Ok(run)
    }
}

fn test_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let doing = || Failure::doing(format!("list {}", directory.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(doing())? {
        let path = entry.map_err(doing())?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn check_node() -> Result<(), Failure> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output();
        if let Err(error) = found {
            return Err(Failure::new(format!("{program} cannot be started ({error}). {NODE_ADVICE}")));
        }
    }
    let version = command::output(Command::new("node").arg("--version"))?;
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => Err(Failure::new(format!("node is {}. {NODE_ADVICE}", version.trim()))),
    }
}

/// The 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn link(original: &Path, link: &Path) -> Result<(), Failure> {
    if std::fs::read_link(link).is_ok_and(|current| current == original) {
        return Ok(());
    }
    if link.is_symlink() {
        std::fs::remove_file(link).map_err(Failure::doing(format!("remove {}", link.display())))?;
    }
    std::os::unix::fs::symlink(original, link).map_err(Failure::doing(format!("link {}", link.display())))
}

fn install(clients: &Path, directory: &Path) -> Result<(), Failure> {
    for file in MANIFEST {
        std::fs::copy(clients.join(file), directory.join(file))
            .map_err(Failure::doing(format!("copy clients/{file}")))?;
    }
    // None of the packages needs its install script: they only build or download what we do not use.
    let mut npm = Command::new("npm");
    npm.current_dir(directory).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    command::run(&mut npm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_node_prints_is_understood() {
        let table =
            [("v20.11.1\n", Some(20)), ("v18.0.0", Some(18)), ("20.1", None), ("", None), ("vx.1", None)];
        for (text, expected) in table {
            assert_eq!(major(text), expected, "{text:?}");
        }
    }
}
