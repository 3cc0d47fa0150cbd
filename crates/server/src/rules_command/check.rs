//! `irori rules check`: complaints with their place in the source.

use std::fmt::Write;
use std::path::Path;

use rules::{Issue, Position, Ruleset, Severity};

use crate::failure::Failure;

/// What there is to say about the rules in a file, and whether they can be used.
pub(super) fn run(file: &Path) -> Result<(String, bool), Failure> {
    let source = super::read(file)?;
    Ok(match Ruleset::compile(&source) {
        Ok((_, warnings)) if warnings.is_empty() => (format!("{}: no complaints\n", file.display()), true),
        Ok((_, warnings)) => (listed(file, &source, &warnings), true),
        Err(issues) => (listed(file, &source, &issues), false),
    })
}

/// Complaints one after the other, each with the line that it is about.
pub(crate) fn listed(file: &Path, source: &str, issues: &[Issue]) -> String {
    let mut out = String::new();
    for issue in issues {
        let kind = match issue.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let text = format!("{kind}: {}", issue.message);
        place(&mut out, file, source, &issue.position, &text);
    }
    out
}

/// Writes `file:line:column: text`, and below it the line with a mark under the place.
pub(super) fn place(out: &mut String, file: &Path, source: &str, position: &Position, text: &str) {
    let Position { line, column, offset, end } = *position;
    let why = "a String takes all";
    writeln!(out, "{}:{line}:{column}: {text}", file.display()).expect(why);
    let Some(shown) = source.lines().nth(line as usize - 1) else { return };
    // Tabs stay tabs, so that the mark stands where the text does.
    let before: String =
        shown.chars().take(column as usize - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let length = source
        .get(offset as usize..end as usize)
        .map_or(1, |marked| marked.lines().next().map_or(1, |first| first.chars().count().max(1)));
    let mark = "^".repeat(length);
    writeln!(out, "{line:>5} | {shown}\n      | {before}{mark}").expect(why);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_shows_its_place() {
        let source =
            "rules_version = '2';\nservice cloud.firestore {\n\tmatch /a/{b} { allow read: if ; }\n}\n";
        let issues = Ruleset::compile(source).expect_err("a condition is missing");
        let text = listed(Path::new("x.rules"), source, &issues);
        let first: Vec<&str> = text.lines().take(3).collect();
        assert!(first[0].starts_with("x.rules:3:") && first[0].contains(": error: "), "{text}");
        assert_eq!(first[1], "    3 | \tmatch /a/{b} { allow read: if ; }");
        assert!(first[2].starts_with("      | \t ") && first[2].trim_end().ends_with('^'), "{text}");
    }

    #[test]
    fn a_source_that_is_too_long_has_no_line_to_show() {
        let source = "a".repeat(rules::limits::MAX_SOURCE_BYTES + 1);
        let issues = Ruleset::compile(&source).expect_err("too long");
        assert!(listed(Path::new("x"), "", &issues).contains("x:1:1: error: The source is "));
    }
}
