//! Which queries count as the same. That matchers answer as queries do is part of the random queries' test.

use crate::text;

fn identity(query: &str) -> Vec<u8> {
    let prepared = query::prepare(&text::query(query), &text::database()).expect(query);
    prepared.matcher().expect(query).identity()
}

#[test]
fn queries_that_ask_the_same_are_one() {
    let same = [
        ("c where a = 1 and b = 2", "c where b = 2 and a = 1"),
        ("c where a in [1, 2]", "c where a = 2 or a = 1"),
        ("c where a in [1, 1]", "c where a = 1"),
        ("c where a > 1", "c where a > 1 order by a"),
        ("c where a = 1", "c where a = 1.0"),
        ("c", "c order by __name__"),
    ];
    for (one, other) in same {
        assert_eq!(identity(one), identity(other), "{one} | {other}");
    }
    let different = [
        "c",
        "d",
        "group c",
        "group c below c/a",
        "c limit 1",
        "c limit 2",
        "c offset 1",
        "c limit 0",
        "c select (a)",
        "c select (a, b)",
        "c where a = 1",
        "c where a = 2",
        "c where b = 1",
        "c where a contains 1",
        "c where a > 1",
        "c where a >= 1",
        "c where a > 1 order by a desc",
        "c where a = 1 or b = 1",
        "c where a = 1 and b = 1",
        "c order by a",
        "c order by a from (1)",
        "c order by a after (1)",
        "c order by a to (1)",
        "c where __name__ = /c/a",
        "c where __name__ > /c/a",
    ];
    for (n, one) in different.iter().enumerate() {
        for other in &different[..n] {
            assert_ne!(identity(one), identity(other), "{one} | {other}");
        }
    }
}
