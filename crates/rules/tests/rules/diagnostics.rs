//! What the compiler says, and where.

use rules::{Issue, Ruleset};

use crate::world::wrapped;

fn issues(source: &str) -> Vec<String> {
    let list =
        |issues: Vec<Issue>| issues.iter().map(|issue| format!("{:?} {issue}", issue.severity)).collect();
    match Ruleset::compile(source) {
        Ok((_, warnings)) => list(warnings),
        Err(issues) => list(issues),
    }
}

/// Issues of what stands in the documents' block, which begins on line 4.
fn check(inner: &str, expected: &[&str]) {
    assert_eq!(issues(&wrapped(inner)), expected, "{inner}");
}

#[test]
fn a_mistake_is_named_where_it_is() {
    check("match /a/{b} { allow read: if ; }", &["Error L4:28 Missing conditional expression after 'if'."]);
    check("match /a/{b} { allow read: if }", &["Error L4:28 Missing conditional expression after 'if'."]);
    check(
        "match /a/{b} { allow read: true; }",
        &["Error L4:28 Unexpected 'true'. Expected 'if' and a condition."],
    );
    check("match /a/{b} { allow read: if (1; }", &["Error L4:33 Unexpected ';'. Expected ')'."]);
    check("match /a/{b} { allow read: if a b; }", &["Error L4:33 Unexpected 'b'. Expected ';'."]);
    check("/a/{b} { }", &["Error L4:1 Missing 'match' keyword before path."]);
    check("match a { }", &["Error L4:7 Unexpected 'a'. Expected a path that begins with '/'."]);
    check(
        "match /a/$(b) { }",
        &["Error L4:10 Forward slash '/' found where identifier or binding expected."],
    );
    check("match /a/{b { }", &["Error L4:13 Missing '}' of the wildcard '{b'. Write '{b}' or '{b=**}'."]);
    check(
        "match /{a=**}/{b=**} { }",
        &["Error L4:7 A path can have one recursive wildcard '{name=**}' at most."],
    );
    check(
        "match /a/{b} { allow read: if 'x; }",
        &[
            "Error L4:31 This string does not end on its line. Close it with '.",
            "Error L7:1 Missing '}' at the end of a block.",
        ],
    );
    check(
        "match /a/{b} { allow read: if 'é\\q'; }",
        &["Error L4:33 Invalid escape sequence '\\q'. Write '\\\\' for a backslash."],
    );
    check(
        "match /a/{b} { allow read: if 1.x; }",
        &["Error L4:31 A number must not end in '.'. Write digits after it, or parentheses around it."],
    );
    check(
        "match /a/{b} { allow read: if b is text; }",
        &[
            "Error L4:36 'text' is not a type. Types are bool, bytes, constraint, duration, float, int, latlng, list, map, \
         map_diff, number, path, set, string, timestamp.",
        ],
    );
    check(
        "match /a/{b} { allow read: if b.matches('a(?=b)'); }",
        &[
            "Error L4:41 Invalid regular expression pattern: look-around, including look-ahead and look-behind, is not \
         supported.",
        ],
    );
    check(
        "match /a/{b} { allow read: if b.matches('(a)\\\\1'); }",
        &["Error L4:41 Invalid regular expression pattern: backreferences like \\1 are not supported."],
    );
    check("match /a/{b} { allow read: if true ^ false; }", &["Error L4:36 Unexpected '^'."]);
    check("allow read;", &[]);
    check(
        "function f() { let a = 1 return a; } match /a/b { allow read: if f() == 1; }",
        &["Error L4:26 Unexpected 'return'. Expected ';'."],
    );
    check(
        "function if() { return 1; }",
        &["Error L4:10 'if' is a word of the language and cannot be a name."],
    );
}

#[test]
fn one_run_lists_several_mistakes() {
    let inner =
        "match /a/{b} {\n  allow read: if ;\n  allow write: if ) ;\n  allow list: if true;\n}\nmatch b { }";
    check(
        inner,
        &[
            "Error L5:15 Missing conditional expression after 'if'.",
            "Error L6:19 Unexpected ')'. Expected an expression.",
            "Error L9:7 Unexpected 'b'. Expected a path that begins with '/'.",
        ],
    );
}

#[test]
fn the_frame_of_a_file_is_checked() {
    let table = [
        ("", "Error L1:1 There is no service. Write 'service cloud.firestore { … }'."),
        ("{ \"rules\": {} }", "Error L1:1 Unexpected '{'. Expected 'service'."),
        ("rules_version = '3'; service a {}", "Error L1:17 Invalid rules version. Write '1' or '2'."),
        ("rules_version = 2; service a {}", "Error L1:17 Invalid rules version. Write '1' or '2'."),
        ("service cloud.firestore {", "Error L1:26 Missing '}' at the end of a block."),
        ("service cloud.firestore { allow read; }", "Error L1:27 'allow' must stand within a 'match'."),
        ("service cloud.firestore { } }", "Error L1:29 Unexpected '}'. Expected 'service'."),
        ("service cloud.firestore { /* }", "Error L1:27 This comment has no end. Close it with '*/'."),
        (
            "service cloud.firestore { match /{a=**}/b { } }",
            "Error L1:33 Invalid glob match expression. Glob matches are permitted as the last segment in a match \
             declaration path. Write \"rules_version = '2';\" to use them anywhere.",
        ),
    ];
    for (source, expected) in table {
        assert_eq!(issues(source), [expected], "{source}");
    }
}

#[test]
fn what_can_only_fail_compiles_with_a_warning() {
    check("match /a/{b} { allow read: if c == 1; }", &["Warning L4:31 Invalid variable name: c."]);
    check("match /a/{b} { allow read: if f(); }", &["Warning L4:31 Invalid function name: f."]);
    check("match /a/{b} { allow read: if b.foo(); }", &["Warning L4:31 Invalid function name: foo."]);
    check(
        "match /a/{b} { allow read: if exists(b, b); }",
        &["Warning L4:31 Function 'exists' takes 1 arguments, not 2."],
    );
    check(
        "match /a/{b} { allow fetch; }",
        &[
            "Warning L4:22 'fetch' is not a method, so this allows nothing. Methods are read, write, get, list, create, \
         update, delete.",
        ],
    );
    check(
        "function f(a) { let c = 1; return 2; }",
        &[
            "Warning L4:10 Unused variable: a.",
            "Warning L4:10 Unused variable: c.",
            "Warning L4:10 Unused function: f.",
        ],
    );
}

#[test]
fn names_and_calls_that_cannot_be_are_errors() {
    check(
        "function f() { return 1; } function f(a) { return a; } match /a/b { allow read: if f() == 1; }",
        &[
            "Error L4:37 Function 'f' is defined twice here. Give one another name.",
            "Warning L4:10 Unused function: f.",
            "Warning L4:84 Function 'f' takes 1 arguments, not 0.",
        ],
    );
    let text = |name| {
        format!("Function '{name}' calls itself, directly or through others. Recursion is not possible.")
    };
    check(
        "function f() { return f(); } match /a/b { allow read: if f(); }",
        &[&format!("Error L4:10 {}", text("f"))],
    );
    check(
        "function f() { return g(); } function g() { return f(); } function h() { return f(); } function i() { return 1; } \
         match /a/b { allow read: if h() && i() == 1; }",
        &[&format!("Error L4:10 {}", text("f")), &format!("Error L4:39 {}", text("g"))],
    );
    check(
        "function f(a, a) { return a; } match /a/b { allow read: if f(1, 2) == 1; }",
        &["Error L4:15 Parameter 'a' is named twice.", "Warning L4:10 Unused variable: a."],
    );
}

#[test]
fn positions_count_characters_and_bytes() {
    let Err(issues) = Ruleset::compile("service é") else { panic!("refused") };
    let position = issues[0].position;
    assert_eq!((position.line, position.column, position.offset, position.end), (1, 9, 8, 10));
    let source = wrapped("// äöü\nmatch /a/{b} { allow read: if 'äöü' == ; }");
    let Err(issues) = Ruleset::compile(&source) else { panic!("refused") };
    assert_eq!(issues[0].to_string(), "L5:40 Unexpected ';'. Expected an expression.");
    assert_eq!(&source[issues[0].position.offset as usize..issues[0].position.end as usize], ";");
}

#[test]
fn semicolons_and_spaces_are_free() {
    for inner in [
        "match /a/{b} { allow read }",
        "match /a/{ b } { allow read: if true allow write: if false }",
        "match\n/a/{b}\n{\nallow\nread\n,\nlist\n:\nif\ntrue\n}",
        "match /a/{b}{allow read:if true;/* c */}// d",
    ] {
        check(inner, &[]);
    }
}
