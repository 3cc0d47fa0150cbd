//! `irori rules`: the example of the documentation, and mistakes.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::text;

/// What the program says, and whether it is content.
fn run(arguments: &[&str]) -> (String, bool) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_irori")).arg("rules").args(arguments).output().expect("it runs");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    (said, output.status.success())
}

fn documented(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules").join(name)
}

#[test]
fn the_documented_example_is_as_expected() {
    let (said, good) = run(&["check", text(&documented("firestore.rules"))]);
    assert!(good && said.ends_with("firestore.rules: no complaints\n"), "{said}");
    let (said, good) = run(&["test", text(&documented("cases.yaml"))]);
    assert!(good, "{said}");
    assert!(said.ends_with("cases are as expected.\n"), "{said}");
}

const RULES: &str = "rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /posts/{post} {
      allow read: if resource.data.public == true;
    }
  }
}
";

fn cases(directory: &TempDir, text: &str) -> (String, bool) {
    let (rules, file) = (directory.path().join("r.rules"), directory.path().join("cases.yaml"));
    std::fs::write(&rules, RULES).expect("written");
    std::fs::write(&file, text).expect("written");
    run(&["test", file.to_str().expect("letters")])
}

#[test]
fn a_surprise_is_shown_with_the_place_that_made_it() {
    let directory = TempDir::new().expect("a directory");
    let (said, good) = cases(
        &directory,
        "rules: r.rules
documents:
  posts/one: {public: false}
  posts/two: {public: true, at: {$timestamp: 2026-01-31T12:00:00Z}}
cases:
  - {as: null, get: posts/one, expect: allow, name: everybody reads}
  - {as: alice, get: posts/two, expect: deny}
  - {as: alice, list: posts, expect: allow}
  - {as: alice, delete: posts/one, expect: allow}
  - {as: alice, list: posts, where: [[public, ==, true]], order_by: n desc, limit: 3, expect: allow}
",
    );
    assert!(!good);
    for expected in [
        "FAIL  deny   nobody       get posts/one (everybody reads)\n",
        "r.rules:5:7: this does not hold\n    5 |       allow read: if resource.data.public == true;\n",
        "FAIL  allow  alice        get posts/two\n",
        "r.rules:5:22: this holds\n",
        "the query does not make sure of this",
        "no allow is for this path and method",
        "ok    allow  alice        list posts\n",
        "\n1 of 5 cases are as expected.\n",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
}

#[test]
fn cases_that_make_no_sense_are_named() {
    let directory = TempDir::new().expect("a directory");
    let table = [
        ("cases:\n  - {get: posts/one, expect: allow}", "names no rules"),
        (
            "rules: r.rules\ncases:\n  - {get: posts, expect: allow}",
            "case 1: `posts` is no path of a document",
        ),
        ("rules: r.rules\ncases:\n  - {get: a/b, list: c, expect: deny}", "case 1: say exactly one of"),
        (
            "rules: r.rules\ncases:\n  - {get: a/b, limit: 3, expect: deny}",
            "case 1: `limit` says nothing here",
        ),
        ("rules: r.rules\ncases:\n  - {as: 7, get: a/b, expect: deny}", "case 1: as: 7 is nobody"),
        ("rules: r.rules\ncases:\n  - {update: a/b, expect: deny}", "case 1: a/b is not among the documents"),
        ("rules: r.rules\ncases:\n  - {list: c, where: [[a, '=', 1]], expect: deny}", "`=` compares nothing"),
        ("rules: r.rules\ncases:\n  - {get: a/b}", "expect"),
        ("rules: r.rules\ncases: [", "cases.yaml: "),
        ("rules: nowhere.rules\ncases: []", "could not read"),
        ("rules: r.rules\ndocuments: {a/b: {x: {$geo: 1}}}\ncases: []", "document a/b: 1 is no place"),
    ];
    for (text, expected) in table {
        let (said, good) = cases(&directory, text);
        assert!(!good && said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let directory = TempDir::new().expect("a directory");
    let mut text = "rules: r.rules\ncases: []\ndocuments:\n  a/a: &a0 {x: lol}\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        text += &format!("  a/a{level}: &a{level} {{x: [*a{before}, *a{before}, *a{before}, *a{before}]}}\n");
    }
    let (said, good) = cases(&directory, &text);
    assert!(!good, "{said}");
}
