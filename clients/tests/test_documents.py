"""Single documents: what is stored, what comes back, and the times on it."""

import datetime

import pytest
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

UTC = datetime.timezone.utc


def every_type(db):
    return {
        "null": None,
        "true": True,
        "int": -9_223_372_036_854_775_808,
        "double": 1.5,
        "infinity": float("inf"),
        "time": datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, UTC),
        "oldest": datetime.datetime(1, 1, 1, tzinfo=UTC),
        "string": "é😀漢\0",
        "empty": "",
        "bytes": b"\x00\xff",
        "reference": db.document("other/document"),
        "place": firestore.GeoPoint(-90.0, 180.0),
        "array": [1, "two", {"three": [3]}],
        "empty array": [],
        "map": {"a.b": {"c`d": 1}},
        "empty map": {},
        "vector": Vector([1.0, -2.5]),
    }


def test_every_type_comes_back_as_it_went_in(db):
    document = db.document("types/all")
    document.set(every_type(db))
    assert document.get().to_dict() == every_type(db)


def test_an_integer_stays_an_integer_and_a_double_a_double(db):
    document = db.document("c/d")
    document.set({"int": 3, "double": 3.0})
    stored = document.get().to_dict()
    assert (type(stored["int"]), type(stored["double"])) == (int, float)


def test_nan_is_stored(db):
    document = db.document("c/d")
    document.set({"x": float("nan")})
    stored = document.get().get("x")
    assert stored != stored


def test_nanoseconds_are_cut_to_microseconds(api):
    time = {"timestamp_value": {"seconds": 1, "nanos": 123_456_789}}
    api.commit(api.set("c/d", {"t": time}))
    stored = api.get(api.name("c/d")).fields["t"].timestamp_value
    assert stored.nanosecond == 123_456_000


def test_an_empty_document_exists(db):
    document = db.document("c/d")
    document.set({})
    snapshot = document.get()
    assert snapshot.exists and snapshot.to_dict() == {}


def test_a_missing_document_is_not_found(api, db):
    assert not db.document("c/missing").get().exists
    with pytest.raises(NotFound) as caught:
        api.get(api.name("c/missing"))
    assert caught.value.message == f'Document "{api.name("c/missing")}" not found.'


def test_set_replaces_and_keeps_the_create_time(db):
    document = db.document("c/d")
    first = document.set({"a": 1, "b": 1})
    second = document.set({"b": 2})
    snapshot = document.get()
    assert snapshot.to_dict() == {"b": 2}
    assert (snapshot.create_time, snapshot.update_time) == (first.update_time, second.update_time)
    assert first.update_time < second.update_time


def test_writing_the_same_again_changes_nothing(db):
    document = db.document("c/d")
    first = document.set({"a": [1, {"b": None}]})
    again = document.set({"a": [1, {"b": None}]})
    assert again.update_time == first.update_time
    assert document.get().update_time == first.update_time


def test_create_time_starts_anew_after_a_delete(db):
    document = db.document("c/d")
    first = document.set({"a": 1})
    document.delete()
    second = document.set({"a": 1})
    assert document.get().create_time == second.update_time > first.update_time


def test_create_refuses_an_existing_document(db, api):
    document = db.document("c/d")
    document.create({"a": 1})
    with pytest.raises(AlreadyExists) as caught:
        document.create({"a": 2})
    assert caught.value.message == f"Document already exists: {api.name('c/d')}"
    assert document.get().to_dict() == {"a": 1}


def test_an_automatic_id_has_twenty_letters_and_digits(db, api):
    answer = api.call("create_document", parent=api.root, collection_id="c", document={})
    last = answer.name.rpartition("/")[2]
    assert len(last) == 20 and last.isalnum() and last.isascii()


def test_update_of_a_missing_document_is_not_found(db, api):
    with pytest.raises(NotFound) as caught:
        db.document("c/d").update({"a": 1})
    assert caught.value.message == f"No document to update: {api.name('c/d')}"


MERGES = {
    "a new field is added": ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "maps are merged": ({"m": {"a": 1, "b": 1}}, {"m": {"b": 2}}, {"m": {"a": 1, "b": 2}}),
    "arrays are replaced": ({"x": [1, 2]}, {"x": [3]}, {"x": [3]}),
    "a scalar gives way to a map": ({"m": 1}, {"m": {"a": 1}}, {"m": {"a": 1}}),
    "nothing changes nothing": ({"a": 1}, {}, {"a": 1}),
    "a deleted field goes": ({"a": 1, "b": 1}, {"b": firestore.DELETE_FIELD}, {"a": 1}),
}


@pytest.mark.parametrize("before, merged, after", MERGES.values(), ids=MERGES.keys())
def test_merge(db, before, merged, after):
    document = db.document("c/d")
    document.set(before)
    document.set(merged, merge=True)
    assert document.get().to_dict() == after


UPDATES = {
    "a dotted path reaches into a map": ({"m": {"a": 1, "b": 1}}, {"m.b": 2}, {"m": {"a": 1, "b": 2}}),
    "a path without dots replaces the map": ({"m": {"a": 1, "b": 1}}, {"m": {"b": 2}}, {"m": {"b": 2}}),
    "missing parents are made": ({}, {"a.b.c": 1}, {"a": {"b": {"c": 1}}}),
    "a scalar on the way is replaced": ({"a": 1}, {"a.b": 2}, {"a": {"b": 2}}),
    "quoted names": ({"a-b": {"c.d": 1}}, {"`a-b`.`c.d`": 2}, {"a-b": {"c.d": 2}}),
    "delete inside a map": ({"m": {"a": 1, "b": 1}}, {"m.a": firestore.DELETE_FIELD}, {"m": {"b": 1}}),
    "delete of what is not there": ({"a": 1}, {"x.y": firestore.DELETE_FIELD}, {"a": 1}),
}


@pytest.mark.parametrize("before, update, after", UPDATES.values(), ids=UPDATES.keys())
def test_update(db, before, update, after):
    document = db.document("c/d")
    document.set(before)
    document.update(update)
    assert document.get().to_dict() == after


def test_merge_creates_a_missing_document(db):
    document = db.document("c/d")
    document.set({"a": {"b": 1}}, merge=["a.b"])
    assert document.get().to_dict() == {"a": {"b": 1}}


def test_an_empty_merge_creates_a_missing_document(db):
    document = db.document("c/d")
    document.set({}, merge=True)
    assert document.get().exists


def test_delete_of_a_missing_document_succeeds(db):
    db.document("c/d").delete()


def test_a_deleted_document_leaves_what_is_below_it(db):
    db.document("c/d").set({})
    db.document("c/d/e/f").set({"a": 1})
    db.document("c/d").delete()
    assert not db.document("c/d").get().exists
    assert db.document("c/d/e/f").get().to_dict() == {"a": 1}


def test_get_with_a_mask(db):
    document = db.document("c/d")
    document.set({"a": {"b": 1, "c": 2}, "d": 3})
    assert document.get(["a.b", "missing"]).to_dict() == {"a": {"b": 1}}


def test_get_all_answers_each_name_once(db):
    for number in range(3):
        db.document(f"c/{number}").set({"n": number})
    wanted = [db.document(f"c/{name}") for name in ("0", "2", "missing", "0")]
    found = {snapshot.id: snapshot.to_dict() for snapshot in db.get_all(wanted)}
    assert found == {"0": {"n": 0}, "2": {"n": 2}, "missing": None}
    assert len(list(db.get_all(wanted))) == 3


def test_get_all_reads_one_snapshot(db):
    db.document("c/d").set({})
    times = {snapshot.read_time for snapshot in db.get_all([db.document("c/d"), db.document("c/e")])}
    assert len(times) == 1


def test_one_commit_is_one_time_and_all_or_nothing(db):
    batch = db.batch()
    batch.set(db.document("c/a"), {"n": 1})
    batch.set(db.document("c/b"), {"n": 1})
    batch.update(db.document("c/missing"), {"n": 1})
    with pytest.raises(NotFound):
        batch.commit()
    assert list(db.collection("c").stream()) == []
    batch = db.batch()
    batch.set(db.document("c/a"), {"n": 1})
    batch.set(db.document("c/b"), {"n": 1})
    batch.commit()
    assert len({snapshot.update_time for snapshot in db.collection("c").stream()}) == 1


def test_writes_of_one_commit_apply_in_order(db):
    batch = db.batch()
    document = db.document("c/d")
    batch.set(document, {"n": 1})
    batch.update(document, {"m": 2})
    batch.delete(document)
    batch.set(document, {"last": True})
    batch.commit()
    assert document.get().to_dict() == {"last": True}


def test_names_with_unusual_characters(db):
    for name in ("a:b", "a b", "%41", "é", "😀", "(default)", "a.b", "…", "__x", "#?&"):
        document = db.document(f"c/{name}")
        document.set({"name": name})
        assert document.get().get("name") == name
    assert len(list(db.collection("c").stream())) == 10


def test_databases_and_projects_do_not_see_each_other(db, project):
    db.document("c/d").set({"where": "default"})
    other = firestore.Client(project=project, database="other")
    other_project = firestore.Client(project=project + "-2")
    assert not other.document("c/d").get().exists
    assert not other_project.document("c/d").get().exists
    other.document("c/d").set({"where": "other"})
    assert db.document("c/d").get().get("where") == "default"
