//! The workspace as cargo sees it: where things are, which crates there are and what they import.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command;
use crate::failure::Failure;

/// Packages of rooms carry this prefix; code imports them by the bare room name.
const PACKAGE_PREFIX: &str = "irori-";

/// What `cargo metadata` tells about the workspace.
#[derive(Deserialize)]
pub struct Workspace {
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
    pub packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub dependencies: Vec<Dependency>,
}

/// One line of a crate's dependencies.
#[derive(Deserialize)]
pub struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

impl Workspace {
    /// Asks cargo about the workspace that the current directory is in.
    pub fn find() -> Result<Self, Failure> {
        let mut cargo = command::cargo();
        let json = command::output(cargo.args(["metadata", "--no-deps", "--format-version=1"]))?;
        serde_json::from_str(&json).map_err(Failure::doing("read the answer of cargo metadata"))
    }

    /// Where everything that the client suites download or write is kept.
    pub fn clients_target(&self) -> PathBuf {
        self.target.join("clients")
    }

    /// The files that git knows about or would add, as paths from the root, without deleted ones.
    pub fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut git = std::process::Command::new("git");
        git.current_dir(&self.root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let names = command::output(&mut git)?;
        Ok(names.lines().map(PathBuf::from).filter(|path| self.root.join(path).is_file()).collect())
    }

    /// Reads a text file below the root; a file that is not UTF-8 gives `None`.
    pub fn text(&self, path: &Path) -> Result<Option<String>, Failure> {
        let bytes = std::fs::read(self.root.join(path))
            .map_err(Failure::doing(format!("read {}", path.display())))?;
        Ok(String::from_utf8(bytes).ok())
    }
}

impl Package {
    /// The name that ARCHITECTURE.md and the code use for it.
    pub fn room(&self) -> &str {
        self.name.strip_prefix(PACKAGE_PREFIX).unwrap_or(&self.name)
    }

    /// The rooms it imports, each with whether only its tests do.
    pub fn imported_rooms(&self) -> impl Iterator<Item = (&str, bool)> {
        self.dependencies.iter().filter(|dependency| dependency.path.is_some()).map(|dependency| {
            let room = dependency.name.strip_prefix(PACKAGE_PREFIX).unwrap_or(&dependency.name);
            (room, dependency.kind.as_deref() == Some("dev"))
        })
    }
}
