//! Limits, each at the last value that works and the first that does not; and sources that were made to hurt.

use std::fmt::Write as _;

use model::Value;
use rules::{Accesses, Ruleset, Verdict};

use crate::world::{World, fields, rules, wrapped};

fn compiles(inner: &str) -> bool {
    Ruleset::compile(&wrapped(inner)).is_ok()
}

fn condition(condition: &str) -> String {
    wrapped(&format!("match /a/{{x}} {{ allow get: if {condition}; }}"))
}

fn outcome(source: &str) -> String {
    let Ok((ruleset, _)) = Ruleset::compile(source) else { return "refused".to_owned() };
    match World::default().get(&ruleset, "a/b") {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Denied(denial) => denial.to_string(),
    }
}

#[test]
fn a_source_has_256_kib() {
    let source = condition("true");
    let padded = |length: usize| format!("{source}{}", " ".repeat(length - source.len()));
    assert!(Ruleset::compile(&padded(256 * 1024)).is_ok());
    let Err(issues) = Ruleset::compile(&padded(256 * 1024 + 1)) else { panic!("refused") };
    assert_eq!(issues[0].to_string(), "L1:1 The source is 262145 bytes long; at most 262144 fit.");
}

#[test]
fn matches_nest_ten_deep_below_the_documents() {
    let nested =
        |depth: usize| format!("{}allow read;{}", "match /a/{x} { ".repeat(depth), " }".repeat(depth));
    assert!(compiles(&nested(10)));
    assert!(!compiles(&nested(11)));
}

#[test]
fn a_path_has_twenty_wildcards_and_a_hundred_segments() {
    let wildcards = |count: usize| (0..count).fold(String::new(), |path, at| path + &format!("/{{x{at}}}"));
    assert!(compiles(&format!("match {} {{ allow read; }}", wildcards(19))));
    assert!(
        !compiles(&format!("match {} {{ allow read; }}", wildcards(20))),
        "with {{database}} there are 21"
    );
    assert!(!compiles(&format!("match {} {{ match /{{y}}/{{z}} {{ allow read; }} }}", wildcards(18))));
    assert!(compiles(&format!("match {} {{ allow read; }}", "/a".repeat(97))));
    assert!(!compiles(&format!("match {} {{ allow read; }}", "/a".repeat(98))));
}

#[test]
fn functions_have_seven_parameters_and_nineteen_bindings() {
    let names = |count: usize| (0..count).map(|at| format!("a{at}")).collect::<Vec<_>>().join(", ");
    assert!(compiles(&format!("function f({}) {{ return 1; }}", names(7))));
    assert!(!compiles(&format!("function f({}) {{ return 1; }}", names(8))));
    let lets = |count: usize| (0..count).fold(String::new(), |text, at| text + &format!("let a{at} = 1; "));
    assert!(compiles(&format!("function f() {{ {} return 1; }}", lets(19))));
    assert!(!compiles(&format!("function f() {{ {} return 1; }}", lets(20))));
}

#[test]
fn a_chain_of_twenty_calls_works() {
    let chain = |length: usize| {
        let mut inner = String::new();
        for at in 1..length {
            write!(inner, "function f{at}() {{ return f{}(); }} ", at + 1).expect("a string");
        }
        write!(inner, "function f{length}() {{ return true; }} match /a/{{x}} {{ allow get: if f1(); }}")
            .expect("a string");
        wrapped(&inner)
    };
    assert_eq!(outcome(&chain(20)), "allowed");
    assert_eq!(outcome(&chain(21)), "\nFunctions are nested more than 20 deep. for 'get' @ L4");
}

/// Leaves of a tree of `&&`, every inner group of which stands in parentheses.
fn balanced(leaves: usize) -> String {
    match leaves {
        1 => "true".to_owned(),
        _ => {
            let half = |leaves: usize| match leaves {
                1 => balanced(1),
                _ => format!("({})", balanced(leaves)),
            };
            format!("{} && {}", half(leaves / 2), half(leaves - leaves / 2))
        }
    }
}

#[test]
fn a_decision_evaluates_a_thousand_expressions() {
    assert_eq!(outcome(&condition(&balanced(334))), "allowed");
    let text = "\nUnable to evaluate the expression as the maximum of 1000 expressions to evaluate has been reached. \
                for 'get' @ L4";
    assert_eq!(outcome(&condition(&balanced(335))), text);
    // What follows does not help, what came before does.
    let long = balanced(335);
    let after = wrapped(&format!("match /a/{{x}} {{ allow get: if {long}; allow get: if true; }}"));
    assert_eq!(outcome(&after), text);
    let before = wrapped(&format!("match /a/{{x}} {{ allow get: if true; allow get: if {long}; }}"));
    assert_eq!(outcome(&before), "allowed");
    // Even `||` does not absorb it.
    assert_eq!(outcome(&condition(&format!("({long}) || true"))), text);
}

#[test]
fn expressions_nest_98_deep() {
    let around = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for (open, inner, close) in
        [("(", "true", ")"), ("!", "true", ""), ("[", "1", "]"), ("debug(", "true", ")"), ("-", "1", "")]
    {
        assert!(Ruleset::compile(&condition(&around(open, inner, close, 98))).is_ok(), "98 of {open}");
        assert!(Ruleset::compile(&condition(&around(open, inner, close, 99))).is_err(), "99 of {open}");
    }
    assert!(Ruleset::compile(&condition(&around("1 + ", "1", "", 98))).is_ok());
    assert!(Ruleset::compile(&condition(&around("1 + ", "1", "", 99))).is_err());
    // Maps count twice, chains once.
    assert!(Ruleset::compile(&condition(&around("{'a': ", "1", "}", 49))).is_ok());
    assert!(Ruleset::compile(&condition(&around("{'a': ", "1", "}", 50))).is_err());
    assert!(Ruleset::compile(&condition(&around("true && ", "true", "", 200))).is_ok());
    assert!(Ruleset::compile(&condition(&around("true || ", "true", "", 200))).is_ok());
}

/// A condition that looks up so many documents, whose ids begin with a prefix.
fn look_ups(prefix: &str, count: usize, function: &str) -> String {
    let look_up = |at| format!("{function}(/databases/$(database)/documents/x/{prefix}{at}) != 1");
    (0..count).map(look_up).collect::<Vec<_>>().join(" && ")
}

#[test]
fn a_document_has_ten_look_ups() {
    for function in ["get", "exists", "getAfter", "existsAfter"] {
        assert_eq!(outcome(&condition(&look_ups("a", 10, function))), "allowed", "{function}");
        let text = "\nToo many document access calls: the limit of a request is reached. for 'get' @ L4";
        assert_eq!(outcome(&condition(&look_ups("a", 11, function))), text, "{function}");
    }
    // A document counts once, however it is looked up.
    let again = format!(
        "{} && {} && {}",
        look_ups("a", 10, "get"),
        look_ups("a", 10, "existsAfter"),
        look_ups("a", 10, "get")
    );
    assert_eq!(outcome(&condition(&again)), "allowed");
    // Too many is an error like any other: another allow still grants.
    let other = wrapped(&format!(
        "match /a/{{x}} {{ allow get: if {}; allow get: if true; }}",
        look_ups("a", 11, "get")
    ));
    assert_eq!(outcome(&other), "allowed");
}

#[test]
fn a_query_has_twenty_look_ups() {
    let listed = |count| {
        let source =
            wrapped(&format!("match /a/{{x}} {{ allow list: if {}; }}", look_ups("a", count, "get")));
        World::default().list(&rules(&source), &crate::world::query("a", None)).is_allowed()
    };
    assert!(listed(20));
    assert!(!listed(21));
}

#[test]
fn a_commit_has_twenty_look_ups_and_shared_ones_count_once() {
    let mut world = World::default();
    let inner: String = ["a", "b", "c"]
        .map(|name| format!("match /{name}/{{x}} {{ allow create: if {}; }} ", look_ups(name, 7, "get")))
        .concat();
    let shared = format!("match /{{c}}/{{x}} {{ allow create: if {}; }}", look_ups("a", 7, "get"));
    for name in ["a/x", "b/x", "c/x"] {
        world.after.insert(name.to_owned(), fields([]));
    }
    let commit = |inner: &str| {
        let (ruleset, mut accesses) = (rules(&wrapped(inner)), Accesses::for_documents());
        ["a/x", "b/x", "c/x"].map(|name| world.write(&ruleset, name, &mut accesses).is_allowed())
    };
    assert_eq!(commit(&inner), [true, true, false]);
    assert_eq!(commit(&shared), [true; 3]);
}

#[test]
fn sources_made_to_hurt_are_refused() {
    for piece in [
        "(",
        "[",
        "{'a':",
        "!",
        "-",
        "f(",
        "/a/$(",
        "a ? ",
        "a ? b : ",
        "a[",
        "a.b(",
        "1 + ",
        "a.",
        "match /a {",
    ] {
        let source = condition(&piece.repeat(10_000));
        assert!(Ruleset::compile(&source).is_err(), "{piece}");
    }
    let mut functions = String::new();
    for at in 0..4_000 {
        write!(functions, "function f{at}() {{ return f{}(); }} ", at + 1).expect("a string");
    }
    assert!(compiles(&functions), "a long chain compiles and fails when it is called");
    assert!(!compiles(&functions.replace("f4000()", "f0()")), "a long circle does not");
    // Automata are bounded each and together.
    let patterns = (0..8_000)
        .map(|at| format!("x.matches('\\\\p{{L}}{{{}}}')", 5 + at % 5))
        .collect::<Vec<_>>()
        .join(" || ");
    assert!(!compiles(&format!("match /a/{{x}} {{ allow get: if {patterns}; }}")));
}

/// Every step makes the value twice as large.
#[test]
fn values_made_to_grow_use_up_the_work() {
    let doubling = |first: &str, step: &str| {
        let mut inner = String::new();
        for function in 0..5 {
            write!(inner, "function f{function}(a0) {{ ").expect("a string");
            for at in 1..20 {
                let before = at - 1;
                write!(inner, "let a{at} = {}; ", step.replace('$', &format!("a{before}")))
                    .expect("a string");
            }
            match function {
                4 => inner.push_str("return a19 == a19; } "),
                _ => write!(inner, "return f{}(a19); }} ", function + 1).expect("a string"),
            }
        }
        write!(inner, "match /a/{{x}} {{ allow get: if f0({first}); }}").expect("a string");
        outcome(&wrapped(&inner))
    };
    let text = "\nUnable to evaluate the expression as it takes too long. for 'get' @ L4";
    assert_eq!(doubling("'ab'", "$ + $"), text);
    assert_eq!(doubling("[1]", "$.concat($)"), text);
    assert_eq!(doubling("[1]", "[$, $]"), text, "small in memory, endless to compare");
    assert_eq!(doubling("{'a': 1}", "{'a': $, 'b': $}"), text);
    assert_eq!(doubling("'ab'", "$.replace('', $)"), text);
    assert_eq!(doubling("'ab'", "[$, $].join($)"), text);
}

#[test]
fn a_regular_expression_is_linear_and_bounded() {
    let ruleset = rules(&wrapped(
        "match /a/{x} { allow get: if resource.data.text.matches('(a*)*(a*)*(a*)*b'); \
         allow list: if resource.data.text.matches(resource.data.pattern); }",
    ));
    let world = World::default().with("a/b", [("text", Value::from("a".repeat(100_000).as_str()))]);
    assert!(!world.get(&ruleset, "a/b").is_allowed());
    let dynamic = |pattern: &str| {
        let ruleset = rules(&wrapped(
            "match /a/{x} { allow get: if resource.data.text.matches(resource.data.pattern); }",
        ));
        let texts = [("text", Value::from("a".repeat(1_000).as_str())), ("pattern", Value::from(pattern))];
        match World::default().with("a/b", texts).get(&ruleset, "a/b") {
            Verdict::Allowed => "allowed".to_owned(),
            Verdict::Denied(denial) => denial.to_string(),
        }
    };
    assert_eq!(dynamic("a+"), "allowed");
    assert!(dynamic("((a{100}){100}){100}").contains("more than 262144 bytes"));
    assert!(dynamic(&"a?".repeat(600)).contains("at most 1024 bytes"));
}

/// Looking for every match of an expression can step over the same text again and again.
#[test]
fn many_matches_with_long_looks_use_up_the_work() {
    let world = World::default().with("a/b", [("text", Value::from("a".repeat(500_000).as_str()))]);
    let size = |expression: &str| {
        let source = format!("match /a/{{x}} {{ allow get: if {expression}; }}");
        match world.get(&rules(&wrapped(&source)), "a/b") {
            Verdict::Allowed => "allowed".to_owned(),
            Verdict::Denied(denial) => denial.to_string(),
        }
    };
    let text = "\nUnable to evaluate the expression as it takes too long. for 'get' @ L4";
    assert_eq!(size("resource.data.text.split('a*b|a').size() > 1"), text);
    assert_eq!(size("resource.data.text.replace('a*b|a', '').size() == 0"), text);
    assert_eq!(size("resource.data.text.split('a').size() == 500001"), "allowed");
    assert_eq!(size("resource.data.text.replace('aa', 'b').size() == 250000"), "allowed");
}

/// Functions that call each other from within deeply nested expressions.
#[test]
fn the_deepest_evaluation_fits_the_stack_of_a_thread() {
    for (open, close) in
        [("(", ")"), ("debug(", ")"), ("[", "][0]"), ("true && (", ")"), ("true ? ", " : false")]
    {
        let mut inner = String::new();
        for at in 0..20 {
            let next = if at == 19 { "true".to_owned() } else { format!("f{}()", at + 1) };
            let times = if open.len() + close.len() > 2 { 40 } else { 90 };
            let nested = format!("{}{next}{}", open.repeat(times), close.repeat(times));
            write!(inner, "function f{at}() {{ return {nested}; }} ").expect("a string");
        }
        inner.push_str("match /a/{x} { allow get: if f0(); }");
        assert!(outcome(&wrapped(&inner)).contains("nested too deeply"), "{open}");
    }
}

/// Many recursive wildcards below each other could match in very many ways.
#[test]
fn ways_to_match_are_counted() {
    let depth = 10;
    let inner = format!("{}allow read: if false;{}", "match /{x=**} { ".repeat(depth), " }".repeat(depth));
    let name = "a/b/".repeat(50);
    let Verdict::Denied(denial) = World::default().get(&rules(&wrapped(&inner)), name.trim_end_matches('/'))
    else {
        panic!("denied")
    };
    assert!(denial.reasons.len() <= 50);
}
