"""Reading the past: every kind of read at a time inside the retention, and times that are refused."""

import datetime

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter
from raw_api import refused, select_from

UTC = datetime.timezone.utc


@pytest.fixture
def past(db):
    """Three versions of `c/d`; gives the commit times."""
    document = db.document("c/d")
    times = [document.set({"n": number}).update_time for number in range(3)]
    times.append(db.document("c/e").set({"n": 9}).update_time)
    document.delete()
    return times


def test_each_version_stays_readable(db, past):
    for number in range(3):
        snapshot = db.document("c/d").get(read_time=past[number])
        assert snapshot.get("n") == number
        assert snapshot.update_time == past[number]
        assert snapshot.create_time == past[0]
    assert not db.document("c/d").get().exists


def test_before_the_first_write_there_is_nothing(db, past):
    before = past[0] - datetime.timedelta(microseconds=1)
    assert not db.document("c/d").get(read_time=before).exists


def test_a_query_of_the_past(db, past):
    def found(time):
        return {snapshot.id: snapshot.get("n") for snapshot in db.collection("c").stream(read_time=time)}

    assert found(past[1]) == {"d": 1}
    assert found(past[3]) == {"d": 2, "e": 9}
    assert [snapshot.id for snapshot in db.collection("c").stream()] == ["e"]


def test_an_index_of_the_past(db, past):
    query = db.collection("c").where(filter=FieldFilter("n", "==", 1))
    assert [snapshot.id for snapshot in query.stream(read_time=past[1])] == ["d"]
    assert list(query.stream(read_time=past[2])) == []


def test_other_reads_of_the_past(db, past):
    ((count,),) = db.collection("c").count().get(read_time=past[3])
    assert count.value == 2
    assert [document.id for document in db.collection("c").list_documents(read_time=past[0])] == ["d"]
    (snapshot,) = db.get_all([db.document("c/d")], read_time=past[0])
    assert snapshot.get("n") == 0
    assert [collection.id for collection in db.collections(read_time=past[0])] == ["c"]


def test_the_answer_says_the_time(api, past):
    (part,) = api.query(select_from("c"), read_time=past[0])
    assert part.read_time == past[0]


def test_the_future_is_refused(api):
    soon = datetime.datetime.now(UTC) + datetime.timedelta(hours=1)
    text = "The requested 'read_time' cannot be in the future."
    refused("INVALID_ARGUMENT", text, api.get, api.name("c/d"), read_time=soon)
    refused("INVALID_ARGUMENT", text, api.query, select_from("c"), read_time=soon)


def test_what_is_older_than_the_retention_is_refused(api):
    long_ago = datetime.datetime.now(UTC) - datetime.timedelta(days=30)
    text = "The requested 'read_time' is too old."
    refused("FAILED_PRECONDITION", text, api.get, api.name("c/d"), read_time=long_ago)
    refused("FAILED_PRECONDITION", text, api.query, select_from("c"), read_time=long_ago)
