"""find_nearest: the three measures, thresholds, result fields, filters, and what it refuses."""

import math

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector
from raw_api import array, integer, mapping, refused, select_from, string, vector

EUCLIDEAN, COSINE, DOT = DistanceMeasure.EUCLIDEAN, DistanceMeasure.COSINE, DistanceMeasure.DOT_PRODUCT
POINTS = {
    "a": ([1.0, 0.0, 0.0], "red"),
    "b": ([0.0, 2.0, 0.0], "red"),
    "c": ([3.0, 3.0, 0.0], "blue"),
    "d": ([-1.0, 0.0, 0.0], "blue"),
}


@pytest.fixture
def points(db):
    batch = db.batch()
    for name, (numbers, color) in POINTS.items():
        batch.set(db.document("points", name), {"v": Vector(numbers), "color": color})
    batch.set(db.document("points/flat"), {"v": Vector([1.0, 0.0]), "color": "red"})
    batch.set(db.document("points/none"), {"color": "red"})
    batch.set(db.document("points/array"), {"v": [1.0, 0.0, 0.0], "color": "red"})
    batch.commit()
    return db.collection("points")


def nearest(query, numbers, measure, limit=10, **options):
    return query.find_nearest("v", Vector(numbers), distance_measure=measure, limit=limit, **options)


def ids(query):
    return [snapshot.id for snapshot in query.get()]


MEASURES = {
    "euclidean": (EUCLIDEAN, "a d b c"),
    "cosine": (COSINE, "a c b d"),
    "dot product": (DOT, "c a b d"),
}


@pytest.mark.parametrize("measure, expected", MEASURES.values(), ids=MEASURES.keys())
def test_order_by_measure(points, measure, expected):
    query = [1.0, 0.0, 0.0] if measure is not EUCLIDEAN else [0.1, 0.0, 0.0]
    assert ids(nearest(points, query, measure)) == expected.split()


def test_limit(points):
    assert ids(nearest(points, [1.0, 0.0, 0.0], EUCLIDEAN, limit=1)) == ["a"]


def test_threshold_includes_its_own_value(points):
    assert ids(nearest(points, [1.0, 0.0, 0.0], EUCLIDEAN, distance_threshold=2.0)) == ["a", "d"]
    assert ids(nearest(points, [1.0, 0.0, 0.0], DOT, distance_threshold=1.0)) == ["c", "a"]


def test_the_distance_is_written_into_the_result(points):
    query = nearest(points, [1.0, 0.0, 0.0], EUCLIDEAN, distance_result_field="distance")
    distances = {snapshot.id: snapshot.get("distance") for snapshot in query.get()}
    assert distances == pytest.approx({"a": 0.0, "d": 2.0, "b": math.sqrt(5), "c": math.sqrt(13)})
    assert "distance" not in points.document("a").get().to_dict()


def test_filter_before_the_search(points):
    red = points.where(filter=FieldFilter("color", "==", "red"))
    assert ids(nearest(red, [3.0, 3.0, 0.0], EUCLIDEAN)) == ["b", "a"]


def test_collection_group(db, points):
    db.document("x/y/points/deep").set({"v": Vector([1.0, 0.0, 0.0]), "color": "red"})
    assert ids(nearest(db.collection_group("points"), [1.0, 0.0, 0.0], EUCLIDEAN, limit=2)) == ["a", "deep"]


def test_a_nested_vector_field(db):
    db.document("nested/1").set({"m": {"v": Vector([1.0, 2.0, 3.0])}})
    query = db.collection("nested").find_nearest("m.v", Vector([1.0, 2.0, 3.0]), distance_measure=EUCLIDEAN, limit=1)
    assert ids(query) == ["1"]


def find(api, **options):
    nearest = {
        "vector_field": {"field_path": "v"},
        "query_vector": vector(1.0, 0.0, 0.0),
        "distance_measure": "EUCLIDEAN",
        "limit": 1,
        **options,
    }
    return api.query(select_from("points", find_nearest=nearest))


LIMIT_TEXT = "FindNearest.limit must be a positive integer of no more than 1000"
REFUSALS = {
    "limit 0": ({"limit": 0}, LIMIT_TEXT),
    "limit 1001": ({"limit": 1001}, LIMIT_TEXT),
    "no numbers": ({"query_vector": vector()}, "Cannot have a zero length vector."),
    "2049 dimensions": ({"query_vector": vector(*[1.0] * 2049)}, "…"),
    "no measure": ({"distance_measure": "DISTANCE_MEASURE_UNSPECIFIED"}, "Unknown Distance Measure."),
    "a reserved result field": (
        {"distance_result_field": "__name__"},
        'The distanceResultField.property.name "__name__" is reserved.',
    ),
}


@pytest.mark.parametrize("options, text", REFUSALS.values(), ids=REFUSALS.keys())
def test_refused(api, options, text):
    refused("INVALID_ARGUMENT", text, find, api, **options)


def test_cosine_of_a_zero_vector(api, points):
    text = "Cannot compute cosine distance against a vector with a magnitude of zero."
    zero = vector(0.0, 0.0, 0.0)
    refused("FAILED_PRECONDITION", text, find, api, query_vector=zero, distance_measure="COSINE")


KIND = string("__vector__")
BAD_VECTORS = {
    "no value": (mapping(__type__=KIND), "Vector map is missing key 'value'."),
    "value is no array": (mapping(__type__=KIND, value=integer(1)), "Vector value type must be an array."),
    "something more": (
        mapping(__type__=KIND, value=array({"double_value": 1}), more=integer(1)),
        "Vector value map has extraneous entries.",
    ),
    "empty": (vector(), "Cannot have a zero length vector."),
    "too many dimensions": (vector(*[1.0] * 2049), "Vectors must be at most 2048 dimensions."),
    "integers": (mapping(__type__=KIND, value=array(integer(1))), "Vector must only contain values of type 'double'"),
    "NaN": (vector(1.0, math.nan), "Vector cannot contain NaN values."),
}


@pytest.mark.parametrize("value, text", BAD_VECTORS.values(), ids=BAD_VECTORS.keys())
def test_a_malformed_vector_is_not_stored(api, value, text):
    refused("INVALID_ARGUMENT", text, api.commit, api.set("c/d", {"v": value}))


def test_2048_dimensions_are_stored(db):
    document = db.document("c/d")
    document.set({"v": Vector([0.5] * 2048)})
    assert len(document.get().get("v")) == 2048
