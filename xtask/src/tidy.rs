//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows. They may only tighten.

mod crate_names;
mod file_shape;
mod import_table;
mod machine_paths;
mod named_paths;
mod rust_text;
mod unwraps;

use std::path::{Path, PathBuf};

use crate::compatibility;
use crate::failure::Failure;
use crate::workspace::Workspace;

use self::rust_text::RustText;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Runs every check and prints all complaints. Fails when there is one.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let files = workspace.files()?;
    let sources = rust_sources(workspace, &files)?;
    let mut complaints = Vec::new();
    match architecture(workspace)? {
        Some(text) => {
            import_table::check(&workspace.packages, &text, &mut complaints);
            named_paths::check(workspace, &text, &sources, &mut complaints);
        }
        None => complaints.push(format!("{ARCHITECTURE} is missing")),
    }
    crate_names::check(&workspace.packages, &mut complaints);
    file_shape::check(&sources, &mut complaints);
    unwraps::check(&sources, &mut complaints);
    machine_paths::check(workspace, &files, &mut complaints)?;
    compatibility::check(workspace, &mut complaints)?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("tidy: {count} complaints"))),
    }
}

fn architecture(workspace: &Workspace) -> Result<Option<String>, Failure> {
    let path = Path::new(ARCHITECTURE);
    if workspace.root.join(path).exists() { workspace.text(path) } else { Ok(None) }
}

fn rust_sources(workspace: &Workspace, files: &[PathBuf]) -> Result<Vec<RustText>, Failure> {
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        if let Some(text) = workspace.text(path)? {
            sources.push(RustText::new(path.clone(), text));
        }
    }
    Ok(sources)
}
