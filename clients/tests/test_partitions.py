"""PartitionQuery: cursors that cut a collection group into ranges, and what it refuses."""

import pytest
from raw_api import field_filter, integer, reference, refused

GROUP = {"from_": [{"collection_id": "c", "all_descendants": True}]}
BY_NAME = {"order_by": [{"field": {"field_path": "__name__"}, "direction": "ASCENDING"}]}
QUERY = {**GROUP, **BY_NAME}


def fill(db, count):
    for start in range(0, count, 500):
        batch = db.batch()
        for number in range(start, min(start + 500, count)):
            parent = "" if number % 2 else "p/q/"
            batch.set(db.document(f"{parent}c/{number:05}"), {"n": number})
        batch.commit()


def cursor_name(cursor):
    return cursor.values[0].reference_value


def test_the_ranges_together_are_the_group(db):
    fill(db, 2000)
    partitions = list(db.collection_group("c").get_partitions(4))
    assert 2 <= len(partitions) <= 5
    sizes = []
    seen = []
    for partition in partitions:
        found = [snapshot.get("n") for snapshot in partition.query().stream()]
        sizes.append(len(found))
        seen += found
    assert sorted(seen) == list(range(2000))
    assert min(sizes) > 0


def test_cursors_are_sorted_and_stable(db, api):
    fill(db, 1000)
    cursors = api.partition(QUERY, partition_count=3)
    names = [cursor_name(cursor) for cursor in cursors]
    assert 1 <= len(names) <= 3
    assert names == sorted(names)
    assert api.partition(QUERY, partition_count=3) == cursors
    assert not any(cursor.before for cursor in cursors)


def test_a_small_group_has_one_range(db):
    fill(db, 5)
    (partition,) = db.collection_group("c").get_partitions(3)
    assert len(list(partition.query().stream())) == 5


def test_pages(db, api):
    fill(db, 2000)
    everything = api.partition(QUERY, partition_count=4)
    paged = api.partition(QUERY, partition_count=4, page_size=1)
    assert sorted(map(cursor_name, paged)) == sorted(map(cursor_name, everything))


REFUSALS = {
    "no partitions": ({}, {"partition_count": 0}, "Partition count must be greater than zero."),
    "a negative page": ({}, {"page_size": -1}, "Page size must be nonnegative."),
    "a bad token": ({}, {"page_token": "x"}, "…"),
    "one collection": (
        {"from_": [{"collection_id": "c"}]},
        {},
        "Query must select all descendant collections.",
    ),
    "a limit": ({"limit": 1}, {}, "Query limit is not supported."),
    "an offset": ({"offset": 1}, {}, "Query offset is not supported."),
    "a projection": ({"select": {"fields": [{"field_path": "a"}]}}, {}, "Property masks are not supported."),
    "a start": (
        {"start_at": {"values": [reference("projects/p/databases/(default)/documents/c/d")]}},
        {},
        "Query start cursors are not supported.",
    ),
    "an end": (
        {"end_at": {"values": [reference("projects/p/databases/(default)/documents/c/d")]}},
        {},
        "Query end cursors are not supported.",
    ),
    "a filter": ({"where": field_filter("a", "EQUAL", integer(1))}, {}, "…"),
}


@pytest.mark.parametrize("query, rest, text", REFUSALS.values(), ids=REFUSALS.keys())
def test_refused(api, query, rest, text):
    refused("INVALID_ARGUMENT", text, api.partition, {**QUERY, **query}, **{"partition_count": 2, **rest})


def test_a_document_as_parent_is_refused(api):
    refused(
        "INVALID_ARGUMENT",
        "Ancestor queries are not supported.",
        api.call,
        "partition_query",
        parent=api.name("c/d"),
        structured_query=QUERY,
        partition_count=2,
    )


def test_without_an_order_there_are_no_cursors(db, api):
    fill(db, 1000)
    assert api.partition(GROUP, partition_count=3) == []
