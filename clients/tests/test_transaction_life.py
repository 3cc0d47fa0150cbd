"""The life of a transaction token: what each call answers before and after its end."""

import pytest
from raw_api import integer, refused

EXPIRED = "The referenced transaction has expired or is no longer valid."
READ_ONLY = {"read_only": {}}


def get(api, transaction):
    return api.get(api.name("c/d"), transaction=transaction)


@pytest.fixture
def token(api):
    api.commit(api.set("c/d", {"n": integer(1)}))
    return api.begin()


USES = {
    "commit": lambda api, token: api.commit(transaction=token),
    "get": lambda api, token: get(api, token),
    "batch get": lambda api, token: api.batch_get("c/d", transaction=token),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_after_a_commit(api, token, use):
    api.commit(transaction=token)
    refused("ABORTED", EXPIRED, use, api, token)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_after_a_rollback(api, token, use):
    api.rollback(token)
    refused("ABORTED", EXPIRED, use, api, token)


def test_rollback_can_be_repeated(api, token):
    api.rollback(token)
    api.rollback(token)


def test_rollback_after_a_commit_is_aborted(api, token):
    api.commit(transaction=token)
    refused("ABORTED", EXPIRED, api.rollback, token)


@pytest.mark.parametrize("use", [USES["commit"], USES["get"]], ids=["commit", "get"])
def test_after_a_refused_commit(api, token, use):
    failing = api.set("c/missing", current_document={"exists": True})
    refused("NOT_FOUND", f"No document to update: {api.name('c/missing')}", api.commit, failing, transaction=token)
    refused("INVALID_ARGUMENT", EXPIRED, use, api, token)
    api.rollback(token)
    api.rollback(token)


def test_a_refused_commit_gives_its_locks_back(api, token):
    get(api, token)
    failing = api.set("c/missing", current_document={"exists": True})
    refused("NOT_FOUND", "…", api.commit, failing, transaction=token)
    api.commit(api.set("c/d", {"n": integer(2)}))


def test_a_token_nobody_issued(api):
    for use in USES.values():
        refused("INVALID_ARGUMENT", "Invalid transaction.", use, api, b"no such token")
    refused("INVALID_ARGUMENT", "Invalid transaction.", api.rollback, b"no such token")


def test_tokens_are_never_the_same(api, token):
    assert len({bytes(api.begin()) for _ in range(10)} | {bytes(token)}) == 11


def test_a_retry_gets_a_new_token(api, token):
    api.rollback(token)
    again = api.begin(read_write={"retry_transaction": token})
    assert again != token
    api.commit(api.set("c/d"), transaction=again)


def test_writes_in_a_read_only_transaction(api, token):
    reader = api.begin(**READ_ONLY)
    get(api, reader)
    text = "Cannot modify entities in a read-only transaction."
    refused("INVALID_ARGUMENT", text, api.commit, api.set("c/d"), transaction=reader)
    refused("INVALID_ARGUMENT", EXPIRED, get, api, reader)
    api.rollback(reader)


def test_an_empty_commit_of_a_read_only_transaction(api, token):
    reader = api.begin(**READ_ONLY)
    get(api, reader)
    api.commit(transaction=reader)


def test_a_read_only_transaction_of_the_past(api):
    first = api.commit(api.set("c/d", {"n": integer(1)})).commit_time
    api.commit(api.set("c/d", {"n": integer(2)}))
    reader = api.begin(read_only={"read_time": first})
    assert get(api, reader).fields["n"].integer_value == 1


def test_a_read_can_begin_a_transaction(api, token):
    first, *rest = api.batch_get("c/d", "c/missing", new_transaction={"read_write": {}})
    assert first.transaction and not first.found.name and not first.missing
    assert [bool(part.transaction) for part in rest] == [False, False]
    api.commit(api.set("c/d", {"n": integer(5)}), transaction=first.transaction)
    query = {"from_": [{"collection_id": "c"}]}
    first, *rest = api.query(query, new_transaction={"read_write": {}})
    assert first.transaction and not first.document.name
    assert len(rest) == 1
    api.rollback(first.transaction)


def test_a_transaction_begun_by_a_read_is_read_only_unless_it_says_otherwise(api, token):
    first, *_ = api.batch_get("c/d", new_transaction={})
    refused(
        "INVALID_ARGUMENT",
        "Cannot modify entities in a read-only transaction.",
        api.commit,
        api.set("c/d"),
        transaction=first.transaction,
    )


def test_optimistic_transactions_lock_nothing_and_abort_at_the_commit(api):
    api.commit(api.set("c/d", {"n": integer(1)}))
    optimistic = api.begin(read_write={"concurrency_mode": "OPTIMISTIC"})
    get(api, optimistic)
    api.commit(api.set("c/d", {"n": integer(2)}))
    refused("ABORTED", "…", api.commit, api.set("c/d", {"n": integer(3)}), transaction=optimistic)
    assert api.get(api.name("c/d")).fields["n"].integer_value == 2
