//! The list of official tests that do not pass: `clients/firestore_system/known.toml`.

use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::workspace::Workspace;

pub const FILE: &str = "clients/firestore_system/known.toml";

/// The whole list. The pytest plugin beside it holds the runs to it.
#[derive(Deserialize)]
pub struct KnownTests {
    group: Vec<Group>,
}

/// Tests that do not pass for one reason.
#[derive(Deserialize)]
struct Group {
    kind: Kind,
    reason: String,
    tests: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Fails,
    PipelineCheck,
    SkippedByTheFile,
}

impl KnownTests {
    pub fn read(workspace: &Workspace) -> Result<Self, Failure> {
        let text = workspace.text(Path::new(FILE))?;
        Self::parse(&text.ok_or_else(|| Failure::new(format!("{FILE} is not UTF-8")))?)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(Failure::doing(format!("read {FILE}")))
    }

    /// The list as a Markdown table, one row for each test.
    pub fn table(&self) -> String {
        let mut table = String::from("| test | what happens | why |\n|---|---|---|\n");
        for Group { kind, reason, tests } in &self.group {
            for test in tests {
                writeln!(table, "| `{test}` | {} | {reason} |", kind.words()).expect("writing to a string");
            }
        }
        table
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Fails => "fails",
            Kind::PipelineCheck => "passes but for one comparison",
            Kind::SkippedByTheFile => "skipped by the file itself",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_test_becomes_a_row() {
        let list =
            "[[group]]\nkind = \"fails\"\nreason = \"no Listen\"\ntests = [\"a.py::x\", \"b.py::y\"]\n";
        let table = KnownTests::parse(list).unwrap().table();
        assert!(table.ends_with("| `a.py::x` | fails | no Listen |\n| `b.py::y` | fails | no Listen |\n"));
    }

    #[test]
    fn a_kind_nobody_knows_is_refused() {
        let list = "[[group]]\nkind = \"flaky\"\nreason = \"\"\ntests = []\n";
        assert!(KnownTests::parse(list).is_err());
    }
}
