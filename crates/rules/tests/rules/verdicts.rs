//! Tables of expressions and what they come to: `true`, `false`, `error`, or that they do not compile.
//!
//! Most rows are answers of production or of its own runtime; each table says which are ours.

use model::Value;
use rules::{Ruleset, Verdict, Why};

use crate::world::{World, path, rules, wrapped};

fn verdict(expression: &str) -> &'static str {
    let source = wrapped(&format!("match /a/{{id}} {{ allow get: if {expression}; }}"));
    let Ok((ruleset, _)) = Ruleset::compile(&source) else { return "refused" };
    let world = World::default()
        .with("other/doc", [("name", Value::from("Ada")), ("tags", Value::Array(vec![Value::from("x")]))]);
    match world.get(&ruleset, "a/b") {
        Verdict::Allowed => "true",
        Verdict::Denied(denial) => match &denial.reasons[0].why {
            Why::False => "false",
            Why::Error(_) => "error",
            Why::Unproved => "unproved",
        },
    }
}

/// Lines of a table are a verdict and an expression; others are blank or comments.
fn check(table: &str) {
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, expression) = line.split_once(' ').expect("a verdict and an expression");
        let found = verdict(expression.trim());
        rows += 1;
        if found != expected {
            wrong.push(format!("{found}, not {expected}: {expression}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn types_and_comparisons() {
    check(include_str!("verdicts/types"));
}

#[test]
fn operators_and_errors() {
    check(include_str!("verdicts/operators"));
}

#[test]
fn strings_and_bytes() {
    check(include_str!("verdicts/strings"));
}

#[test]
fn regular_expressions_are_those_of_re2() {
    check(include_str!("verdicts/regex"));
}

#[test]
fn lists_sets_and_ranges() {
    check(include_str!("verdicts/collections"));
}

#[test]
fn maps_and_differences() {
    check(include_str!("verdicts/maps"));
}

#[test]
fn times_and_durations() {
    check(include_str!("verdicts/times"));
}

#[test]
fn math_places_and_hashes() {
    check(include_str!("verdicts/math"));
}

#[test]
fn paths_and_documents() {
    check(include_str!("verdicts/paths"));
}

#[test]
fn variables_of_a_read() {
    check(include_str!("verdicts/request"));
}

#[test]
fn debug_prints_and_passes_on() {
    let ruleset = rules(&wrapped("match /a/{id} { allow get: if debug(id) == 'b'; }"));
    let world = World::default();
    assert_eq!(world.get(&ruleset, path("a/b").as_str()), Verdict::Allowed);
    assert_eq!(*world.debugged.borrow(), ["L4:31 'b'"]);
}
