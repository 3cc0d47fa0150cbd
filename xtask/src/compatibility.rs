//! The generated part of docs/COMPATIBILITY.md: the official tests that do not pass, by name.

use std::path::Path;

use crate::failure::Failure;
use crate::known_tests::{self, KnownTests};
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/COMPATIBILITY.md";
const BEGIN: &str = "<!-- begin: cargo xtask compatibility -->\n";
const END: &str = "<!-- end: cargo xtask compatibility -->\n";

/// Writes the table into the document, between the two marker lines.
pub fn write(workspace: &Workspace) -> Result<(), Failure> {
    let wanted = wanted(workspace)?;
    std::fs::write(workspace.root.join(DOCUMENT), wanted).map_err(Failure::doing(format!("write {DOCUMENT}")))
}

/// Complains when the document does not hold the table that the list gives.
pub fn check(workspace: &Workspace, complaints: &mut Vec<String>) -> Result<(), Failure> {
    if wanted(workspace)? != current(workspace)? {
        let list = known_tests::FILE;
        complaints.push(format!("{DOCUMENT} differs from {list}: run `cargo xtask compatibility`"));
    }
    Ok(())
}

fn current(workspace: &Workspace) -> Result<String, Failure> {
    workspace.text(Path::new(DOCUMENT))?.ok_or_else(|| Failure::new(format!("{DOCUMENT} is not UTF-8")))
}

fn wanted(workspace: &Workspace) -> Result<String, Failure> {
    replace(&current(workspace)?, &KnownTests::read(workspace)?.table())
        .ok_or_else(|| Failure::new(format!("{DOCUMENT} lacks the marker lines of its generated part")))
}

fn replace(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replace(&document, "new\n").unwrap(), format!("before\n{BEGIN}new\n{END}after\n"));
    }

    #[test]
    fn a_document_without_markers_is_left_alone() {
        assert_eq!(replace("text", "table"), None);
    }
}
