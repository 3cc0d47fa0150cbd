"""Commits as they are on the wire: what is answered for each mutation, and what is refused with which text."""

import pytest
from google.api_core import exceptions
from google.cloud import datastore_v1 as v1

from raw_api import entity, key, stub


@pytest.fixture
def api(server):
    return stub(server)


@pytest.fixture
def commit(api, project):
    """Commits mutations one by one, unless told otherwise."""

    def commit(*mutations, mode="NON_TRANSACTIONAL", **more):
        request = {"project_id": project, "mode": mode, "mutations": list(mutations), **more}
        return api.commit(request=request)

    return commit


@pytest.fixture
def get(api, project):
    def get(named):
        found = api.lookup(request={"project_id": project, "keys": [named]}).found
        return dict(found[0].entity.properties) if found else None

    return get


def number(value):
    return v1.Value(integer_value=value)


def micros(time):
    return int(time.timestamp()) * 1_000_000 + time.microsecond


def test_results_stand_in_order_and_only_allocated_keys_are_told(commit, project):
    answer = commit(
        {"upsert": entity(key("K", "a"))},
        {"insert": entity(key("K"))},
        {"delete": key("K", "gone")},
        {"upsert": entity(key("K", 1, "C"))},
    )
    a, inserted, deleted, child = answer.mutation_results
    assert "key" not in a and "key" not in deleted
    assert inserted.key.path[-1].id > 0 and child.key.path[-1].id > 0
    assert inserted.key.partition_id.project_id == project
    assert a.version == micros(a.update_time) == micros(a.create_time)
    assert deleted.version > 0 and "update_time" not in deleted
    assert answer.commit_time >= child.update_time


def test_an_entity_that_exists_cannot_be_inserted_nor_a_missing_one_updated(commit):
    commit({"insert": entity(key("K", "x"))})
    with pytest.raises(exceptions.AlreadyExists) as refusal:
        commit({"insert": entity(key("K", "x"))})
    assert refusal.value.message.startswith("entity already exists")
    with pytest.raises(exceptions.NotFound) as refusal:
        commit({"update": entity(key("K", "y"))})
    assert refusal.value.message.startswith("no entity to update")


def test_a_commit_without_a_transaction_stops_at_the_first_failure_and_keeps_what_was_before(commit, get):
    commit({"insert": entity(key("K", "taken"))})
    with pytest.raises(exceptions.AlreadyExists):
        commit(*({"insert": entity(key("K", name))} for name in ("first", "taken", "last")))
    assert get(key("K", "first")) is not None
    assert get(key("K", "last")) is None


def test_what_can_be_told_beforehand_changes_nothing(commit, get):
    with pytest.raises(exceptions.InvalidArgument):
        commit({"insert": entity(key("K", "first"))}, {"insert": entity(key("__K__", 1))})
    assert get(key("K", "first")) is None


def test_a_write_that_changes_nothing_keeps_its_version(commit):
    (first,) = commit({"upsert": entity(key("K", 1), a=number(1))}).mutation_results
    (again,) = commit({"upsert": entity(key("K", 1), a=number(1))}).mutation_results
    (other,) = commit({"upsert": entity(key("K", 1), a=number(2))}).mutation_results
    assert again.version == first.version and again.update_time == first.update_time
    assert other.version > first.version and other.create_time == first.create_time
    commit({"delete": key("K", 1)})
    (anew,) = commit({"upsert": entity(key("K", 1), a=number(2))}).mutation_results
    assert anew.create_time > first.create_time


def test_a_stale_version_is_told_and_its_mutation_left_out(commit, get):
    (first,) = commit({"upsert": entity(key("K", 1), a=number(1))}).mutation_results
    commit({"upsert": entity(key("K", 1), a=number(2))})
    stale = {"upsert": entity(key("K", 1), a=number(3)), "base_version": first.version}
    kept, other = commit(stale, {"upsert": entity(key("K", 2))}).mutation_results
    assert kept.conflict_detected and not other.conflict_detected
    assert get(key("K", 1)) == {"a": number(2)}
    assert get(key("K", 2)) is not None
    with pytest.raises(exceptions.FailedPrecondition) as refusal:
        commit({**stale, "conflict_resolution_strategy": "FAIL"})
    version = kept.version
    text = f"the stored version ({version}) does not match the required base version ({first.version})"
    assert refusal.value.message == text


def test_a_mask_writes_what_it_names_and_deletes_what_the_entity_lacks(commit, get):
    inner = v1.Value(entity_value=v1.Entity(properties={"x": number(1), "y": number(2)}))
    commit({"upsert": entity(key("K", 1), a=number(1), b=number(2), e=inner)})
    changed = v1.Value(entity_value=v1.Entity(properties={"x": number(9)}))
    commit({"upsert": entity(key("K", 1), a=number(5), c=number(6), e=changed), "property_mask": {"paths": ["b", "c", "e.x"]}})
    after = get(key("K", 1))
    assert set(after) == {"a", "c", "e"}
    assert after["a"] == number(1) and after["c"] == number(6)
    assert dict(after["e"].entity_value.properties) == {"x": number(9), "y": number(2)}


def test_transforms_are_computed_by_the_server(commit, get):
    commit({"upsert": entity(key("K", 1), n=number(5), low=number(5))})
    transforms = [
        {"property": "n", "increment": number(3)},
        {"property": "n", "maximum": v1.Value(double_value=8.5)},
        {"property": "low", "minimum": number(4)},
        {"property": "tags", "append_missing_elements": {"values": [number(1), number(2), number(1)]}},
        {"property": "tags", "remove_all_from_array": {"values": [number(2)]}},
        {"property": "at", "set_to_server_value": "REQUEST_TIME"},
    ]
    mutation = {"update": entity(key("K", 1), n=number(5), low=number(5)), "property_transforms": transforms}
    (result,) = commit(mutation).mutation_results
    after = get(key("K", 1))
    assert after["n"].double_value == 8.5 and after["low"] == number(4)
    assert [one.integer_value for one in after["tags"].array_value.values] == [1]
    assert result.transform_results[0] == number(8)
    assert result.transform_results[5] == after["at"]
    assert len(result.transform_results) == len(transforms)


def test_several_mutations_of_one_entity(commit, api, project, get):
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        commit({"upsert": entity(key("K", 1))}, {"delete": key("K", 1)})
    text = "A non-transactional commit may not contain multiple mutations affecting the same entity."
    assert refusal.value.message == text
    once = {"mode": "TRANSACTIONAL", "single_use_transaction": {}}
    commit({"insert": entity(key("K", 1), a=number(1))}, {"update": entity(key("K", 1), a=number(2))}, **once)
    assert get(key("K", 1)) == {"a": number(2)}
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        commit({"update": entity(key("K", 1))}, {"insert": entity(key("K", 1))}, **once)
    assert refusal.value.message == "Cannot update then insert an entity in the same request."


@pytest.mark.parametrize(
    "request_, text",
    [
        ({"mode": "TRANSACTIONAL"}, "transactional commit requires a transaction"),
        ({}, "transactional commit requires a transaction"),
        ({"mode": "NON_TRANSACTIONAL", "transaction": b"x"}, "non-transaction commit cannot specify a transaction"),
        ({"mode": "TRANSACTIONAL", "transaction": b""}, "a transaction cannot be the empty string."),
        (
            {"mode": "TRANSACTIONAL", "single_use_transaction": {"read_only": {}}},
            "single_use_transaction in a commit request must be READ_WRITE.",
        ),
        ({"mode": "NON_TRANSACTIONAL", "mutations": [{}]}, "Mutation is missing operation."),
        ({"mode": "NON_TRANSACTIONAL", "mutations": [{"insert": {}}]}, "Entity is missing key."),
        ({"mode": "NON_TRANSACTIONAL", "mutations": [{"delete": {}}]}, "Key path is empty."),
        (
            {"mode": "NON_TRANSACTIONAL", "mutations": [{"delete": key("A")}]},
            "Key path element must not be incomplete: [A: ]",
        ),
        (
            {"mode": "NON_TRANSACTIONAL", "mutations": [{"delete": key("A", 1, project_id="other")}]},
            "mismatched databases within request: s~{project} vs. s~other",
        ),
        (
            {"mode": "NON_TRANSACTIONAL", "mutations": [{"upsert": {"key": key("A", 1), "properties": {"a": {}}}}]},
            'The value "a" does not contain a value.',
        ),
    ],
)
def test_commits_that_mean_nothing_are_refused(api, project, request_, text):
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        api.commit(request={"project_id": project, **request_})
    assert refusal.value.message == text.format(project=project)


def test_ids_are_allocated_only_for_keys_that_lack_one(api, project):
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        api.allocate_ids(request={"project_id": project, "keys": [key("A", 1)]})
    assert refusal.value.message == "Key path element must not be complete: [A: 1]"
    assert api.allocate_ids(request={"project_id": project}).keys == []
    (made,) = api.allocate_ids(request={"project_id": project, "keys": [key("A", 1, "B")]}).keys
    assert made.path[0].id == 1 and made.path[1].id > 0


def test_a_lookup_answers_each_key_once(api, project, commit):
    commit({"upsert": entity(key("K", 1), a=number(1), b=number(2))})
    asked = [key("K", 1), key("K", 2), key("K", 1), key("__K__", 1)]
    answer = api.lookup(request={"project_id": project, "keys": asked, "property_mask": {"paths": ["b"]}})
    (found,) = answer.found
    assert dict(found.entity.properties) == {"b": number(2)}
    assert found.version == micros(found.update_time)
    assert [one.entity.key.path[-1].kind for one in answer.missing] == ["K", "__K__"]
    assert all(one.entity.key.partition_id.project_id == project for one in answer.missing)
    assert answer.read_time >= found.update_time
    too_many = [key("K", number) for number in range(1, 1002)]
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        api.lookup(request={"project_id": project, "keys": too_many})
    assert refusal.value.message == "cannot get more than 1000 keys in a single call"


def test_what_does_not_fit_into_one_answer_is_deferred(api, project, client):
    from google.cloud import datastore

    keys = [client.key("Large", number) for number in range(1, 13)]
    for named in keys:
        large = datastore.Entity(named, exclude_from_indexes=("text",))
        large["text"] = "x" * 1_000_000
        client.put(large)
    wire = [named.to_protobuf()._pb for named in keys]
    answer = api.lookup(request={"project_id": project, "keys": wire})
    assert answer.deferred and len(answer.found) + len(answer.deferred) == len(keys)
    assert len(client.get_multi(keys)) == len(keys)
