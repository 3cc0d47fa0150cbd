"""Listeners of the Python client: what `on_snapshot` is told, and when."""

import queue
import threading

import pytest
from google.cloud import firestore
from google.cloud.firestore import FieldFilter, Or

PATIENCE_SECONDS = 20


class Follower:
    """A listener whose snapshots are taken one by one."""

    def __init__(self, target):
        self.snapshots = queue.Queue()
        self.watch = target.on_snapshot(lambda *news: self.snapshots.put(news))

    def next(self):
        """The next snapshot: (documents in order, changes, read time)."""
        return self.snapshots.get(timeout=PATIENCE_SECONDS)

    def ids(self):
        documents, _, _ = self.next()
        return [document.id for document in documents]

    def changes(self):
        _, changes, _ = self.next()
        return [(change.type.name, change.document.id) for change in changes]

    def until(self, condition):
        """The documents of the first snapshot that a condition holds for."""
        while True:
            documents, _, _ = self.next()
            if condition(documents):
                return documents

    def close(self):
        self.watch.unsubscribe()


@pytest.fixture
def follow():
    followers = []

    def start(target):
        followers.append(Follower(target))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()


def test_a_document_is_missing_made_changed_and_deleted(db, follow):
    reference = db.document("c/d")
    follower = follow(reference)
    # The client tells of a missing document with an empty list.
    assert follower.ids() == []
    for n in (1, 2):
        written = reference.set({"n": n})
        (document,), _, _ = follower.next()
        assert document.to_dict() == {"n": n}
        assert document.update_time == written.update_time
    reference.delete()
    assert follower.ids() == []


def test_each_commit_is_one_snapshot_with_its_changes(db, follow):
    cities = db.collection("cities")
    for n in (10, 20, 30):
        cities.document(f"n{n}").set({"n": n})
    follower = follow(cities.order_by("n"))
    assert follower.ids() == ["n10", "n20", "n30"]
    batch = db.batch()
    batch.set(cities.document("n15"), {"n": 15})
    batch.set(cities.document("n30"), {"n": 5})
    batch.delete(cities.document("n10"))
    batch.commit()
    documents, changes, _ = follower.next()
    assert [document.id for document in documents] == ["n30", "n15", "n20"]
    assert [(change.type.name, change.document.id) for change in changes] == [
        ("REMOVED", "n10"),
        ("ADDED", "n15"),
        ("MODIFIED", "n30"),
    ]


QUERIES = {
    "a collection": (lambda c: c, ["1", "2", "3", "4"], ["1", "2", "3", "4", "9"]),
    "an equality": (lambda c: c.where(filter=FieldFilter("n", "==", 1)), ["1"], ["1", "9"]),
    "a limit": (lambda c: c.order_by("n").limit(2), ["1", "2"], ["1", "9"]),
    "either": (
        lambda c: c.where(filter=Or([FieldFilter("n", "==", 1), FieldFilter("n", "==", 4)])),
        ["1", "4"],
        ["1", "4", "9"],
    ),
    "a cursor": (lambda c: c.order_by("n").end_before({"n": 3}), ["1", "2"], ["1", "9", "2"]),
}


@pytest.mark.parametrize("of, begin, then", QUERIES.values(), ids=QUERIES.keys())
def test_queries_are_followed(db, follow, of, begin, then):
    for n in (1, 2, 3, 4):
        db.document(f"c/{n}").set({"n": n})
    follower = follow(of(db.collection("c")))
    assert follower.ids() == begin
    db.document("c/9").set({"n": 1})
    assert follower.ids() == then


def test_a_collection_group_is_followed_wherever_its_collections_lie(db, follow):
    db.document("a/1/landmarks/x").set({})
    follower = follow(db.collection_group("landmarks"))
    assert follower.ids() == ["x"]
    db.document("b/1/c/2/landmarks/y").set({})
    assert follower.changes() == [("ADDED", "y")]
    db.document("a/1/landmarks/x").delete()
    assert follower.changes() == [("REMOVED", "x")]


def test_writes_elsewhere_are_not_heard(db, follow):
    follower = follow(db.collection("c"))
    assert follower.ids() == []
    db.document("d/1").set({})
    db.document("c/1/c/2").set({})
    db.document("c/1").set({})
    assert follower.ids() == ["1"]


def test_read_times_grow_and_each_snapshot_is_the_database_at_its_time(db, follow):
    follower = follow(db.collection("c").order_by("n").limit(3))
    follower.next()
    for n in range(20, 0, -1):
        db.document(f"c/{n}").set({"n": n})
    seen, times = [], []
    while not seen or seen[-1] != [1, 2, 3]:
        documents, _, read_time = follower.next()
        seen.append([document.get("n") for document in documents])
        times.append(read_time)
    assert times == sorted(times)
    # Every commit changes this result, so no result may be left out, and none may be half way.
    assert seen == [list(range(n, min(n + 3, 21))) for n in range(20, 0, -1)]


def test_watches_fold_up_the_same_as_queries_while_eight_threads_write(project, db, follow):
    c = db.collection("c")
    queries = [c.where(filter=FieldFilter("group", "==", group)) for group in range(5)]
    queries += [c.order_by("n").limit(size) for size in (1, 3, 10)]
    queries += [c.order_by("n", direction="DESCENDING").limit(size) for size in (1, 3, 10)]
    queries += [c, db.collection_group("c")]
    followers = [follow(query) for query in queries]
    for follower in followers:
        follower.next()

    def scribble(writer):
        client = firestore.Client(project=project)
        for time in range(25):
            n = 1 + (writer * 31 + time * 17) % 40
            reference = client.document(f"c/{n}")
            if time % 5 == 4:
                reference.delete()
            else:
                reference.set({"n": n + time % 3 * 100, "group": n % 5, "by": [writer, time]})
        client.close()

    threads = [threading.Thread(target=scribble, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for query, follower in zip(queries, followers, strict=True):
        wanted = told(query.stream())
        follower.until(lambda documents, wanted=wanted: told(documents) == wanted)


def told(documents):
    """Documents in a fixed order: the client itself does not keep the order of a descending query."""
    return sorted((document.reference.path, document.to_dict()) for document in documents)
