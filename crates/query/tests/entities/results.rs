//! What queries find, and in which order.

use std::sync::Arc;

use storage::local::{LocalEngine, LocalOptions};

use crate::world::World;

#[test]
fn a_kind_is_read_by_key_parents_before_children_numbers_before_names() {
    let world = World::new(&[]);
    world.put(&["K:'a'", "K:10", "K:5", "K:5/K:1", "J:1", "ns!K:1"]);
    assert_eq!(world.results("SELECT * FROM K"), ["K:5", "K:5/K:1", "K:10", "K:'a'"]);
    assert_eq!(world.results("SELECT __key__ FROM K WHERE __key__ > KEY(K, 5) LIMIT 2"), ["K:5/K:1", "K:10"]);
    assert_eq!(world.results("SELECT * FROM K ORDER BY __key__ DESC"), ["K:'a'", "K:10", "K:5/K:1", "K:5"]);
    assert_eq!(world.results("SELECT * WHERE __key__ HAS ANCESTOR KEY(K, 5)"), ["K:5", "K:5/K:1"]);
    assert_eq!(world.results("SELECT *"), ["J:1", "K:5", "K:5/K:1", "K:10", "K:'a'"]);
    assert_eq!(world.results("ns! SELECT *"), ["ns!K:1"]);
}

#[test]
fn filters_cross_types_and_absent_or_excluded_values_are_not_found() {
    let world = World::new(&[]);
    world.put(&["V:1 v=null", "V:2 v=3", "V:3 v=TRUE", "V:4 v='a'", "V:5 v=1.0", "V:6 v=~5", "V:7"]);
    world.put(&["V:8 v=DATETIME('1970-01-01T00:00:00.000003Z')", "V:9 v=BLOB('YQ')", "V:10 v=KEY(V,1)"]);
    assert_eq!(world.results("SELECT * FROM V WHERE v = 3"), ["V:2", "V:8"]);
    assert_eq!(world.results("SELECT * FROM V WHERE v = 'a'"), ["V:4", "V:9"]);
    assert_eq!(world.results("SELECT * FROM V WHERE v = 1"), [""; 0]);
    assert_eq!(world.results("SELECT * FROM V WHERE v < 4"), ["V:1", "V:2", "V:8"]);
    assert_eq!(
        world.results("SELECT * FROM V WHERE v > 2 "),
        ["V:2", "V:8", "V:3", "V:4", "V:9", "V:5", "V:10"]
    );
    assert_eq!(world.results("SELECT * FROM V WHERE v IS NULL"), ["V:1"]);
    assert_eq!(world.results("SELECT * FROM V WHERE v != 3 LIMIT 2"), ["V:1", "V:3"]);
}

#[test]
fn an_array_is_met_by_its_elements_and_stands_once_at_its_first() {
    let world = World::new(&[]);
    world.put(&["A:1 t=[1;9]", "A:2 t=[4;5;6;7]", "A:3 t=[]", "A:4 t=5", "A:5 t=[9;9]"]);
    assert_eq!(world.results("SELECT * FROM A WHERE t = 1 AND t = 9"), ["A:1"]);
    assert_eq!(world.results("SELECT * FROM A WHERE t > 1 AND t < 4"), [""; 0]);
    assert_eq!(world.results("SELECT * FROM A ORDER BY t"), ["A:1", "A:2", "A:4", "A:5"]);
    assert_eq!(world.results("SELECT * FROM A ORDER BY t DESC"), ["A:5", "A:1", "A:2", "A:4"]);
    assert_eq!(world.results("SELECT __key__ FROM A WHERE t > 4"), ["A:2", "A:4", "A:1", "A:5"]);
    assert_eq!(world.results("SELECT * FROM A WHERE t != 9"), ["A:1", "A:2", "A:4"]);
    assert_eq!(world.results("SELECT * FROM A WHERE t IN ARRAY(9, 5)"), ["A:1", "A:2", "A:4", "A:5"]);
    assert_eq!(
        world.results("SELECT * FROM A WHERE t IN ARRAY(9, 5) ORDER BY t"),
        ["A:2", "A:4", "A:1", "A:5"]
    );
}

#[test]
fn projections_explode_and_distinct_keeps_the_first_of_each_group() {
    let world = World::new(&[]);
    world.put(&["P:1 a=[1;2] b='x'", "P:2 a=1 b='y'", "P:3 a=[3;1] b=['x';'y']", "P:4 a=7 b=~'x'"]);
    assert_eq!(
        world.results("SELECT a, b FROM P WHERE b > 'x'"),
        ["P:2 a=1 b=\"y\"", "P:3 a=1 b=\"y\"", "P:3 a=3 b=\"y\""]
    );
    assert_eq!(
        world.results("SELECT a FROM P"),
        ["P:1 a=1", "P:2 a=1", "P:3 a=1", "P:1 a=2", "P:3 a=3", "P:4 a=7"]
    );
    assert_eq!(world.results("SELECT DISTINCT a FROM P"), ["P:1 a=1", "P:1 a=2", "P:3 a=3", "P:4 a=7"]);
    assert_eq!(world.results("SELECT DISTINCT ON (a) * FROM P ORDER BY a DESC, b"), ["P:3", "P:1", "P:1"]);
    let times = World::new(&[]);
    times.put(&["T:1 t=DATETIME('1970-01-01T00:00:01Z')"]);
    assert_eq!(times.results("SELECT t FROM T"), ["T:1 t=1000000"]);
}

/// Once the indexes of both values were merged, and the merged row told only the first of them.
#[test]
fn a_projected_property_that_must_equal_two_values_is_a_result_for_each() {
    let world = World::new(&[]);
    world.put(&["P:1 a=[2;3;4]", "P:2 a=2", "P:3 a=[3;2]"]);
    assert_eq!(
        world.results("SELECT a FROM P WHERE a IN ARRAY(2) AND a IN ARRAY(3)"),
        ["P:1 a=2", "P:3 a=2", "P:1 a=3", "P:3 a=3"]
    );
}

#[test]
fn names_of_kinds_namespaces_and_properties_are_queried() {
    let world = World::new(&[]);
    world.put(&["A:1 x=1 y=~2", "B:1 z=['s';NULL] e={f=2.5}", "A:2 x=TRUE", "n!C:1"]);
    assert_eq!(world.results("SELECT * FROM __namespace__"), ["__namespace__:1", "__namespace__:'n'"]);
    assert_eq!(world.results("SELECT * FROM __kind__"), ["__kind__:'A'", "__kind__:'B'"]);
    assert_eq!(world.results("n! SELECT * FROM __kind__"), ["n!__kind__:'C'"]);
    assert_eq!(
        world.results("SELECT __key__ FROM __property__"),
        ["__kind__:'A'/__property__:'x'", "__kind__:'B'/__property__:'e.f'", "__kind__:'B'/__property__:'z'"]
    );
    assert_eq!(
        world.results("SELECT * FROM __property__ WHERE __key__ HAS ANCESTOR KEY(__kind__, 'B') LIMIT 1"),
        ["__kind__:'B'/__property__:'e.f'"]
    );
    assert_eq!(world.results("SELECT * FROM __kind__ WHERE __key__ > KEY(__kind__, 'A')"), ["__kind__:'B'"]);
    assert_eq!(world.results("SELECT * FROM __Stat_Total__"), [""; 0]);
}

#[test]
fn the_local_engine_answers_as_the_one_in_memory() {
    let directory = tempfile::tempdir().expect("room for a directory");
    let local = LocalEngine::open(directory.path(), LocalOptions::default()).expect("an engine");
    let indexes = ["A/ -t", "A t -b", "A b t"];
    let worlds = [World::new(&indexes), World::over(Arc::new(local), &indexes)];
    for world in &worlds {
        world.put(&[
            "A:1 t=[1;9] b='x'",
            "A:2 t=[4;5] b='y'",
            "A:2/A:1 t=NULL b='x'",
            "A:4 t=5",
            "A:5 t=9 b=['x';'z']",
        ]);
        world.put(&["A:1 t=[2;9] b='y'", "B:7 t=1", "n!A:1 t=1"]);
    }
    for gql in [
        "SELECT * FROM A",
        "SELECT * FROM A ORDER BY __key__ DESC",
        "SELECT * FROM A WHERE t > 1 ORDER BY t DESC",
        "SELECT * FROM A WHERE b = 'x' AND t >= 2",
        "SELECT * FROM A WHERE b = 'x' ORDER BY t DESC",
        "SELECT t, b FROM A",
        "SELECT DISTINCT b FROM A",
        "SELECT * FROM A WHERE __key__ HAS ANCESTOR KEY(A, 2) ORDER BY t DESC",
        "SELECT __key__ FROM A WHERE t IN ARRAY(9, 5) OR b = 'y'",
        "SELECT *",
        "SELECT * FROM __property__",
        "SELECT * FROM __namespace__",
    ] {
        assert_eq!(worlds[0].results(gql), worlds[1].results(gql), "{gql}");
        assert!(!worlds[0].results(gql).is_empty(), "{gql}");
    }
}

#[test]
fn the_nearest_to_a_vector_are_found_with_their_distances() {
    use model::entity::query::{EntityQuery, NearestEntities};
    use model::entity::{EntityValue, body};
    use model::query::DistanceMeasure;
    use query::entities::{MoreResults, RowContent, run_entity_query};

    let world = World::new(&[]);
    world.put(&[
        "V:1 v=[~0.0;~3.0] a=1",
        "V:2 v=[~4.0;~0.0] a=1",
        "V:3 v=[~0.0;~1.0] a=2",
        "V:4 v=[~1.0] a=1",
        "V:5 v='x' a=1",
    ]);
    let doubles = |numbers: &[f64]| {
        EntityValue::Array(numbers.iter().map(|number| EntityValue::Double(*number).into()).collect())
    };
    let find = |gql: &str, vector: EntityValue| {
        let nearest = NearestEntities {
            property: "v".to_owned(),
            vector,
            measure: DistanceMeasure::Euclidean,
            limit: 2,
            result_property: Some("far".to_owned()),
            threshold: None,
        };
        let query = EntityQuery { nearest: Some(nearest), ..crate::world::query(gql).expect(gql) };
        run_entity_query(&world.view(), &query, query::MissingIndex::Suggest).map(|(_, batch)| batch)
    };
    let shown = |gql: &str| {
        let batch = find(gql, doubles(&[0.0, 0.0])).expect(gql);
        assert_eq!(batch.more_results, MoreResults::None);
        let row = |row: &query::entities::EntityRow| {
            let RowContent::Entity(stored) = &row.content else { panic!("whole entities") };
            let far = body::find(stored, "far").expect("a body").expect("a distance");
            format!("{} {}", crate::world::row_text(row), crate::show::property(&far))
        };
        batch.rows.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(shown("SELECT * FROM V"), ["V:3 1.0", "V:1 3.0"]);
    assert_eq!(shown("SELECT * FROM V WHERE a = 1"), ["V:1 3.0", "V:2 4.0"]);
    let refused = find("SELECT * FROM V", EntityValue::Integer(1)).expect_err("no vector").message;
    assert_eq!(refused, "Query Value must be of type vector.");
}
