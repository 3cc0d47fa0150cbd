//! What queries read and hold: it follows the result, never the kind; and batches are bounded.

use model::entity::EntityValue;
use model::entity::query::{EntityQuery, GqlStatement};
use query::MissingIndex;
use query::entities::{MoreResults, prepare_entity_aggregation, run_entity_query};

use crate::world::{World, database, query, statement};

/// `G:'g'/T:1…`: `n` counts up, `even` tells parity, `tags` are two numbers, `date` counts down.
fn world(entities: i64, indexes: &[&str]) -> World {
    let world = World::new(indexes);
    let text = |n: i64| {
        let (even, tag, date) = (n % 2 == 0, n % 10, entities - n);
        format!("G:'g'/T:{n} n={n} even={even} tags=[{tag};{}] date={date}", 100 + tag)
    };
    let all: Vec<String> = (1..=entities).map(text).collect();
    for some in all.chunks(500) {
        world.put(&some.iter().map(String::as_str).collect::<Vec<_>>());
    }
    world
}

/// Results, index entries and entities read.
fn cost(world: &World, gql: &str) -> (usize, u64, u64) {
    let view = world.view();
    let (_, batch) = run_entity_query(&view, &query(gql).expect(gql), MissingIndex::Suggest).expect(gql);
    (batch.rows.len(), view.reads().index_entries, view.reads().documents)
}

#[test]
fn a_limited_query_reads_the_same_of_any_kind() {
    let indexes = ["T/ -date", "T even -date", "T tags -date"];
    let (small, large) = (world(300, &indexes), world(3_000, &indexes));
    for gql in [
        "SELECT * FROM T LIMIT 10",
        "SELECT * FROM T WHERE n >= 40 LIMIT 10",
        "SELECT __key__ FROM T WHERE n >= 40 LIMIT 10",
        "SELECT * FROM T ORDER BY n DESC LIMIT 10",
        "SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(G, 'g') ORDER BY date DESC LIMIT 10",
        "SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(G, 'g') AND even = TRUE LIMIT 10",
        "SELECT * FROM T WHERE even = TRUE AND tags = 102 LIMIT 2",
        "SELECT * FROM T WHERE tags = 2 AND even = TRUE ORDER BY date DESC LIMIT 5",
        "SELECT * FROM T WHERE n IN ARRAY(5, 7, 9)",
        "SELECT * FROM T WHERE n > 10 LIMIT 5 OFFSET 20",
        "SELECT n FROM T ORDER BY n LIMIT 5",
        "SELECT DISTINCT even FROM T",
    ] {
        let (few, many) = (cost(&small, gql), cost(&large, gql));
        assert_eq!(few, many, "{gql}");
        assert!(few.1 <= 60 && few.2 <= 27, "{gql}: {few:?}");
    }
}

/// Where it is read depends on this: what is short holds up the thread that serves its connection.
#[test]
fn a_plan_is_short_when_nearly_each_row_that_is_read_is_among_few_results() {
    let world = world(3_000, &["T/ -date", "T even -date"]);
    for (gql, short) in [
        ("SELECT * FROM T LIMIT 10", true),
        ("SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(G, 'g') LIMIT 10", true),
        ("SELECT * FROM T WHERE __key__ HAS ANCESTOR KEY(G, 'g') ORDER BY date DESC LIMIT 10", true),
        ("SELECT * FROM T WHERE even = TRUE ORDER BY date DESC LIMIT 10 OFFSET 22", true),
        ("SELECT * FROM T WHERE even = TRUE ORDER BY date DESC LIMIT 10 OFFSET 23", false),
        ("SELECT * FROM T", false),
        ("SELECT * FROM T WHERE even = TRUE AND tags = 102 LIMIT 2", false),
        ("SELECT * FROM T WHERE even = TRUE ORDER BY tags LIMIT 2", false),
        ("SELECT * WHERE __key__ HAS ANCESTOR KEY(G, 'g') LIMIT 2", false),
        ("SELECT DISTINCT even FROM T LIMIT 2", false),
        ("SELECT * FROM __kind__ LIMIT 2", false),
    ] {
        let (view, query) = (world.view(), query(gql).expect(gql));
        let (plan, batch) = run_entity_query(&view, &query, MissingIndex::Suggest).expect(gql);
        assert_eq!(plan.is_short(), short, "{gql}: {plan}");
        let window = batch.rows.len() as u64 + 23;
        let read = view.reads().documents.max(view.reads().index_entries);
        assert!(!short || read <= window, "{gql}: {:?}", view.reads());
    }
}

#[test]
fn keys_and_counts_look_no_entity_up() {
    let world = world(1_000, &["T/ -date"]);
    let by_index = [
        "SELECT __key__ FROM T WHERE n > 100 LIMIT 50",
        "SELECT __key__ FROM T WHERE even = TRUE AND tags = 4 LIMIT 20",
        "SELECT __key__ FROM T WHERE __key__ HAS ANCESTOR KEY(G, 'g') ORDER BY date DESC LIMIT 20",
        "SELECT __key__ FROM T WHERE tags > 0 LIMIT 20",
    ];
    for gql in by_index {
        assert_eq!(cost(&world, gql).2, 0, "{gql}");
    }
    let (view, gql) = (world.view(), "SELECT COUNT(*) FROM T WHERE n > 100 AND n <= 900");
    let GqlStatement::Aggregation(counted) = statement(gql).expect(gql) else { panic!("{gql}") };
    let prepared = prepare_entity_aggregation(&counted, &database()).expect(gql);
    let plan = prepared.plan(view.indexes(), view.read_time(), MissingIndex::Require).expect(gql);
    let result = plan.execute(&view).expect(gql);
    assert_eq!(result.properties, [("property_1".to_owned(), EntityValue::Integer(800))]);
    assert_eq!((view.reads().index_entries, view.reads().documents), (800, 0));
}

#[test]
fn what_index_rows_have_twice_is_counted_once_also_beyond_the_list() {
    let world = world(1_000, &[]);
    let count = |gql: &str| {
        let GqlStatement::Aggregation(counted) = statement(gql).expect(gql) else { panic!("{gql}") };
        let view = world.view();
        let prepared = prepare_entity_aggregation(&counted, &database()).expect(gql);
        let plan = prepared.plan(view.indexes(), view.read_time(), MissingIndex::Suggest).expect(gql);
        plan.execute(&view).expect(gql).properties.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(count("SELECT COUNT(*) FROM T WHERE tags >= 0"), [EntityValue::Integer(1_000)]);
    assert_eq!(count("AGGREGATE COUNT_UP_TO(7) OVER (SELECT * FROM T)"), [EntityValue::Integer(7)]);
    assert_eq!(
        count("AGGREGATE COUNT(*) OVER (SELECT * FROM T LIMIT 30 OFFSET 990)"),
        [EntityValue::Integer(10)]
    );
    assert_eq!(
        count("SELECT COUNT(*), SUM(tags), AVG(n), SUM(even) FROM T WHERE n <= 10"),
        [
            EntityValue::Integer(10),
            EntityValue::Integer(1_090),
            EntityValue::Double(5.5),
            EntityValue::Integer(0)
        ]
    );
    assert_eq!(count("SELECT SUM(n), AVG(missing) FROM T"), [EntityValue::Integer(0), EntityValue::Null]);
}

#[test]
fn batches_end_early_and_go_on_without_a_gap() {
    let world = world(2_500, &[]);
    let mut query =
        EntityQuery { offset: 1_100, ..query("SELECT __key__ FROM T ORDER BY n").expect("it parses") };
    let (mut keys, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let (_, batch) = run_entity_query(&world.view(), &query, MissingIndex::Suggest).expect("it runs");
        sizes.push((batch.skipped, batch.rows.len()));
        keys.extend(batch.rows.into_iter().map(|row| row.key.key(&crate::world::database())));
        if batch.more_results != MoreResults::NotFinished {
            assert_eq!(batch.more_results, MoreResults::None);
            break;
        }
        query.offset -= i32::try_from(batch.skipped).expect("at most a thousand");
        query.start = Some(batch.end_cursor);
    }
    assert_eq!(sizes, [(1_000, 0), (100, 300), (0, 300), (0, 300), (0, 300), (0, 200)]);
    assert_eq!(keys, (1_101..=2_500).map(|n| crate::world::key(&format!("G:'g'/T:{n}"))).collect::<Vec<_>>());
}

#[test]
fn counting_by_offset_tells_the_end() {
    let world = world(20, &[]);
    let batch = |gql: &str| world.run(gql).expect(gql);
    let over = batch("SELECT __key__ FROM T LIMIT 0 OFFSET 100");
    assert_eq!((over.skipped, over.more_results), (20, MoreResults::None));
    assert!(over.skipped_cursor.is_some_and(|cursor| cursor == over.end_cursor));
    let within = batch("SELECT __key__ FROM T LIMIT 0 OFFSET 20");
    assert_eq!((within.skipped, within.more_results), (20, MoreResults::None));
    assert_eq!(batch("SELECT __key__ FROM T LIMIT 0").more_results, MoreResults::AfterLimit);
    let none = batch("SELECT * FROM Nothing");
    assert!(none.rows.is_empty() && !none.end_cursor.is_empty() && none.more_results == MoreResults::None);
}
