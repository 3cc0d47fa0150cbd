"""Transactions by the official client: what they see, what they lock, and that racing ones lose nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import pytest
from google.api_core.exceptions import Aborted
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from racing import commit

# Long enough for a write that waits for nobody to be done many times over.
CLEARLY_WAITING_SECONDS = 0.5


@pytest.fixture
def threads():
    with ThreadPoolExecutor(max_workers=16) as pool:
        yield pool


def begin(db, **options):
    transaction = db.transaction(**options)
    transaction._begin()
    return transaction


def read(document, transaction):
    return document.get(transaction=transaction).to_dict()


def increment(db, document):
    @firestore.transactional
    def body(transaction):
        number = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": number + 1})

    commit(body, db.transaction)


def test_eight_threads_increment_one_counter_and_nothing_is_lost(db, threads):
    counter = db.document("c/counter")
    counter.set({"n": 0})
    work = [threads.submit(lambda: [increment(db, counter) for _ in range(25)]) for _ in range(8)]
    for future in work:
        future.result(timeout=100)
    assert counter.get().get("n") == 200


def test_money_moved_between_accounts_is_never_made_or_lost(db, threads):
    accounts = [db.document(f"accounts/{number}") for number in range(4)]
    for account in accounts:
        account.set({"balance": 100})

    def move(source, target):
        @firestore.transactional
        def body(transaction):
            have = read(source, transaction)["balance"]
            other = read(target, transaction)["balance"]
            transaction.update(source, {"balance": have - 1})
            transaction.update(target, {"balance": other + 1})

        commit(body, db.transaction)

    pairs = [(accounts[n % 4], accounts[(n + 1 + n // 4 % 3) % 4]) for n in range(60)]
    for future in [threads.submit(move, *pair) for pair in pairs]:
        future.result(timeout=100)
    assert sum(account.get().get("balance") for account in accounts) == 400


def test_two_that_must_not_both_leave_do_not_both_leave(db, threads):
    """Write skew: each transaction reads both documents and changes its own."""
    for name in ("alice", "bob"):
        db.document(f"on_call/{name}").set({"on": True})
    both_have_read = threading.Barrier(2, timeout=30)

    def leave(name):
        attempts = 0

        @firestore.transactional
        def body(transaction):
            nonlocal attempts
            attempts += 1
            query = db.collection("on_call").where(filter=FieldFilter("on", "==", True))
            on_call = [snapshot.id for snapshot in query.stream(transaction=transaction)]
            if attempts == 1:
                both_have_read.wait()
            if len(on_call) > 1:
                transaction.update(db.document(f"on_call/{name}"), {"on": False})

        commit(body, db.transaction)

    for future in [threads.submit(leave, name) for name in ("alice", "bob")]:
        future.result(timeout=100)
    still = [snapshot.id for snapshot in db.collection("on_call").stream() if snapshot.get("on")]
    assert len(still) == 1


def test_of_two_that_read_the_same_the_older_wins(db, threads):
    document = db.document("c/d")
    document.set({"n": 0})
    older, younger = begin(db), begin(db)
    for transaction in (older, younger):
        read(document, transaction)
    older.set(document, {"winner": "older"})
    younger.set(document, {"winner": "younger"})
    waiting = threads.submit(younger._commit)
    older._commit()
    with pytest.raises(Aborted):
        waiting.result(timeout=60)
    assert document.get().to_dict() == {"winner": "older"}


def test_a_write_waits_for_a_reader_and_then_happens(db, threads):
    document = db.document("c/d")
    document.set({"n": 0})
    transaction = begin(db)
    read(document, transaction)
    waiting = threads.submit(document.set, {"n": 1})
    with pytest.raises(TimeoutError):
        waiting.result(timeout=CLEARLY_WAITING_SECONDS)
    transaction._rollback()
    waiting.result(timeout=60)
    assert document.get().get("n") == 1


def test_a_missing_document_is_locked_too(db, threads):
    document = db.document("c/missing")
    transaction = begin(db)
    assert not document.get(transaction=transaction).exists
    waiting = threads.submit(document.create, {"by": "other"})
    with pytest.raises(TimeoutError):
        waiting.result(timeout=CLEARLY_WAITING_SECONDS)
    transaction._rollback()
    waiting.result(timeout=60)


def test_no_document_appears_in_a_range_that_was_read(db, threads):
    query = db.collection("c").where(filter=FieldFilter("n", ">", 10))
    transaction = begin(db)
    assert list(query.stream(transaction=transaction)) == []
    waiting = threads.submit(db.document("c/phantom").set, {"n": 11})
    with pytest.raises(TimeoutError):
        waiting.result(timeout=CLEARLY_WAITING_SECONDS)
    assert list(query.stream(transaction=transaction)) == []
    transaction._rollback()
    waiting.result(timeout=60)


def test_a_write_outside_the_range_does_not_wait(db):
    query = db.collection("c").where(filter=FieldFilter("n", ">", 10))
    transaction = begin(db)
    assert list(query.stream(transaction=transaction)) == []
    db.document("c/outside").set({"n": 9})
    db.document("other/inside").set({"n": 11})
    transaction._rollback()


def test_a_blind_write_conflicts_with_nobody(db):
    document = db.document("c/d")
    transaction = begin(db)
    document.set({"n": 1})
    transaction.set(document, {"n": 2})
    transaction._commit()
    assert document.get().get("n") == 2


def test_the_snapshot_begins_with_the_first_read(db):
    document = db.document("c/d")
    document.set({"n": 1})
    transaction = begin(db)
    document.set({"n": 2})
    assert read(document, transaction) == {"n": 2}
    transaction.update(document, {"m": 3})
    transaction._commit()
    assert document.get().to_dict() == {"n": 2, "m": 3}


def test_a_transaction_does_not_see_its_own_writes_before_the_commit(db):
    document = db.document("c/d")
    document.set({"n": 1})
    transaction = begin(db)
    transaction.update(document, {"n": 2})
    assert document.get().get("n") == 1
    transaction._commit()
    assert document.get().get("n") == 2


def test_a_read_only_transaction_sees_one_snapshot_and_blocks_nobody(db):
    document = db.document("c/d")
    document.set({"n": 1})
    transaction = begin(db, read_only=True)
    assert read(document, transaction) == {"n": 1}
    document.set({"n": 2})
    db.document("c/e").set({"n": 2})
    assert read(document, transaction) == {"n": 1}
    assert [snapshot.id for snapshot in db.collection("c").stream(transaction=transaction)] == ["d"]
    transaction._commit()


def test_an_error_in_the_body_rolls_back(db):
    document = db.document("c/d")

    @firestore.transactional
    def body(transaction):
        transaction.set(document, {"n": 1})
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        body(db.transaction())
    assert not document.get().exists


def test_queries_aggregations_and_get_all_in_a_transaction(db):
    for number in range(3):
        db.document(f"c/{number}").set({"n": number})

    @firestore.transactional
    def body(transaction):
        query = db.collection("c").where(filter=FieldFilter("n", ">=", 1))
        found = [snapshot.id for snapshot in transaction.get(query)]
        ((count,),) = query.count().get(transaction=transaction)
        documents = db.get_all([db.document("c/0"), db.document("c/x")], transaction=transaction)
        existing = [snapshot.id for snapshot in documents if snapshot.exists]
        transaction.set(db.document("sums/1"), {"found": found, "count": count.value, "existing": existing})

    body(db.transaction())
    assert db.document("sums/1").get().to_dict() == {"found": ["1", "2"], "count": 2, "existing": ["0"]}


def test_two_creators_of_one_name_and_only_one_wins(db, threads):
    """The unique e-mail race: both look, neither finds it, both create it."""
    both_have_looked = threading.Barrier(2, timeout=30)
    document = db.document("emails/a@example.com")

    def register(user):
        attempts = 0

        @firestore.transactional
        def body(transaction):
            nonlocal attempts
            attempts += 1
            taken = document.get(transaction=transaction).exists
            if attempts == 1:
                both_have_looked.wait()
            if taken:
                return False
            transaction.create(document, {"user": user})
            return True

        return body(db.transaction())

    results = [future.result(timeout=100) for future in [threads.submit(register, user) for user in "ab"]]
    assert sorted(results) == [False, True]
