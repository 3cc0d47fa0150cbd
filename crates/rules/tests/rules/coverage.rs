//! Coverage: which values the expressions had.

use rules::{Accesses, Coverage, Covered, Observed, Operation, Request};

use crate::world::{World, path, rules, wrapped};

/// A line for each expression, inner ones indented.
fn print(covered: &[Covered], depth: usize, out: &mut String) {
    for expression in covered {
        let values = expression.values.iter().map(|(observed, count)| {
            let observed = match observed {
                Observed::Value(value) => value.to_string(),
                Observed::Other => "other".to_owned(),
                Observed::Undefined(why) => format!("undefined ({why})"),
            };
            format!("{count}x {observed}")
        });
        let values = values.collect::<Vec<_>>().join(", ");
        out.push_str(&format!("{}{} {values}\n", "  ".repeat(depth), expression.position));
        print(&expression.children, depth + 1, out);
    }
}

#[test]
fn every_expression_has_its_values_with_counts() {
    let ruleset = rules(&wrapped(
        "function known(u) { return u != null; }\nmatch /a/{x} { allow get: if known(request.auth) && x == request.auth.uid; }",
    ));
    let mut coverage = Coverage::default();
    let names = [path("a/ada"), path("a/bob")];
    for world in [World::signed_in("ada"), World::default()] {
        for name in &names {
            let operation = Operation::Get { path: name, before: None };
            let request = Request {
                database: &"d".into(),
                time: model::Timestamp::ZERO,
                auth: world.auth.as_ref(),
                operation,
            };
            let verdict =
                ruleset.decide(&request, &world, &mut Accesses::for_documents(), Some(&mut coverage));
            assert!(verdict.is_ok());
        }
    }
    let mut report = String::new();
    print(&coverage.report(&ruleset), 0, &mut report);
    let expected = "\
L4:28 2x true, 2x false
  L4:28 2x object, 2x null
  L4:33 4x null
L5:30 1x true, 3x false
  L5:30 2x true, 2x false
    L5:36 2x object, 2x null
      L5:36 1x object, 1x object, 1x object, 1x object
  L5:53 1x true, 1x false
    L5:53 1x 'ada', 1x 'bob'
    L5:58 2x 'ada'
      L5:58 2x object
        L5:58 1x object, 1x object
";
    assert_eq!(report, expected);
}
