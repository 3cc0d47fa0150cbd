"""The order of values of every type, in both directions, and in cursors and ranges."""

import datetime

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.vector import Vector


def time(year, microsecond=0):
    return datetime.datetime(year, 1, 1, 0, 0, 0, microsecond, datetime.timezone.utc)


def values(db):
    """Every group holds equal values; each group sorts before the next."""
    return [
        [None],
        [False],
        [True],
        [float("nan")],
        [float("-inf")],
        [-(2**63), -(2.0**63)],
        [-3],
        [-2.5],
        [0.0, 0, -0.0],
        [1.5],
        [2],
        [2**53, 2.0**53],
        [2**53 + 1],
        [2**63 - 1],
        [2.0**63],
        [float("inf")],
        [time(1)],
        [time(2024)],
        [time(2024, 1)],
        [""],
        ["B"],
        ["a"],
        ["a\0"],
        ["aa"],
        ["é"],
        ["日"],
        ["\uffff"],
        ["😀"],
        [b""],
        [b"\x00"],
        [b"a"],
        [b"\xff"],
        [db.document("a/b")],
        [db.document("a/b/c/d")],
        [db.document("a/c")],
        [firestore.GeoPoint(-10, 5)],
        [firestore.GeoPoint(1, -5)],
        [firestore.GeoPoint(1, 5)],
        [[]],
        [[1], [1.0]],
        [[1, 2]],
        [[2]],
        [["a"]],
        [Vector([2.0, 2.0])],
        [Vector([1.0, 2.0, 3.0])],
        [Vector([2.0, 2.0, 3.0])],
        [{}],
        [{"a": 1}, {"a": 1.0}],
        [{"a": 1, "b": 0}],
        [{"a": 2}],
        [{"b": 0}],
    ]


@pytest.fixture
def groups(db):
    """Stores the values in scrambled order; gives the ids by group."""
    batch = db.batch()
    groups = []
    for rank, equals in enumerate(values(db)):
        groups.append([f"{(rank * 37) % 101:03}-{rank}-{place}" for place in range(len(equals))])
        for name, value in zip(groups[-1], equals):
            batch.set(db.document("c", name), {"v": value})
    batch.commit()
    return groups


def ids(query):
    return [snapshot.id for snapshot in query.stream()]


def test_ascending(db, groups):
    assert ids(db.collection("c").order_by("v")) == [name for group in groups for name in group]


def test_descending_is_the_mirror_image(db, groups):
    everything = [name for group in groups for name in group]
    assert ids(db.collection("c").order_by("v", direction="DESCENDING")) == everything[::-1]


def test_a_cursor_splits_the_order_at_every_value(db, groups):
    ordered = db.collection("c").order_by("v")
    for rank, equals in enumerate(values(db)):
        expected = [name for group in groups[rank:] for name in group]
        for value in equals:
            assert ids(ordered.start_at({"v": value})) == expected, value


def test_equality_finds_equal_values_of_either_number_type(db, groups):
    for rank, equals in enumerate(values(db)):
        for value in equals:
            found = ids(db.collection("c").where(filter=FieldFilter("v", "==", value)))
            assert found == groups[rank], value


RANGES = {
    "numbers": (-2.5, 7, 15),
    "strings": ("", 19, 27),
    "timestamps": (time(1), 16, 18),
    "booleans": (False, 1, 2),
    "bytes": (b"", 28, 31),
    "arrays": ([], 38, 42),
    "maps": ({}, 46, 50),
}


@pytest.mark.parametrize("low, first, last", RANGES.values(), ids=RANGES.keys())
def test_a_range_stays_inside_its_type(db, groups, low, first, last):
    found = ids(db.collection("c").where(filter=FieldFilter("v", ">=", low)))
    assert found == [name for group in groups[first : last + 1] for name in group]
