//! Files of security rules: put in force at the start, and again when they change.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use model::DatabaseName;
use service::{Issue, RulesOf, Service};

use crate::failure::Failure;
use crate::rules_command::{listed, read};
use crate::stamp::{Stamp, follow};

/// A file of rules, and for what they are: `[PROJECT/DATABASE=]FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RulesFile {
    of: Of,
    path: PathBuf,
}

/// For what rules are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    Everything,
    Project(String),
    Database(DatabaseName),
}

impl FromStr for RulesFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, path)) = text.split_once('=') else {
            return Ok(RulesFile { of: Of::Everything, path: text.into() });
        };
        let wrong = || format!("`{name}` is no PROJECT/DATABASE; write PROJECT/* for all of a project");
        let (project, database) = name.split_once('/').ok_or_else(wrong)?;
        let of = match database {
            "*" if !project.is_empty() => Of::Project(project.to_owned()),
            _ => {
                let name = format!("projects/{project}/databases/{database}");
                Of::Database(DatabaseName::parse(&name).map_err(|_| wrong())?)
            }
        };
        if path.is_empty() {
            return Err(format!("name a file behind `{name}=`"));
        }
        Ok(RulesFile { of, path: path.into() })
    }
}

impl RulesFile {
    fn of(&self) -> RulesOf<'_> {
        match &self.of {
            Of::Everything => RulesOf::Everything,
            Of::Project(project) => RulesOf::Project(project),
            Of::Database(database) => RulesOf::Database(database),
        }
    }

    /// Puts the rules in force. Fails with what is wrong with them; then those before stay.
    fn apply(&self, service: &Service) -> Result<(), Failure> {
        let source = read(&self.path)?;
        let file = self.path.display();
        let complaints = |issues: &[Issue]| listed(&self.path, &source, issues);
        match service.set_rules(self.of(), Some(&source)) {
            Ok(warnings) if warnings.is_empty() => {}
            Ok(warnings) => tracing::warn!("the rules {file} are doubtful:\n{}", complaints(&warnings)),
            Err(issues) => {
                let text = format!("the rules {file} cannot be used:\n{}", complaints(&issues));
                return Err(Failure::new(text.trim_end()));
            }
        }
        Ok(())
    }
}

/// Files whose rules are in force.
pub(crate) struct RulesFiles {
    service: Arc<Service>,
    files: Vec<(RulesFile, Stamp)>,
}

impl RulesFiles {
    /// Puts the rules of all files in force. Fails with the first that is wrong, and the place in it.
    pub(crate) fn load(files: &[RulesFile], service: Arc<Service>) -> Result<Self, Failure> {
        let mut loaded: Vec<(RulesFile, Stamp)> = Vec::new();
        for file in files {
            if let Some((twice, _)) = loaded.iter().find(|(other, _)| other.of == file.of) {
                let (one, other) = (twice.path.display(), file.path.display());
                return Err(Failure::new(format!("the rules {one} and {other} are for the same databases")));
            }
            let stamp = Stamp::of(&file.path);
            file.apply(&service)?;
            loaded.push((file.clone(), stamp));
        }
        Ok(RulesFiles { service, files: loaded })
    }

    /// Looks at the files for ever, and takes what is new; at SIGHUP at once. What cannot be used is logged, and the
    /// last good rules stay. Fails when SIGHUP cannot be heard.
    pub(crate) fn follow(self) -> Result<impl Future<Output = ()>, Failure> {
        let any = !self.files.is_empty();
        let following = follow(self, Self::look)?;
        Ok(async move {
            if any {
                following.await;
            }
        })
    }

    /// Reads again what has changed, or everything if `asked` to.
    fn look(&mut self, asked: bool) {
        for (file, stamp) in &mut self.files {
            let now = Stamp::of(&file.path);
            if !asked && now == *stamp {
                continue;
            }
            *stamp = now;
            let path = Path::new(&file.path).display();
            match file.apply(&self.service) {
                Ok(()) => tracing::info!(rules = %path, "the new rules are in force"),
                Err(failure) => tracing::warn!("the last good rules stay in force: {failure}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_for_everything_or_what_is_named() {
        let database = Of::Database(DatabaseName::new("p", "(default)"));
        let table = [
            ("firestore.rules", Some((Of::Everything, "firestore.rules"))),
            ("p/(default)=a.rules", Some((database, "a.rules"))),
            ("p/*=a.rules", Some((Of::Project("p".to_owned()), "a.rules"))),
            ("d=a.rules", None),
            ("/*=a.rules", None),
            ("p/d=", None),
            ("p/d/e=a.rules", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(of, path)| RulesFile { of, path: path.into() });
            assert_eq!(text.parse::<RulesFile>().ok(), expected, "{text}");
        }
    }
}
