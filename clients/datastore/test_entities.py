"""Entities as the official client writes and reads them: every kind of value, keys, ids, deletions."""

import datetime

import pytest
from google.api_core import exceptions
from google.cloud import datastore
from google.cloud.datastore.helpers import GeoPoint

UTC = datetime.timezone.utc


def test_every_kind_of_value_comes_back(client):
    embedded = datastore.Entity(key=client.key("In", "side"))
    embedded.update({"deep": datastore.Entity(), "n": 1})
    embedded["deep"].update({"list": [1, "x", None]})
    entity = datastore.Entity(client.key("K", "a/b.`ü"), exclude_from_indexes=("long",))
    values = {
        "null": None,
        "truth": True,
        "number": -(2**63),
        "double": 1.5,
        "infinite": float("inf"),
        "time": datetime.datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "key": client.key("Other", 5, "Child", "x"),
        "text": "Größe",
        "long": "x" * 100_000,
        "blob": bytes(range(256)),
        "place": GeoPoint(35.6, 139.7),
        "embedded": embedded,
        "array": [1, 2.5, "three", None, True],
        "empty": [],
        "with.dot and `": 1,
    }
    entity.update(values)
    client.put(entity)
    read = client.get(entity.key)
    assert dict(read) == values
    assert read.key == entity.key
    assert read.exclude_from_indexes == {"long"}


def test_not_a_number_comes_back(client, put):
    entity = put("K", 1, v=float("nan"))
    read = client.get(entity.key)["v"]
    assert read != read


def test_ids_are_allocated_for_the_keys_that_lack_one_and_no_other(client):
    complete = datastore.Entity(client.key("K", "name"))
    partial = [datastore.Entity(client.key("K")) for _ in range(3)]
    below = datastore.Entity(client.key("K", "name", "Child"))
    client.put_multi([partial[0], complete, partial[1], below, partial[2]])
    ids = [entity.key.id for entity in [*partial, below]]
    assert all(0 < number < 2**53 for number in ids)
    assert len(set(ids[:3])) == 3
    assert complete.key.name == "name"
    assert below.key.parent == complete.key
    assert len(client.get_multi([entity.key for entity in [*partial, complete, below]])) == 5


def test_allocated_ids_are_never_given_twice(client):
    keys = client.allocate_ids(client.key("K"), 600)
    entities = [datastore.Entity(client.key("K")) for _ in range(400)]
    client.put_multi(entities)
    assert len({key.id for key in keys} | {entity.key.id for entity in entities}) == 1000


def test_reserved_ids_are_not_allocated(client):
    known = client.allocate_ids(client.key("K"), 1)[0].id
    client.reserve_ids_multi([client.key("K", known), client.key("K", 7), client.key("K", "name")])
    client.reserve_ids_sequential(client.key("K", 1234), 10)
    assert client.allocate_ids(client.key("K"), 1)[0].id not in {known, 7}


def test_a_number_and_its_text_are_different_ids(client, put):
    put("K", 5, what="number")
    put("K", "5", what="name")
    put("K", -5, what="negative")
    assert [client.get(client.key("K", name))["what"] for name in (5, "5", -5)] == ["number", "name", "negative"]


def test_what_is_missing_is_told_by_its_whole_key(client, clients, put):
    there = put("K", "there")
    tenant = clients(namespace="tenant")
    absent = [client.key("K", "gone"), tenant.key("K", "there")]
    missing = []
    found = client.get_multi([absent[0], there.key, absent[1]], missing=missing)
    assert [entity.key for entity in found] == [there.key]
    assert sorted(entity.key.to_protobuf()._pb.SerializeToString() for entity in missing) == sorted(
        key.to_protobuf()._pb.SerializeToString() for key in absent
    )


def test_namespaces_and_databases_do_not_meet(client, clients, put):
    put("K", 1, where="here")
    for other in (clients(namespace="tenant"), clients(database="second")):
        key = other.key("K", 1)
        assert other.get(key) is None
        entity = datastore.Entity(key)
        entity["where"] = "there"
        other.put(entity)
        assert [one["where"] for one in other.query(kind="K").fetch()] == ["there"]
        assert other.get(key).key == key
    assert client.get(client.key("K", 1))["where"] == "here"


def test_a_deleted_entity_is_gone_and_may_be_deleted_again(client, put):
    entity = put("K", 1)
    client.delete(entity.key)
    client.delete(entity.key)
    assert client.get(entity.key) is None


def test_times_are_cut_to_microseconds(client):
    from google.cloud.datastore_v1 import types

    key = client.key("K", 1)
    message = types.Entity(key=key.to_protobuf())
    message._pb.properties["t"].timestamp_value.FromJsonString("2020-01-02T03:04:05.678901999Z")
    client._datastore_api.commit(
        request={
            "project_id": client.project,
            "mode": "NON_TRANSACTIONAL",
            "mutations": [{"upsert": message}],
        }
    )
    assert client.get(key)["t"] == datetime.datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_meanings_and_exclusions_are_kept_for_each_element(client):
    from google.cloud.datastore_v1 import types

    key = client.key("K", 1)
    elements = [
        types.Value(string_value="a", meaning=8),
        types.Value(string_value="b", exclude_from_indexes=True, meaning=15),
        types.Value(integer_value=3),
    ]
    message = types.Entity(key=key.to_protobuf())
    message.properties["v"] = types.Value(array_value=types.ArrayValue(values=elements))
    message.properties["z"] = types.Value(blob_value=b"z", exclude_from_indexes=True, meaning=22)
    request = {"project_id": client.project, "mode": "NON_TRANSACTIONAL", "mutations": [{"upsert": message}]}
    client._datastore_api.commit(request=request)
    found = client._datastore_api.lookup(request={"project_id": client.project, "keys": [key.to_protobuf()]}).found
    assert found[0].entity.properties["v"] == message.properties["v"]
    assert found[0].entity.properties["z"] == message.properties["z"]


@pytest.mark.parametrize(
    "properties, exclude, text",
    [
        ({"s": "x" * 1501}, (), 'The value of property "s" is longer than 1500 bytes.'),
        ({"s": "x" * 1_048_488}, ("s",), 'The value of property "s" is longer than 1048487 bytes.'),
        ({"__x__": 1}, (), 'The property.name "__x__" is reserved.'),
        ({"": 1}, (), "The property.name is the empty string."),
        ({"g": GeoPoint(90.1, 0)}, (), None),
        ({"k": [["nested"]]}, (), None),
    ],
)
def test_values_that_nobody_may_store_are_refused(client, properties, exclude, text):
    entity = datastore.Entity(client.key("K", 1), exclude_from_indexes=exclude)
    with pytest.raises((exceptions.InvalidArgument, ValueError)) as refusal:
        entity.update(properties)
        client.put(entity)
    if text is not None:
        assert refusal.value.message == text
    assert client.get(entity.key) is None


@pytest.mark.parametrize(
    "path, text",
    [
        (("__k__", 1), 'The kind "__k__" is reserved.'),
        (("K", "__n__"), 'The key path element name "__n__" is reserved.'),
        (("K" * 1501, 1), "The kind is longer than 1500 bytes."),
        (("K", "n" * 1501), "The key path element name is longer than 1500 bytes."),
        (("K", 1) * 101, "Key path is too long. Cannot exceed 100 elements."),
    ],
)
def test_keys_that_nobody_may_write_are_refused(client, path, text):
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        client.put(datastore.Entity(client.key(*path)))
    assert refusal.value.message == text
