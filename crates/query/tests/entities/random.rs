//! Random entities, indexes and queries, against the oracle: whole, page by page, from and to every cursor.

use bytes::Bytes;
use model::entity::query::{
    EntityAggregation, EntityAggregationKind, EntityAggregationQuery, EntityFilter, EntityQuery,
    PropertyOperator, PropertyOrder,
};
use model::entity::{EmbeddedEntity, Entity, EntityValue, Properties, Property};
use model::query::Direction;
use model::{Code, Status, Timestamp};
use proptest::prelude::*;
use query::MissingIndex;
use query::entities::{EntityBatch, MoreResults, prepare_entity_aggregation, run_entity_query};

use crate::oracle::{self, Answer};
use crate::show;
use crate::world::{World, database, key, row_text};

const INDEXES: [&str; 10] =
    ["K a b", "K a -b", "K b c", "K -a", "K a b c", "K b a", "K/ a", "K/ -b", "K/ a b", "K/ c -a"];
const NAMES: [&str; 4] = ["a", "b", "c", "e.x"];

fn scalar() -> impl Strategy<Value = EntityValue> {
    prop_oneof![
        6 => (0i64..4).prop_map(EntityValue::Integer),
        1 => Just(EntityValue::Null),
        1 => Just(EntityValue::Timestamp(Timestamp::from_micros(2).expect("in range"))),
        1 => any::<bool>().prop_map(EntityValue::Boolean),
        2 => prop::sample::select(vec!["", "x", "y\0"]).prop_map(|text| EntityValue::String(text.to_owned())),
        1 => Just(EntityValue::Blob(Bytes::from_static(b"x"))),
        1 => prop::sample::select(vec![-1.5, 0.0, f64::NAN]).prop_map(EntityValue::Double),
        1 => Just(EntityValue::Key(key("K:1"))),
    ]
}

fn property() -> impl Strategy<Value = Property> {
    let indexed = scalar().prop_map(Property::from);
    let excluded = scalar().prop_map(|value| Property { value, excluded: true, meaning: 0 });
    let element = prop_oneof![8 => indexed, 1 => excluded];
    let list = prop::collection::vec(element.clone(), 0..4).prop_map(|list| EntityValue::Array(list).into());
    prop_oneof![3 => element, 2 => list]
}

fn properties() -> impl Strategy<Value = Properties> {
    let inner = prop::option::of(property()).prop_map(|x| {
        x.map(|x| {
            let properties = Properties::from([("x".to_owned(), x)]);
            Property::from(EntityValue::Entity(EmbeddedEntity { key: None, properties }))
        })
    });
    let maybe = || prop::option::weighted(0.8, property());
    (maybe(), maybe(), maybe(), inner).prop_map(|(a, b, c, e)| {
        let named = [("a", a), ("b", b), ("c", c), ("e", e)];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

fn entities() -> impl Strategy<Value = Vec<Entity>> {
    let keys = vec![
        "K:1",
        "K:2",
        "K:2/K:1",
        "K:2/J:7/K:3",
        "K:3",
        "K:-4",
        "K:'a'",
        "K:'a.b'",
        "J:1",
        "J:1/K:9",
        "n!K:1",
        "K:77",
    ];
    prop::collection::vec((prop::sample::select(keys), properties()), 1..14).prop_map(|all| {
        let all: std::collections::BTreeMap<_, _> = all.into_iter().map(|(k, p)| (key(k), p)).collect();
        all.into_iter().map(|(key, properties)| Entity { key, properties }).collect()
    })
}

fn comparison() -> impl Strategy<Value = EntityFilter> {
    use PropertyOperator as O;
    let name = || prop::sample::select(NAMES.to_vec());
    let single = vec![O::LessThan, O::LessThanOrEqual, O::GreaterThan, O::GreaterThanOrEqual, O::NotEqual];
    let filter = |name: &str, operator, value: EntityValue| EntityFilter::Property {
        name: name.to_owned(),
        operator,
        value: value.into(),
    };
    let list =
        |values: Vec<EntityValue>| EntityValue::Array(values.into_iter().map(Property::from).collect());
    let keys = prop::sample::select(vec!["K:1", "K:2", "K:2/K:1", "K:3", "K:'a'", "J:5"]);
    let ordered =
        prop::sample::select(vec![O::Equal, O::LessThan, O::GreaterThan, O::GreaterThanOrEqual, O::NotEqual]);
    prop_oneof![
        4 => (name(), scalar()).prop_map(move |(name, value)| filter(name, O::Equal, value)),
        3 => (name(), prop::sample::select(single), scalar()).prop_map(move |(n, o, v)| filter(n, o, v)),
        1 => (name(), prop::collection::vec(scalar(), 1..4)).prop_map(move |(n, v)| filter(n, O::In, list(v))),
        1 => (name(), prop::collection::vec(scalar(), 1..3)).prop_map(move |(n, v)| filter(n, O::NotIn, list(v))),
        1 => (ordered, keys).prop_map(move |(o, k)| filter("__key__", o, EntityValue::Key(key(k)))),
    ]
}

fn filter() -> impl Strategy<Value = Option<EntityFilter>> {
    let some = |n| prop::collection::vec(comparison(), 1..n);
    let alternatives = prop::collection::vec(some(3).prop_map(EntityFilter::And), 1..3);
    let tree = prop_oneof![
        3 => some(4).prop_map(EntityFilter::And),
        1 => (some(2), alternatives).prop_map(|(mut all, or)| {
            all.push(EntityFilter::Or(or));
            EntityFilter::And(all)
        }),
    ];
    let ancestor = prop::option::weighted(0.3, prop::sample::select(vec!["K:2", "K:1", "J:1"]));
    (prop::option::weighted(0.8, tree), ancestor).prop_map(|(tree, ancestor)| {
        let ancestor = ancestor.map(|ancestor| EntityFilter::Property {
            name: "__key__".to_owned(),
            operator: PropertyOperator::HasAncestor,
            value: EntityValue::Key(key(ancestor)).into(),
        });
        let all: Vec<EntityFilter> = ancestor.into_iter().chain(tree).collect();
        (!all.is_empty()).then_some(EntityFilter::And(all))
    })
}

fn query() -> impl Strategy<Value = EntityQuery> {
    let names = || prop::sample::subsequence(vec!["b", "a", "c"], 0..3);
    let order = (names(), prop::option::weighted(0.2, Just("__key__")), any::<[bool; 4]>()).prop_map(
        |(names, key, down)| {
            let order = |(name, down): (&str, bool)| PropertyOrder {
                name: name.to_owned(),
                direction: if down { Direction::Descending } else { Direction::Ascending },
            };
            names.into_iter().chain(key).zip(down).map(order).collect::<Vec<_>>()
        },
    );
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let shown = prop_oneof![
        5 => Just((Vec::new(), Vec::new())),
        2 => Just((vec!["__key__".to_owned()], Vec::new())),
        3 => names().prop_map(move |names| (owned(names), Vec::new())),
        2 => names().prop_map(move |names| (owned(names.clone()), owned(names))),
        1 => names().prop_map(move |names| (Vec::new(), owned(names))),
    ];
    let window = (0i32..4, prop::option::of(0i32..6));
    (filter(), order, shown, window).prop_map(
        |(filter, order, (projection, distinct_on), (offset, limit))| EntityQuery {
            kind: Some("K".to_owned()),
            filter,
            order,
            projection,
            distinct_on,
            offset,
            limit,
            ..EntityQuery::default()
        },
    )
}

fn batch(world: &World, query: &EntityQuery) -> Result<EntityBatch, Status> {
    run_entity_query(&world.view(), query, MissingIndex::Suggest).map(|(_, batch)| batch)
}

fn texts(batch: &EntityBatch) -> Vec<String> {
    batch.rows.iter().map(row_text).collect()
}

/// The window of the results, and what comes after it.
fn expected(query: &EntityQuery, all: &[Answer]) -> (Vec<String>, MoreResults) {
    let texts: Vec<String> = all.iter().map(|answer| answer.text(query)).collect();
    let offset = (query.offset as usize).min(texts.len());
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    let end = offset.saturating_add(limit).min(texts.len());
    let more = if end < texts.len() { MoreResults::AfterLimit } else { MoreResults::None };
    (texts[offset..end].to_vec(), more)
}

fn check(world: &World, query: &EntityQuery, entities: &[Entity]) {
    let found = match batch(world, query) {
        Ok(found) => found,
        Err(refused) => return assert_eq!(refused.code, Code::InvalidArgument, "{refused}"),
    };
    let plan = run_entity_query(&world.view(), query, MissingIndex::Suggest).expect("it ran").0;
    let shown = format!("{}\n{plan}", show::query(query));
    let all = oracle::answers(query, entities);
    let (texts_expected, more) = expected(query, &all);
    assert_eq!(texts(&found), texts_expected, "{shown}");
    assert_eq!(found.more_results, more, "{shown}");
    assert_eq!(found.skipped as usize, (query.offset as usize).min(all.len()), "{shown}");
    let whole = EntityQuery { offset: 0, limit: None, ..query.clone() };
    cursors(world, &whole, &all, &shown);
    count(world, query, texts_expected.len(), &shown);
}

/// From every cursor the rest, to every cursor what was before; page by page the same.
fn cursors(world: &World, query: &EntityQuery, all: &[Answer], shown: &str) {
    let run = |query: &EntityQuery| batch(world, query).expect(shown);
    let texts_all: Vec<String> = all.iter().map(|answer| answer.text(query)).collect();
    let found = run(query);
    assert_eq!(texts(&found), texts_all, "{shown}");
    for (n, row) in found.rows.iter().enumerate() {
        let rest = run(&EntityQuery { start: Some(row.cursor.clone()), ..query.clone() });
        assert_eq!(texts(&rest), texts_all[n + 1..], "from {n}: {shown}");
        let before = run(&EntityQuery { end: Some(row.cursor.clone()), ..query.clone() });
        assert_eq!(texts(&before), texts_all[..=n], "to {n}: {shown}");
        let more = if n + 1 < texts_all.len() { MoreResults::AfterCursor } else { MoreResults::None };
        assert_eq!(before.more_results, more, "to {n}: {shown}");
    }
    let mut paged = Vec::new();
    let mut page = EntityQuery { limit: Some(2), ..query.clone() };
    loop {
        let found = run(&page);
        paged.extend(texts(&found));
        if found.more_results == MoreResults::None {
            break;
        }
        page.start = Some(found.end_cursor);
    }
    assert_eq!(paged, texts_all, "paged: {shown}");
}

fn count(world: &World, query: &EntityQuery, expected: usize, shown: &str) {
    let aggregations =
        vec![EntityAggregation { alias: "n".to_owned(), kind: EntityAggregationKind::Count { up_to: None } }];
    let counted = EntityAggregationQuery { query: query.clone(), aggregations };
    let view = world.view();
    let plan = prepare_entity_aggregation(&counted, &database())
        .and_then(|prepared| prepared.plan(view.indexes(), view.read_time(), MissingIndex::Suggest));
    let result = plan.and_then(|plan| plan.execute(&view)).expect(shown);
    assert_eq!(result.properties, [("n".to_owned(), EntityValue::Integer(expected as i64))], "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn random_queries_answer_as_the_oracle(
        entities in entities(),
        indexes in prop::sample::subsequence(INDEXES.to_vec(), 0..=INDEXES.len()),
        queries in prop::collection::vec(query(), 20),
        later in entities(),
    ) {
        let world = World::new(&indexes);
        world.put_all(entities.clone());
        queries.iter().for_each(|query| check(&world, query, &entities));
        // The same when all that is being read has been replaced or removed since.
        let before = world.view().read_time();
        world.replace(&entities, later.clone());
        let past = world.database.view_at(before).expect("within the retention");
        for query in &queries {
            if let Ok((_, found)) = run_entity_query(&past, query, MissingIndex::Suggest) {
                let all = oracle::answers(query, &entities);
                prop_assert_eq!((texts(&found), found.more_results), expected(query, &all));
            }
            check(&world, query, &later);
        }
    }
}
