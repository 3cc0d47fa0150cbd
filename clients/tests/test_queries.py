"""Queries by the official client: every operator, order, cursor and disjunction over one small collection."""

import datetime

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or
from google.cloud.firestore_v1.field_path import FieldPath

NAME = FieldPath.document_id()
NAN = float("nan")

CITIES = {
    "bj": {"name": "Beijing", "country": "CN", "population": 21_500_000, "capital": True, "tags": ["jingjinji", "hebei"]},
    "dc": {"name": "Washington", "country": "US", "population": 680_000, "capital": True, "tags": ["east"]},
    "la": {"name": "Los Angeles", "country": "US", "population": 3_900_000, "capital": False, "tags": ["west", "coast"]},
    "sf": {"name": "San Francisco", "country": "US", "population": 860_000, "capital": False, "tags": ["west", "norcal"]},
    "tok": {"name": "Tokyo", "country": "JP", "population": 9_000_000, "capital": True, "tags": ["kanto", {"ward": 23}]},
    "x": {"name": None, "country": "US", "population": NAN, "tags": []},
    "y": {"country": "FR", "population": 1.0},
}


@pytest.fixture
def cities(db):
    batch = db.batch()
    for name, data in CITIES.items():
        batch.set(db.document("cities", name), data)
    batch.commit()
    return db.collection("cities")


def where(path, op, value):
    return FieldFilter(path, op, value)


def ids(query):
    return [snapshot.id for snapshot in query.stream()]


FILTERS = {
    "==": (where("country", "==", "US"), "dc la sf x"),
    "== across integer and double": (where("population", "==", 1), "y"),
    "== true": (where("capital", "==", True), "bj dc tok"),
    "== null is the unary operator": (where("name", "==", None), "x"),
    "== NaN is the unary operator": (where("population", "==", NAN), "x"),
    "== an array": (where("tags", "==", ["east"]), "dc"),
    "== an empty array": (where("tags", "==", []), "x"),
    "!=": (where("country", "!=", "US"), "bj y tok"),
    "!= leaves out null and missing": (where("name", "!=", "Tokyo"), "bj la sf dc"),
    "!= null": (where("name", "!=", None), "bj la sf tok dc"),
    "!= NaN": (where("population", "!=", NAN), "y dc sf la tok bj"),
    "<": (where("population", "<", 860_000), "y dc"),
    "<=": (where("population", "<=", 860_000), "y dc sf"),
    ">": (where("population", ">", 3_900_000.0), "tok bj"),
    ">=": (where("population", ">=", 3_900_000), "la tok bj"),
    "a range keeps to the type of its operand": (where("name", ">", ""), "bj la sf tok dc"),
    "> false": (where("capital", ">", False), "bj dc tok"),
    "in": (where("country", "in", ["JP", "CN", "XX"]), "bj tok"),
    "in with numbers of both kinds": (where("population", "in", [1, 680_000.0]), "dc y"),
    "not-in": (where("country", "not-in", ["US", "JP"]), "bj y"),
    "not-in leaves out null and missing": (where("name", "not-in", ["Tokyo"]), "bj la sf dc"),
    "array_contains": (where("tags", "array_contains", "west"), "la sf"),
    "array_contains a whole map": (where("tags", "array_contains", {"ward": 23}), "tok"),
    "array_contains_any": (where("tags", "array_contains_any", ["west", "east", "kanto"]), "dc la sf tok"),
    "a field nobody has": (where("mayor", "==", 1), ""),
}


@pytest.mark.parametrize("condition, expected", FILTERS.values(), ids=FILTERS.keys())
def test_filter(cities, condition, expected):
    assert ids(cities.where(filter=condition)) == expected.split()


def test_not_in_with_null_matches_nothing(cities):
    assert ids(cities.where(filter=where("country", "not-in", ["US", None]))) == []


def test_equalities_on_several_fields_need_no_index(cities):
    both = cities.where(filter=where("country", "==", "US")).where(filter=where("capital", "==", False))
    assert ids(both) == ["la", "sf"]
    three = both.where(filter=where("tags", "array_contains", "norcal"))
    assert ids(three) == ["sf"]


def test_a_range_on_both_sides(cities):
    between = And([where("population", ">", 680_000), where("population", "<", 9_000_000)])
    assert ids(cities.where(filter=between)) == ["sf", "la"]


DISJUNCTIONS = {
    "two equalities": (Or([where("country", "==", "JP"), where("capital", "==", False)]), "la sf tok"),
    "a document in both arms comes once": (Or([where("country", "==", "JP"), where("capital", "==", True)]), "bj dc tok"),
    "an or inside an and": (
        And([where("country", "==", "US"), Or([where("capital", "==", True), where("tags", "array_contains", "coast")])]),
        "dc la",
    ),
    "an in beside an or": (
        Or([where("country", "in", ["JP", "FR"]), where("name", "==", "Washington")]),
        "dc tok y",
    ),
    "an and inside an or": (
        Or([And([where("country", "==", "US"), where("capital", "==", True)]), where("country", "==", "FR")]),
        "dc y",
    ),
}


@pytest.mark.parametrize("condition, expected", DISJUNCTIONS.values(), ids=DISJUNCTIONS.keys())
def test_or(cities, condition, expected):
    assert ids(cities.where(filter=condition)) == expected.split()


def test_order_leaves_out_documents_without_the_field(cities):
    assert ids(cities.order_by("name")) == ["x", "bj", "la", "sf", "tok", "dc"]
    assert ids(cities.order_by("name", direction="DESCENDING")) == ["dc", "tok", "sf", "la", "bj", "x"]


def test_ties_are_broken_by_name_in_the_direction_of_the_last_order(cities):
    assert ids(cities.order_by("country")) == "bj y tok dc la sf x".split()
    assert ids(cities.order_by("country", direction="DESCENDING")) == "x sf la dc tok y bj".split()


def test_order_by_name_both_ways(cities):
    assert ids(cities.order_by(NAME)) == sorted(CITIES)
    assert ids(cities.order_by(NAME, direction="DESCENDING")) == sorted(CITIES, reverse=True)


def test_two_orders(cities):
    by_both = cities.order_by("country").order_by("population", direction="DESCENDING")
    assert ids(by_both) == "bj y tok la sf dc x".split()


def test_equality_and_order(cities):
    capitals = cities.where(filter=where("capital", "==", True))
    assert ids(capitals.order_by("population")) == ["dc", "tok", "bj"]
    assert ids(capitals.order_by("population", direction="DESCENDING")) == ["bj", "tok", "dc"]


def test_inequalities_on_two_fields(cities):
    query = cities.where(filter=where("country", ">", "CN")).where(filter=where("population", ">", 700_000))
    assert ids(query) == ["tok", "sf", "la"]


def test_array_contains_and_order(cities):
    query = cities.where(filter=where("tags", "array_contains", "west")).order_by("population")
    assert ids(query) == ["sf", "la"]


def test_limits(cities):
    by_population = cities.order_by("population")
    assert ids(by_population.limit(2)) == ["x", "y"]
    assert ids(by_population.limit(100)) == "x y dc sf la tok bj".split()
    assert ids(by_population.offset(3).limit(2)) == ["sf", "la"]
    assert ids(by_population.offset(100)) == []
    assert [snapshot.id for snapshot in by_population.limit_to_last(2).get()] == ["tok", "bj"]


CURSORS = {
    "start_at": (lambda query: query.start_at({"population": 860_000}), "sf la tok bj"),
    "start_after": (lambda query: query.start_after({"population": 860_000}), "la tok bj"),
    "end_at": (lambda query: query.end_at({"population": 860_000}), "x y dc sf"),
    "end_before": (lambda query: query.end_before({"population": 860_000}), "x y dc"),
    "both ends": (lambda query: query.start_after({"population": 1}).end_before({"population": 9e6}), "dc sf la"),
    "between two values": (lambda query: query.start_at({"population": 700_000}), "sf la tok bj"),
    "a value of a lower type": (lambda query: query.start_at({"population": None}), "x y dc sf la tok bj"),
    "a value of a higher type": (lambda query: query.start_at({"population": "a"}), ""),
    "an empty window": (lambda query: query.start_at({"population": 9e6}).end_before({"population": 5}), ""),
}


@pytest.mark.parametrize("cut, expected", CURSORS.values(), ids=CURSORS.keys())
def test_cursor(cities, cut, expected):
    assert ids(cut(cities.order_by("population"))) == expected.split()


def test_a_cursor_on_the_first_of_two_orders_takes_the_whole_group(cities):
    query = cities.order_by("country").order_by("population", direction="DESCENDING")
    assert ids(query.start_at({"country": "US"})) == "la sf dc x".split()
    assert ids(query.start_after({"country": "JP"})) == "la sf dc x".split()
    assert ids(query.start_after({"country": "US", "population": 860_000})) == ["dc", "x"]


def test_a_snapshot_is_a_cursor_in_the_middle_of_a_tie(cities):
    la = cities.document("la").get()
    by_country = cities.order_by("country")
    assert ids(by_country.start_at(la)) == ["la", "sf", "x"]
    assert ids(by_country.start_after(la)) == ["sf", "x"]
    assert ids(by_country.end_before(la)) == "bj y tok dc".split()


def test_pages_by_snapshot_meet_every_document_once(cities):
    seen, last = [], None
    while True:
        page = cities.order_by("country").limit(2)
        documents = list((page.start_after(last) if last else page).stream())
        if not documents:
            break
        seen += [snapshot.id for snapshot in documents]
        last = documents[-1]
    assert seen == "bj y tok dc la sf x".split()


def test_filters_on_the_name(cities):
    def name(op, *names):
        references = [cities.document(name) for name in names]
        return ids(cities.where(filter=where(NAME, op, references if op in ("in", "not-in") else references[0])))

    assert name("==", "la") == ["la"]
    assert name("in", "tok", "dc", "missing") == ["dc", "tok"]
    assert name(">", "sf") == ["tok", "x", "y"]
    assert name("<=", "dc") == ["bj", "dc"]
    assert name("!=", "dc") == ["bj", "la", "sf", "tok", "x", "y"]


def test_select_projects_fields(cities):
    capital = cities.where(filter=where("name", "==", "Tokyo"))
    (tokyo,) = capital.select(["country", "missing"]).stream()
    assert tokyo.to_dict() == {"country": "JP"}
    (tokyo,) = capital.select([]).stream()
    assert (tokyo.id, tokyo.to_dict()) == ("tok", {})


def test_select_of_a_nested_field_keeps_its_place(db):
    db.document("c/d").set({"a": {"b": 1, "c": 2}, "d": 3})
    (snapshot,) = db.collection("c").select(["a.b"]).stream()
    assert snapshot.to_dict() == {"a": {"b": 1}}


def test_filter_and_order_on_nested_and_quoted_fields(db):
    for number in range(3):
        db.document(f"c/{number}").set({"a": {"b c": number}})
    query = db.collection("c").where(filter=where("a.`b c`", ">=", 1))
    assert ids(query) == ["1", "2"]
    assert ids(db.collection("c").order_by("a.`b c`", direction="DESCENDING")) == ["2", "1", "0"]


def test_subcollections_are_not_part_of_a_collection(db):
    db.document("c/d").set({"n": 1})
    db.document("c/d/c/e").set({"n": 2})
    db.document("other/d/c/f").set({"n": 3})
    assert ids(db.collection("c")) == ["d"]
    assert ids(db.collection("c/d/c")) == ["e"]


def test_queries_see_deletes_and_updates_at_once(db):
    for number in range(5):
        db.document(f"c/{number}").set({"n": number})
    db.document("c/1").delete()
    db.document("c/2").update({"n": 10})
    assert ids(db.collection("c").order_by("n")) == ["0", "3", "4", "2"]
    assert ids(db.collection("c").where(filter=where("n", "==", 2))) == []


def test_a_thousand_documents_come_back_in_order(db):
    for start in range(0, 1000, 250):
        batch = db.batch()
        for number in range(start, start + 250):
            batch.set(db.document(f"c/{number:04}"), {"n": 999 - number, "text": "x" * 200})
        batch.commit()
    assert [snapshot.get("n") for snapshot in db.collection("c").order_by("n").stream()] == list(range(1000))
    assert len(ids(db.collection("c").where(filter=where("n", ">=", 500)))) == 500


def test_timestamps_compare_as_instants(db):
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for minute in range(5):
        db.document(f"c/{minute}").set({"t": start + datetime.timedelta(minutes=minute)})
    after = db.collection("c").where(filter=where("t", ">", start + datetime.timedelta(minutes=2)))
    assert ids(after) == ["3", "4"]


def test_collection_group(db):
    for path in ("c/1", "a/x/c/2", "a/x/c/1/c/3", "b/y/c/4", "cc/5", "a/x/cc/6"):
        db.document(path).set({"n": 1})
    found = [snapshot.reference.path for snapshot in db.collection_group("c").stream()]
    assert found == ["a/x/c/1/c/3", "a/x/c/2", "b/y/c/4", "c/1"]
    ranged = db.collection_group("c").where(filter=where(NAME, ">=", db.document("b/y"))).stream()
    assert [snapshot.reference.path for snapshot in ranged] == ["b/y/c/4", "c/1"]


def test_collection_group_below_a_document(api, db):
    for path in ("a/x/c/2", "a/x/d/1/c/3", "b/y/c/4"):
        db.document(path).set({})
    query = {"from_": [{"collection_id": "c", "all_descendants": True}]}
    found = api.query(query, parent=api.name("a/x"))
    assert [part.document.name for part in found] == [api.name("a/x/c/2"), api.name("a/x/d/1/c/3")]


def test_query_by_direction_constants(cities):
    descending = cities.order_by("population", direction=firestore.Query.DESCENDING).limit(1)
    assert ids(descending) == ["bj"]
