//! `docs/BENCHMARKS.md`: prose by hand, tables from runs, each between two marks that name its scenario.

use std::path::Path;

use crate::chart;
use crate::failure::Failure;
use crate::report::Section;

/// Below the directory of documents.
const PAGE: &str = "BENCHMARKS.md";
const CHARTS: &str = "benchmarks";

/// Replaces the table of a section in the page, and its chart.
///
/// Fails when the page has no place for it: what a table means is written by hand first.
pub fn record(documents: &Path, section: &Section, when: &str) -> Result<(), Failure> {
    let path = documents.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(Failure::doing(format!("read {}", path.display())))?;
    let mut table = format!("{}\n{when}\n", section.markdown());
    if let Some(svg) = chart::draw(section) {
        let directory = documents.join(CHARTS);
        let file = directory.join(format!("{}.svg", section.name));
        std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::write(&file, svg))
            .map_err(Failure::doing(format!("write {}", file.display())))?;
        table = format!("![{}]({CHARTS}/{}.svg)\n\n{table}", section.title, section.name);
    }
    let replaced = replace(&page, section.name, &table)
        .ok_or_else(|| Failure::new(format!("{} has no place for {}", path.display(), section.name)))?;
    std::fs::write(&path, replaced).map_err(Failure::doing(format!("write {}", path.display())))
}

/// The page with `table` between the marks of `name`; `None` when they are not there.
fn replace(page: &str, name: &str, table: &str) -> Option<String> {
    let begin = format!("<!-- begin {name} -->\n");
    let end = format!("<!-- end {name} -->");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_of_its_name_is_replaced() {
        let page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\nkept\n<!-- end y -->\n";
        let replaced = replace(page, "x", "new").unwrap();
        assert!(replaced.contains("new") && !replaced.contains("old"));
        assert!(replaced.contains("kept") && replaced.ends_with("<!-- end y -->\n"));
        assert_eq!(replace(&replaced, "x", "new").unwrap(), replaced);
        assert!(replace(page, "z", "new").is_none());
    }
}
