//! Walls: which room may import which, as the table in ARCHITECTURE.md says, against what the manifests do.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::Package;

const HEADER: &str = "| room | one line | may import | must never know |";
/// Rooms that only tests import; they may stand in any crate's dev-dependencies.
const FOR_TESTS: &str = "testkit";

/// What one row of the table allows.
#[derive(Debug, PartialEq)]
enum MayImport {
    Any,
    Only(BTreeSet<String>),
}

pub fn check(packages: &[Package], architecture: &str, complaints: &mut Vec<String>) {
    let Some(table) = parse(architecture) else {
        complaints.push(format!("ARCHITECTURE.md has no table with the header `{HEADER}`"));
        return;
    };
    let rooms: BTreeSet<&str> = packages.iter().map(Package::room).collect();
    for room in table.keys().filter(|room| !rooms.contains(room.as_str())) {
        complaints
            .push(format!("the table in ARCHITECTURE.md has a room `{room}`, and there is no such crate"));
    }
    for package in packages {
        check_package(package, &table, complaints);
    }
}

fn check_package(package: &Package, table: &BTreeMap<String, MayImport>, complaints: &mut Vec<String>) {
    let room = package.room();
    let Some(allowed) = table.get(room) else {
        complaints.push(format!("the crate `{room}` is not in the table of ARCHITECTURE.md"));
        return;
    };
    for (imported, only_tests) in package.imported_rooms() {
        let fine = match allowed {
            MayImport::Any => true,
            MayImport::Only(rooms) => {
                rooms.contains(imported)
                    || (only_tests && (imported == FOR_TESTS || lies_below(room, imported, table)))
            }
        };
        if !fine {
            complaints.push(format!("`{room}` imports `{imported}`, and ARCHITECTURE.md does not allow it"));
        }
    }
}

/// True when a room reaches another by the imports that the table allows. Its tests may build what the room stands
/// on: for instance a database for a query.
fn lies_below(room: &str, other: &str, table: &BTreeMap<String, MayImport>) -> bool {
    match table.get(room) {
        Some(MayImport::Only(rooms)) => {
            rooms.iter().any(|below| below == other || lies_below(below, other, table))
        }
        Some(MayImport::Any) | None => false,
    }
}

/// Reads the table: room -> what it may import. A first cell may name several rooms.
fn parse(architecture: &str) -> Option<BTreeMap<String, MayImport>> {
    let mut lines = architecture.lines().skip_while(|line| line.trim() != HEADER);
    lines.next()?;
    let rows = lines.skip(1).take_while(|line| line.trim_start().starts_with('|'));
    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
        let (Some(rooms), Some(imports)) = (cells.first(), cells.get(2)) else { continue };
        for room in names(rooms) {
            let allowed =
                if *imports == "any" { MayImport::Any } else { MayImport::Only(names(imports).collect()) };
            table.insert(room, allowed);
        }
    }
    Some(table)
}

/// The names in a cell: separated by commas, with or without backticks; a dash stands for none.
fn names(cell: &str) -> impl Iterator<Item = String> {
    let words = cell.split(',').map(|name| name.trim().trim_matches('`'));
    words.filter(|name| !matches!(*name, "" | "-" | "–" | "—")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "text\n\n| room | one line | may import | must never know |\n|---|---|---|---|\n\
        | host | clock | – | ours |\n| `model` | values | host | x |\n| testkit, xtask | tests | any | – |\n\nmore\n";

    fn packages() -> Vec<Package> {
        let json = r#"[
            {"name": "irori-host", "dependencies": [{"name": "irori-testkit", "kind": "dev", "path": "/a"}]},
            {"name": "irori-model", "dependencies": [{"name": "irori-host", "kind": null, "path": "/b"},
                                                     {"name": "bytes", "kind": null}]},
            {"name": "irori-testkit", "dependencies": [{"name": "irori-model", "kind": null, "path": "/c"}]},
            {"name": "xtask", "dependencies": []}
        ]"#;
        serde_json::from_str(json).unwrap()
    }

    fn complaints_of(packages: &[Package], table: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        check(packages, table, &mut complaints);
        complaints
    }

    #[test]
    fn allowed_imports_and_test_imports_of_testkit_are_fine() {
        assert_eq!(complaints_of(&packages(), TABLE), Vec::<String>::new());
    }

    #[test]
    fn an_import_that_the_table_does_not_name_is_a_complaint() {
        let table = TABLE.replace("values | host", "values | –");
        let complaints = complaints_of(&packages(), &table);
        assert_eq!(complaints, ["`model` imports `host`, and ARCHITECTURE.md does not allow it"]);
    }

    #[test]
    fn tests_may_import_what_lies_below_their_room() {
        let table = TABLE.replace("\n\nmore", "\n| query | plans | model | – |\n\nmore");
        let query = |kind: &str| {
            let json = format!(
                r#"{{"name": "irori-query", "dependencies": [{{"name": "irori-host", "kind": {kind}, "path": "/a"}}]}}"#
            );
            let mut packages = packages();
            packages.push(serde_json::from_str(&json).unwrap());
            packages
        };
        assert_eq!(complaints_of(&query("\"dev\""), &table), Vec::<String>::new());
        assert_eq!(complaints_of(&query("null"), &table).len(), 1);
    }

    #[test]
    fn testkit_outside_the_tests_is_a_complaint() {
        let mut packages = packages();
        let as_normal = r#"{"name": "irori-host", "dependencies": [{"name": "irori-testkit", "kind": null, "path": "/a"}]}"#;
        packages[0] = serde_json::from_str(as_normal).unwrap();
        assert_eq!(complaints_of(&packages, TABLE).len(), 1);
    }

    #[test]
    fn table_and_crates_must_name_the_same_rooms() {
        let table = TABLE.replacen("| host |", "| hearth |", 1);
        assert_eq!(complaints_of(&packages(), &table).len(), 2);
    }
}
