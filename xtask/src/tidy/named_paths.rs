//! Names in ARCHITECTURE.md are alive: each path in backticks exists, each `room::name` is in that room's source.

use std::path::Path;

use super::rust_text::RustText;
use crate::workspace::{Package, Workspace};

/// What a name in backticks claims.
#[derive(Debug, PartialEq)]
enum Claim<'a> {
    /// A file or directory below the root.
    Path(&'a str),
    /// A room and the words after it, `database::committer::Round`.
    Code { room: &'a str, words: Vec<&'a str> },
}

pub fn check(workspace: &Workspace, architecture: &str, sources: &[RustText], complaints: &mut Vec<String>) {
    let rooms: Vec<&str> = workspace.packages.iter().map(Package::room).collect();
    for (number, name) in backticked(architecture) {
        let dead = match claim(name, &rooms) {
            Some(Claim::Path(path)) => !workspace.root.join(path).exists(),
            Some(Claim::Code { room, words }) => words.iter().any(|word| !is_in_room(sources, room, word)),
            None => false,
        };
        if dead {
            complaints.push(format!("ARCHITECTURE.md:{number}: `{name}` does not exist"));
        }
    }
}

/// Everything between single backticks outside code fences, with its line number.
fn backticked(text: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            names.extend(line.split('`').skip(1).step_by(2).map(|name| (index + 1, name)));
        }
    }
    names
}

fn claim<'a>(name: &'a str, rooms: &[&str]) -> Option<Claim<'a>> {
    let is_path_character = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let known_top = ["crates/", "xtask/", "clients/", "examples/", "docs/", ".ci/"];
    if known_top.iter().any(|top| name.starts_with(top)) && name.chars().all(is_path_character) {
        return Some(Claim::Path(name));
    }
    let (room, rest) = name.split_once("::")?;
    let words: Vec<&str> = rest.trim_end_matches("()").split("::").collect();
    let is_word =
        |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (rooms.contains(&room) && words.iter().all(is_word)).then_some(Claim::Code { room, words })
}

fn is_in_room(sources: &[RustText], room: &str, word: &str) -> bool {
    let directory = Path::new("crates").join(room);
    let directory = if room == "xtask" { Path::new("xtask").to_owned() } else { directory };
    sources
        .iter()
        .filter(|source| source.path.starts_with(&directory))
        .any(|source| source.has_word(word) || source.path.file_stem().is_some_and(|stem| stem == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_fences_are_pictures_and_not_claims() {
        assert_eq!(backticked("a `b` c `d`\n```\n`e`\n```\n`f`"), [(1, "b"), (1, "d"), (5, "f")]);
    }

    #[test]
    fn paths_and_names_of_rooms_are_claims_and_other_code_is_not() {
        let rooms = ["model", "database"];
        assert_eq!(claim("crates/model/src", &rooms), Some(Claim::Path("crates/model/src")));
        assert_eq!(
            claim("database::commit()", &rooms),
            Some(Claim::Code { room: "database", words: vec!["commit"] })
        );
        assert_eq!(claim("std::fs::read", &rooms), None);
        assert_eq!(claim("crates/<room>", &rooms), None);
    }

    #[test]
    fn a_name_lives_as_a_word_or_as_a_file() {
        let source = RustText::new("crates/model/src/value.rs".into(), "pub enum Kind { A }".to_owned());
        let sources = [source];
        assert!(is_in_room(&sources, "model", "Kind"));
        assert!(is_in_room(&sources, "model", "value"));
        assert!(!is_in_room(&sources, "model", "Kin"));
        assert!(!is_in_room(&sources, "database", "Kind"));
    }
}
