//! What queries read: it follows the result, never the collection.

use std::collections::BTreeMap;

use database::{ReadCounts, View};
use model::query::{Aggregation, AggregationKind, AggregationQuery};
use model::{DocumentPath, Fields, Value};
use query::MissingIndex;

use crate::text;
use crate::world::{World, run};

/// `c/d00000…`: `n` counts up, `even` tells parity, `rare` is set on every thousandth, `mod` is n % 100.
fn world(documents: i64, indexes: &[&str]) -> World {
    let world = World::new(indexes);
    let document = |n: i64| {
        let path = DocumentPath::new(&format!("c/d{n:05}")).expect("even");
        let mut fields = text::fields(&format!("{{n: {n}, even: {}, mod: {}}}", n % 2 == 0, n % 100));
        if n % 1000 == 500 {
            fields.insert("rare".to_owned(), Value::Boolean(true));
        }
        (path, fields)
    };
    let all: BTreeMap<DocumentPath, Fields> = (0..documents).map(document).collect();
    world.set_all(&all);
    world
}

/// How many results a query has, and what it read.
fn cost(view: &View, text: &str) -> (usize, ReadCounts) {
    let before = view.reads();
    let found = run(view, &text::query(text), MissingIndex::Suggest).expect(text).len();
    let after = view.reads();
    let documents = after.documents - before.documents;
    (found, ReadCounts { index_entries: after.index_entries - before.index_entries, documents })
}

#[test]
fn a_limited_query_reads_the_same_of_any_collection() {
    let (small, large) = (world(500, &[]), world(5_000, &[]));
    for text in [
        "c limit 10",
        "c order by __name__ desc limit 10",
        "c where n >= 40 limit 10",
        "c where even = true order by __name__ after (/c/d00020) limit 10",
        "c order by n desc limit 10",
        "c where n != 3 limit 10",
        "c where mod in [1, 2, 3, 4, 5] limit 2",
        "c where n in [1, 2, 3] or even = true limit 10",
        "c where n > 10 offset 20 limit 5",
    ] {
        let (few, many) = (cost(&small.view(), text), cost(&large.view(), text));
        assert_eq!(few, many, "{text}");
        assert!(many.1.documents <= 11 && many.1.index_entries <= 30, "{text}: {many:?}");
    }
}

/// Where it is read depends on this: what is short holds up the thread that serves its connection.
#[test]
fn a_plan_is_short_when_each_row_that_is_read_is_among_few_results() {
    let world = world(3_000, &["c even asc, n asc"]);
    for (text, short) in [
        ("c limit 10", true),
        ("c order by n desc limit 10", true),
        ("c where even = true and n > 70 limit 32", true),
        ("c where n > 10 offset 20 limit 12", true),
        ("c where n > 10 offset 20 limit 13", false),
        ("c where n > 10", false),
        ("c where even = true and mod = 7 limit 1", false),
        ("c where even = true order by mod limit 1", false),
        ("c where n in [1, 2] limit 2", false),
    ] {
        let (view, query) = (world.view(), text::query(text));
        let outcome = query::run_query(&view, &query, MissingIndex::Suggest).expect(text);
        assert_eq!(outcome.plan.is_short(), short, "{text}: {}", outcome.plan);
        let (found, read) = cost(&view, text);
        let window = found as u64 + 20;
        assert!(!short || read.documents.max(read.index_entries) <= window, "{text}: {read:?}");
    }
}

#[test]
fn what_is_skipped_or_merged_away_is_never_fetched() {
    let world = world(3_000, &[]);
    let (found, read) = cost(&world.view(), "c where n > 10 offset 1000 limit 5");
    assert_eq!((found, read.documents, read.index_entries), (5, 5, 1005));
    // 1,500 are even and 3 are rare: the leapfrog follows the rare.
    let (found, read) = cost(&world.view(), "c where even = true and rare = true");
    assert_eq!((found, read.documents), (3, 3));
    assert!(read.index_entries <= 10, "{read:?}");
}

#[test]
fn a_second_range_makes_the_scan_jump() {
    let world = world(5_000, &["c mod asc, n asc"]);
    let (found, read) = cost(&world.view(), "c where mod >= 10 and n < 250");
    assert_eq!((found, read.documents), (180 + 40, 220));
    // Each of the 90 values of `mod` costs its matches and one entry more.
    assert!(read.index_entries <= 220 + 90, "{read:?}");
}

#[test]
fn counting_reads_keys_only_and_stops_at_its_bound() {
    let world = world(2_000, &[]);
    let count = |text: &str, up_to| {
        let aggregations =
            vec![Aggregation { alias: "n".to_owned(), kind: AggregationKind::Count { up_to } }];
        let query = AggregationQuery { query: text::query(text), aggregations };
        let view = world.view();
        let result = query::run_aggregation(&view, &query, MissingIndex::Require).expect(text);
        (result.fields[0].1.clone(), view.reads())
    };
    let (counted, read) = count("c where even = true", None);
    assert_eq!(counted, Value::Integer(1_000));
    assert_eq!(read, ReadCounts { index_entries: 1_000, documents: 0 });
    let (counted, read) = count("c where n in [1, 2, 3, 5000]", None);
    assert_eq!((counted, read), (Value::Integer(3), ReadCounts { index_entries: 3, documents: 0 }));
    let (counted, read) = count("c where even = true", Some(10));
    assert_eq!((counted, read), (Value::Integer(10), ReadCounts { index_entries: 10, documents: 0 }));
}
