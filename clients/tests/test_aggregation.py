"""count, sum and avg: over what, with which result type, and what they refuse."""

import math

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter
from raw_api import field_filter, integer, refused, select_from

LARGEST = 2**63 - 1
NAN = float("nan")


def store(db, *values):
    batch = db.batch()
    for number, value in enumerate(values):
        batch.set(db.document(f"c/{number}"), {} if value is ... else {"n": value})
    batch.commit()
    return db.collection("c")


def result(aggregation):
    ((answer,),) = aggregation.get()
    return answer.value


def value(api, operator):
    """The result of one aggregation over `n`, as the message has it: the client turns 0 and null into 0.0."""
    (part,) = api.aggregate(select_from("c"), {"alias": "x", operator: {"field": {"field_path": "n"}}})
    message = part.result.aggregate_fields["x"]._pb
    kind = message.WhichOneof("value_type")
    return None if kind == "null_value" else getattr(message, kind)


SUMS = {
    "integers stay an integer": ([1, 2, 3], 6),
    "any double makes a double": ([1, 2.5], 3.5),
    "integral doubles too": ([1, 2.0], 3.0),
    "nothing is zero": ([], 0),
    "what is no number is left out": ([1, "x", None, [2]], 1),
    "missing fields are left out": ([1, ...], 1),
    "an overflow becomes a double": ([LARGEST, LARGEST], float(2 * LARGEST)),
    "an overflow on the way does no harm": ([LARGEST, 1, -101], LARGEST - 100),
    "infinity": ([float("inf"), 1], float("inf")),
}


@pytest.mark.parametrize("values, expected", SUMS.values(), ids=SUMS.keys())
def test_sum(db, api, values, expected):
    store(db, *values)
    got = value(api, "sum")
    assert (got, type(got)) == (expected, type(expected))


AVERAGES = {
    "integers give a double": ([1, 2], 1.5),
    "an integral average is a double too": ([1, 3], 2.0),
    "nothing has no average": ([], None),
    "only text has no average": (["x"], None),
    "what is no number is left out": ([1, "x", 2], 1.5),
    "large integers do not overflow": ([LARGEST, LARGEST], float(LARGEST)),
}


@pytest.mark.parametrize("values, expected", AVERAGES.values(), ids=AVERAGES.keys())
def test_average(db, api, values, expected):
    store(db, *values)
    got = value(api, "avg")
    assert (got, type(got)) == (expected, type(expected))


def test_nan_spreads(db):
    collection = store(db, 1, NAN)
    assert math.isnan(result(collection.sum("n")))
    assert math.isnan(result(collection.avg("n")))


def test_count(db):
    collection = store(db, 1, 2, 3, ..., "x")
    assert result(collection.count()) == 5
    assert result(collection.where(filter=FieldFilter("n", ">", 1)).count()) == 2
    assert result(collection.order_by("n").count()) == 4
    assert result(collection.limit(2).count()) == 2
    assert result(collection.offset(3).count()) == 2
    assert result(collection.order_by("n").start_after({"n": 1}).count()) == 3
    assert result(db.collection("none").count()) == 0


def test_several_aggregations_in_one_answer(db):
    collection = store(db, 1, 2, 3)
    aggregation = collection.count(alias="all").sum("n", alias="total").avg("n", alias="mean")
    ((*answers,),) = aggregation.get()
    assert {answer.alias: answer.value for answer in answers} == {"all": 3, "total": 6, "mean": 2.0}


def test_beside_a_sum_only_documents_with_its_field_count(db):
    aggregation = store(db, 1, ..., 3).count(alias="all").sum("n", alias="total")
    ((*answers,),) = aggregation.get()
    assert {answer.alias: answer.value for answer in answers} == {"all": 2, "total": 4}


def test_a_collection_group_is_counted(db):
    for path in ("c/1", "a/x/c/2", "b/y/c/3"):
        db.document(path).set({"n": 1})
    assert result(db.collection_group("c").count()) == 3


def test_count_up_to_a_limit(api, db):
    store(db, 1, 2, 3)
    for up_to, expected in ((2, 2), (10, 3)):
        (part,) = api.aggregate(select_from("c"), {"alias": "n", "count": {"up_to": up_to}})
        assert part.result.aggregate_fields["n"].integer_value == expected
        assert part.read_time


def test_unnamed_aggregations_are_numbered(api, db):
    store(db, 1)
    (part,) = api.aggregate(select_from("c"), {"count": {}}, {"alias": "x", "count": {}}, {"count": {}})
    assert set(part.result.aggregate_fields) == {"field_1", "x", "field_2"}


def test_filters_come_before_counting(api, db):
    store(db, *range(50))
    query = select_from("c", field_filter("n", "GREATER_THAN_OR_EQUAL", integer(40)))
    (part,) = api.aggregate(query, {"alias": "n", "count": {}})
    assert part.result.aggregate_fields["n"].integer_value == 10


COUNT = {"alias": "n", "count": {}}
REFUSALS = {
    "no operator": ([{"alias": "n"}], "Operator field in Aggregation is not set."),
    "none at all": ([], "Aggregations can not be empty."),
    "one alias twice": ([COUNT, COUNT], "Aggregation aliases contain duplicate alias: n."),
    "a reserved alias": ([{"alias": "__x__", "count": {}}], 'The property.name "__x__" is reserved.'),
    "the name": (
        [{"alias": "n", "sum": {"field": {"field_path": "__name__"}}}],
        "Aggregations are not supported for the property: __key__",
    ),
    "a negative limit": (
        [{"alias": "n", "count": {"up_to": -1}}],
        "The `up_to` value in a COUNT aggregation must be greater than or equal to zero.",
    ),
    "more than five": (
        [{"alias": f"a{number}", "count": {}} for number in range(6)],
        "The maximum number of aggregations allowed in an aggregation query is 5. Received: 6",
    ),
}


@pytest.mark.parametrize("aggregations, text", REFUSALS.values(), ids=REFUSALS.keys())
def test_refused(api, aggregations, text):
    refused("INVALID_ARGUMENT", text, api.aggregate, select_from("c"), *aggregations)
