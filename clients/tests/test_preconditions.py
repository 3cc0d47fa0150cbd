"""Preconditions: when they hold the write happens, when not the error is production's and nothing changes."""

import datetime

import pytest
from raw_api import integer, refused

KINDS = ["update", "delete"]


def write(api, kind, precondition):
    if kind == "delete":
        return api.delete("c/d", current_document=precondition)
    return api.set("c/d", {"n": integer(2)}, current_document=precondition)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_must_exist(api, kind):
    precondition = {"exists": True}
    missing = f"No document to update: {api.name('c/d')}"
    refused("NOT_FOUND", missing, api.commit, write(api, kind, precondition))
    api.commit(api.set("c/d", {"n": integer(1)}))
    api.commit(write(api, kind, precondition))


def test_a_document_that_must_not_exist(api):
    fresh = write(api, "update", {"exists": False})
    api.commit(fresh)
    exists = f"Document already exists: {api.name('c/d')}"
    refused("ALREADY_EXISTS", exists, api.commit, fresh)


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_must_be_current(api, kind):
    stale = api.commit(api.set("c/d", {"n": integer(0)})).write_results[0].update_time
    current = api.commit(api.set("c/d", {"n": integer(1)})).write_results[0].update_time
    text = f"the stored version ({micros(current)}) does not match the required base version ({micros(stale)})"
    refused("FAILED_PRECONDITION", text, api.commit, write(api, kind, {"update_time": stale}))
    api.commit(write(api, kind, {"update_time": current}))


def test_the_version_of_a_missing_document_is_zero(api):
    some = api.commit(api.set("c/other")).write_results[0].update_time
    text = f"the stored version (0) does not match the required base version ({micros(some)})"
    refused("FAILED_PRECONDITION", text, api.commit, write(api, "update", {"update_time": some}))


def micros(time):
    return round((time - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) / datetime.timedelta(microseconds=1))


def test_one_failing_write_stops_the_whole_commit(api):
    good = api.set("c/good")
    bad = write(api, "update", {"exists": True})
    refused("NOT_FOUND", f"No document to update: {api.name('c/d')}", api.commit, good, bad)
    assert api.query({"from_": [{"collection_id": "c"}]})[0].document.name == ""


def test_a_write_that_changes_nothing_still_needs_its_precondition(api):
    api.commit(api.set("c/d", {"n": integer(2)}))
    refused(
        "ALREADY_EXISTS",
        f"Document already exists: {api.name('c/d')}",
        api.commit,
        write(api, "update", {"exists": False}),
    )


def test_the_client_writes_with_the_version_it_read(db):
    document = db.document("c/d")
    document.set({"n": 1})
    seen = document.get()
    document.update({"n": 2}, option=db.write_option(last_update_time=seen.update_time))
    assert document.get().get("n") == 2
    document.delete(option=db.write_option(last_update_time=document.get().update_time))
    assert not document.get().exists
