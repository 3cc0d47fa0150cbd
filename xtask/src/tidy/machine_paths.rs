//! Nothing that is committed names a place on somebody's machine.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Written in two halves, so that this file does not complain about itself.
const FORBIDDEN: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("google-cloud", "-sdk")];

pub fn check(workspace: &Workspace, files: &[PathBuf], complaints: &mut Vec<String>) -> Result<(), Failure> {
    for path in files {
        let Some(text) = workspace.text(path)? else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = FORBIDDEN.iter().find(|found| line.contains(**found)) {
                complaints.push(format!(
                    "{}:{}: names a machine's path: `{found}`",
                    path.display(),
                    index + 1
                ));
            }
        }
    }
    Ok(())
}
