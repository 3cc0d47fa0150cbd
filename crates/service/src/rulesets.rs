//! The security rules in force: for all databases, for those of a project, or for one; replaced at once and whole.

use std::collections::HashMap;
use std::sync::Arc;

use model::DatabaseName;
use parking_lot::{Mutex, RwLock};
use rules::{Coverage, Covered, Issue, Position, Ruleset, Severity};
use tokio::sync::watch;

/// Projects and databases that have rules of their own: each ruleset takes memory.
const MOST: usize = 1_000;

/// Whose rules. What is said of a database stands before what is said of its project, and that before what is said of
/// all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesOf<'a> {
    Everything,
    Project(&'a str),
    Database(&'a DatabaseName),
}

/// What the expressions of a ruleset came to since it was put in force.
#[derive(Clone, Debug)]
pub struct CoverageReport {
    pub source: String,
    pub expressions: Vec<Covered>,
}

/// See the module.
pub(crate) struct Rulesets {
    table: RwLock<Table>,
    /// Counts replacements, and wakes those who rely on decisions.
    revision: watch::Sender<u64>,
    /// Whether coverage is collected.
    covers: bool,
}

#[derive(Default)]
struct Table {
    everything: Option<Arc<Release>>,
    projects: HashMap<Box<str>, Arc<Release>>,
    databases: HashMap<DatabaseName, Arc<Release>>,
}

/// A ruleset in force.
pub(crate) struct Release {
    pub ruleset: Ruleset,
    /// While it is collected.
    pub coverage: Option<Mutex<Coverage>>,
}

impl Rulesets {
    /// No rules. With `covers` what their expressions come to is collected, which takes time and shows values to who
    /// asks: for development.
    pub fn new(covers: bool) -> Self {
        Rulesets { table: RwLock::default(), revision: watch::Sender::new(0), covers }
    }

    /// Puts a source in force, or with None nothing. Answers warnings.
    ///
    /// # Errors
    /// What is wrong with the source: then all is as it was.
    pub fn set(&self, of: RulesOf<'_>, source: Option<&str>) -> Result<Vec<Issue>, Vec<Issue>> {
        let (release, warnings) = match source {
            None => (None, Vec::new()),
            Some(source) => {
                let (ruleset, warnings) = Ruleset::compile(source)?;
                let coverage = self.covers.then(Mutex::default);
                (Some(Arc::new(Release { ruleset, coverage })), warnings)
            }
        };
        self.table.write().put(of, release)?;
        self.revision.send_modify(|revision| *revision += 1);
        Ok(warnings)
    }

    /// The rules of a database.
    pub fn of(&self, database: &DatabaseName) -> Option<Arc<Release>> {
        let table = self.table.read();
        let own = table.databases.get(database).or_else(|| table.projects.get(&*database.project));
        own.or(table.everything.as_ref()).cloned()
    }

    /// Changes whenever rules do.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// What the rules of a project came to; None without rules, or when that is not collected.
    pub fn coverage(&self, project: &str) -> Option<CoverageReport> {
        let release = {
            let table = self.table.read();
            table.projects.get(project).or(table.everything.as_ref())?.clone()
        };
        let expressions = release.coverage.as_ref()?.lock().report(&release.ruleset);
        Some(CoverageReport { source: release.ruleset.source().to_owned(), expressions })
    }
}

impl Table {
    fn put(&mut self, of: RulesOf<'_>, release: Option<Arc<Release>>) -> Result<(), Vec<Issue>> {
        let is_new = match of {
            RulesOf::Everything => false,
            RulesOf::Project(project) => !self.projects.contains_key(project),
            RulesOf::Database(database) => !self.databases.contains_key(database),
        };
        if is_new && release.is_some() && self.projects.len() + self.databases.len() >= MOST {
            return Err(vec![too_many()]);
        }
        match (of, release) {
            (RulesOf::Everything, release) => self.everything = release,
            (RulesOf::Project(project), Some(release)) => drop(self.projects.insert(project.into(), release)),
            (RulesOf::Project(project), None) => drop(self.projects.remove(project)),
            (RulesOf::Database(database), Some(release)) => {
                self.databases.insert(database.clone(), release);
            }
            (RulesOf::Database(database), None) => drop(self.databases.remove(database)),
        }
        Ok(())
    }
}

fn too_many() -> Issue {
    let message = format!(
        "At most {MOST} projects and databases can have rules of their own. Remove some, or give one file to all."
    );
    let position = Position { line: 1, column: 1, offset: 0, end: 0 };
    Issue { severity: Severity::Error, position, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &str = "service cloud.firestore {}";

    fn names(rulesets: &Rulesets, database: &DatabaseName) -> Option<String> {
        rulesets.of(database).map(|release| release.ruleset.source().to_owned())
    }

    #[test]
    fn the_narrowest_rules_hold_and_what_is_removed_uncovers_the_wider_ones() {
        let rulesets = Rulesets::new(false);
        let (one, other) = (DatabaseName::new("p", "d"), DatabaseName::new("p", "e"));
        let source = |comment: &str| format!("// {comment}\n{NONE}");
        let (all, project, database) = (source("all"), source("project"), source("database"));
        assert_eq!(names(&rulesets, &one), None);
        rulesets.set(RulesOf::Everything, Some(&all)).unwrap();
        rulesets.set(RulesOf::Project("p"), Some(&project)).unwrap();
        rulesets.set(RulesOf::Database(&one), Some(&database)).unwrap();
        assert_eq!(names(&rulesets, &one), Some(database));
        assert_eq!(names(&rulesets, &other), Some(project.clone()));
        assert_eq!(names(&rulesets, &DatabaseName::new("q", "d")), Some(all.clone()));
        rulesets.set(RulesOf::Database(&one), None).unwrap();
        assert_eq!(names(&rulesets, &one), Some(project));
        rulesets.set(RulesOf::Project("p"), None).unwrap();
        assert_eq!(names(&rulesets, &one), Some(all));
        assert_eq!(*rulesets.revisions().borrow(), 5);
    }

    #[test]
    fn a_broken_source_leaves_the_last_good_one() {
        let rulesets = Rulesets::new(false);
        let database = DatabaseName::new("p", "d");
        rulesets.set(RulesOf::Everything, Some(NONE)).unwrap();
        let issues = rulesets.set(RulesOf::Everything, Some("service {")).unwrap_err();
        assert_eq!(issues[0].severity, Severity::Error);
        assert_eq!(names(&rulesets, &database), Some(NONE.to_owned()));
        assert_eq!(*rulesets.revisions().borrow(), 1);
    }

    #[test]
    fn rules_of_their_own_are_bounded() {
        let rulesets = Rulesets::new(true);
        for n in 0..MOST {
            rulesets.set(RulesOf::Project(&n.to_string()), Some(NONE)).unwrap();
        }
        assert!(rulesets.set(RulesOf::Project("one more"), Some(NONE)).is_err());
        rulesets.set(RulesOf::Project("7"), Some(NONE)).unwrap();
        rulesets.set(RulesOf::Project("7"), None).unwrap();
        rulesets.set(RulesOf::Project("one more"), Some(NONE)).unwrap();
    }
}
