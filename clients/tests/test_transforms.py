"""Field transforms: each kind on each kind of field it can meet."""

import datetime
import math

import pytest
from google.cloud import firestore
from raw_api import array, integer, refused, string

LARGEST = 2**63 - 1
SMALLEST = -(2**63)
NAN = float("nan")
MISSING = firestore.DELETE_FIELD

TRANSFORMS = {
    "increment an integer": (firestore.Increment(2), 5, 7),
    "increment by a double": (firestore.Increment(2.5), 5, 7.5),
    "an integer plus an integral double is a double": (firestore.Increment(5.0), 6, 11.0),
    "increment a double by an integer": (firestore.Increment(1), 0.5, 1.5),
    "increment a missing field": (firestore.Increment(3), MISSING, 3),
    "increment something that is no number": (firestore.Increment(3), "x", 3),
    "increment saturates above": (firestore.Increment(1), LARGEST, LARGEST),
    "increment saturates below": (firestore.Increment(-1), SMALLEST, SMALLEST),
    "maximum takes the larger": (firestore.Maximum(7), 5, 7),
    "maximum keeps the larger": (firestore.Maximum(3), 5, 5),
    "the winner of a maximum keeps its type": (firestore.Maximum(7.0), 5, 7.0),
    "equal numbers keep the stored one": (firestore.Maximum(5.0), 5, 5),
    "maximum of a missing field": (firestore.Maximum(3), MISSING, 3),
    "maximum of something that is no number": (firestore.Maximum(3), "x", 3),
    "minimum takes the smaller": (firestore.Minimum(3), 5, 3),
    "minimum keeps the smaller": (firestore.Minimum(7), 5, 5),
    "minimum of a missing field": (firestore.Minimum(3), MISSING, 3),
    "union appends what is missing": (firestore.ArrayUnion([2, 3]), [1, 2], [1, 2, 3]),
    "union knows 1 and 1.0 as equal": (firestore.ArrayUnion([1.0]), [1], [1]),
    "union collapses its own duplicates": (firestore.ArrayUnion([3, 3]), [], [3]),
    "union of a missing field": (firestore.ArrayUnion([1]), MISSING, [1]),
    "union of something that is no array": (firestore.ArrayUnion([1]), "x", [1]),
    "union compares maps deeply": (firestore.ArrayUnion([{"a": 1}]), [{"a": 1}], [{"a": 1}]),
    "remove takes every equal element": (firestore.ArrayRemove([1]), [1, 2, 1.0], [2]),
    "remove from a missing field leaves an empty array": (firestore.ArrayRemove([1]), MISSING, []),
    "remove from something that is no array": (firestore.ArrayRemove([1]), "x", []),
}


@pytest.mark.parametrize("transform, before, after", TRANSFORMS.values(), ids=TRANSFORMS.keys())
def test_transform(db, transform, before, after):
    document = db.document("c/d")
    document.set({} if before is MISSING else {"f": before})
    document.update({"f": transform})
    got = document.get().get("f")
    assert (got, type(got)) == (after, type(after))


@pytest.mark.parametrize("transform", [firestore.Maximum(NAN), firestore.Minimum(NAN)], ids=["maximum", "minimum"])
def test_a_nan_wins_every_comparison(db, transform):
    document = db.document("c/d")
    document.set({"f": 1})
    document.update({"f": transform})
    assert math.isnan(document.get().get("f"))


def test_union_finds_null_and_nan(db):
    document = db.document("c/d")
    document.set({"f": [None, NAN]})
    document.update({"f": firestore.ArrayUnion([None, NAN])})
    assert len(document.get().get("f")) == 2


def test_server_timestamps_of_one_commit_are_one_time_in_milliseconds(db):
    batch = db.batch()
    batch.set(db.document("c/a"), {"t": firestore.SERVER_TIMESTAMP, "m": {"t": firestore.SERVER_TIMESTAMP}})
    batch.set(db.document("c/b"), {"t": firestore.SERVER_TIMESTAMP})
    batch.commit()
    a, b = (db.document(f"c/{name}").get() for name in "ab")
    times = {a.get("t"), a.get("m.t"), b.get("t")}
    assert len(times) == 1
    (time,) = times
    assert time.microsecond % 1000 == 0
    assert abs(a.update_time - time) < datetime.timedelta(seconds=1)


def test_a_transform_creates_a_missing_document(db):
    document = db.document("c/d")
    document.set({"n": firestore.Increment(1)}, merge=True)
    assert document.get().to_dict() == {"n": 1}


def test_a_nested_path_through_a_scalar_makes_a_map(db):
    document = db.document("c/d")
    document.set({"a": 1})
    document.update({"a.b": firestore.Increment(1)})
    assert document.get().to_dict() == {"a": {"b": 1}}


def test_set_then_transforms_in_one_write(db):
    document = db.document("c/d")
    document.set({"a": 1, "n": firestore.Increment(2), "l": firestore.ArrayUnion([1])})
    assert document.get().to_dict() == {"a": 1, "n": 2, "l": [1]}


def transform_write(api, *transforms):
    return api.set("c/d", update_transforms=list(transforms), update_mask={})


def test_results_stand_in_the_order_of_the_transforms(api):
    answer = api.commit(
        transform_write(
            api,
            {"field_path": "n", "increment": integer(4)},
            {"field_path": "l", "append_missing_elements": {"values": [integer(1)]}},
            {"field_path": "n", "maximum": integer(9)},
            {"field_path": "t", "set_to_server_value": "REQUEST_TIME"},
        )
    )
    results = answer.write_results[0].transform_results
    assert [result._pb.WhichOneof("value_type") for result in results] == [
        "integer_value",
        "null_value",
        "integer_value",
        "timestamp_value",
    ]
    assert (results[0].integer_value, results[2].integer_value) == (4, 9)


def test_the_old_form_of_a_transform_still_works(api):
    transform = {
        "document": api.name("c/d"),
        "field_transforms": [{"field_path": "n", "increment": integer(1)}],
    }
    for _ in range(2):
        api.commit({"transform": transform})
    assert api.get(api.name("c/d")).fields["n"].integer_value == 2


@pytest.mark.parametrize("kind", ["increment", "maximum", "minimum"])
def test_the_operand_must_be_a_number(api, kind):
    write = transform_write(api, {"field_path": "n", kind: string("x")})
    refused("INVALID_ARGUMENT", "Input must be int64 or double.", api.commit, write)


def test_five_hundred_transforms_of_a_document_and_not_one_more(api):
    def transforms(count):
        return [{"field_path": f"f{number}", "increment": integer(1)} for number in range(count)]

    api.commit(transform_write(api, *transforms(500)))
    refused("INVALID_ARGUMENT", "…", api.commit, transform_write(api, *transforms(501)))


def test_an_array_inside_an_operand_is_refused(api):
    write = transform_write(api, {"field_path": "l", "append_missing_elements": {"values": [array(integer(1))]}})
    refused("INVALID_ARGUMENT", "…", api.commit, write)
