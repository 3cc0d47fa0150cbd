//! Rules and requests by chance, over the whole of the operations.

use proptest::prelude::*;
use service::{Explain, RulesOf};

use crate::operations::Operation;
use crate::world::{World, write};

/// Conditions that are told apart by documents, by who asks and by what is written; some of them are errors.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "true",
        "false",
        "resource.data.n == 1",
        "resource.data.n > 1",
        "resource.data.open",
        "resource.data.owner == request.auth.uid",
        "resource.data.missing == 1",
        "request.auth != null",
        "request.resource.data.n == 1",
        "resource == null",
        "d == 'a'",
        "exists(/databases/$(database)/documents/c/$(request.auth.uid))",
        "get(/databases/$(database)/documents/c/a).data.n == 1",
        "getAfter(/databases/$(database)/documents/c/b).data.open",
        "1 / 0 == 1",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| format!("({a} && {b})")),
            pair.prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    let owner = prop::sample::select(vec!["ada", "bob"]);
    let name = prop::sample::select(vec!["a", "b", "ada", "bob"]);
    (name, 0..3, any::<bool>(), owner)
        .prop_map(|(name, n, open, owner)| format!("c/{name} {{n: {n}, open: {open}, owner: \"{owner}\"}}"))
}

fn query() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "c",
        "c where n = 1",
        "c where n > 1",
        "c where open = true",
        "c where owner = \"ada\"",
        "c where owner = \"ada\" and n = 1",
        "c where n in [1, 2]",
        "c where n = 1 or owner = \"bob\"",
        "c where n = 2 order by n limit 2",
    ])
    .prop_map(str::to_owned)
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || document().prop_map(|text| text.split(' ').next().expect("a path").to_owned());
    prop_oneof![
        path().prop_map(Operation::Get),
        prop::collection::vec(path(), 1..4).prop_map(Operation::BatchGet),
        query().prop_map(|text| Operation::Query { text, explain: Explain::No }),
        query().prop_map(Operation::Count),
        prop::collection::vec(document(), 1..4)
            .prop_map(|texts| { Operation::Commit(texts.iter().map(|text| write(text)).collect()) }),
        path().prop_map(Operation::Delete),
    ]
}

fn who() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ada", "bob", "nobody"])
}

/// A world with some documents, the same each time.
fn world(documents: &[String]) -> World {
    let world = World::development();
    world.commit("owner", documents.iter().map(|text| write(text)).collect()).unwrap();
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What does not allow, allows nothing; wherever it is added, every request is answered as before.
    #[test]
    fn an_allow_that_is_false_or_fails_grants_nothing(
        documents in prop::collection::vec(document(), 1..5),
        conditions in prop::collection::vec(condition(), 1..3),
        never in prop::sample::select(vec!["false", "1 / 0 == 1", "null.x", "'text'"]),
        first in any::<bool>(),
        requests in prop::collection::vec((who(), operation()), 1..8),
    ) {
        let allow = |condition: &String| format!("allow read, write: if {condition};\n");
        let own: String = conditions.iter().map(allow).collect();
        let never = allow(&never.to_owned());
        let more = if first { format!("{never}{own}") } else { format!("{own}{never}") };
        let both = [own, more].map(|allows| {
            let world = world(&documents);
            world.rules(&format!("match /c/{{d}} {{ {allows} }}"));
            let answers = requests.iter().map(|(who, operation)| {
                operation.run(&world, who).map_err(|refusal| refusal.code)
            });
            answers.collect::<Vec<_>>()
        });
        prop_assert_eq!(&both[0], &both[1]);
    }

    /// A query that is allowed finds nothing that may not be read by itself.
    #[test]
    fn what_a_query_was_proved_to_find_may_be_read(
        documents in prop::collection::vec(document(), 1..5),
        condition in condition(),
        who in who(),
        text in query(),
    ) {
        let world = world(&documents);
        world.rules(&format!("match /c/{{d}} {{ allow read: if {condition}; }}"));
        if let Ok(found) = (Operation::Query { text, explain: Explain::No }).run(&world, who) {
            for document in found.split("; ").filter(|document| !document.is_empty()) {
                let path = document.split(' ').next().expect("a path").to_owned();
                let alone = Operation::Get(path).run(&world, who);
                prop_assert_eq!(alone.as_deref().ok(), Some(document), "{}", condition);
            }
        }
    }

    /// Rules never give more than having none does, and what they deny changes nothing.
    #[test]
    fn what_is_denied_leaves_no_trace(
        documents in prop::collection::vec(document(), 1..5),
        condition in condition(),
        who in who(),
        writes in prop::collection::vec(document(), 1..4),
    ) {
        let world = world(&documents);
        world.rules(&format!("match /c/{{d}} {{ allow write: if {condition}; }}"));
        let state = |world: &World| ["a", "b", "ada", "bob"].map(|name| world.fields(&format!("c/{name}")));
        let before = state(&world);
        let writes: Vec<_> = writes.iter().map(|text| write(text)).collect();
        match world.commit(who, writes.clone()) {
            Err(_) => prop_assert_eq!(state(&world), before),
            Ok(()) => {
                let after = state(&world);
                world.service.set_rules(RulesOf::Everything, None).unwrap();
                world.commit(who, writes).unwrap();
                prop_assert_eq!(state(&world), after);
            }
        }
    }
}
