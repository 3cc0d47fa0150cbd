"""examples/incremental_sync.py: nothing that is written while it runs stays unseen."""

import dataclasses
import datetime
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import firestore
from incremental_sync import LONG_AGO, Settings, Sync

QUICK = Settings(interval=0.02, margin=2.0, first_delay=0.01)


def event(db, name, at=firestore.SERVER_TIMESTAMP):
    db.collection("events").document(name).set({"created_at": at})


def events(db, count):
    batch = db.batch()
    for number in range(count):
        batch.set(db.document(f"events/{number:05}"), {"created_at": firestore.SERVER_TIMESTAMP})
    batch.commit()


def test_what_four_writers_write_while_it_runs_arrives(db):
    sync = Sync(db.collection("events"), QUICK)
    running = threading.Thread(target=sync.run)
    running.start()
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda number: event(db, f"{number:04}"), range(400)))
    sync.stop.set()
    running.join()
    sync.round()
    assert sorted(sync.cache.documents) == [f"{number:04}" for number in range(400)]
    assert sync.check_integrity() == ([], [])


def test_a_second_round_brings_nothing_new(db):
    events(db, 10)
    sync = Sync(db.collection("events"), QUICK)
    assert sync.round() == 10
    assert sync.round() == 0


def test_pages_of_five_hundred_with_one_time_on_all_of_them(db):
    events(db, 1200)
    sync = Sync(db.collection("events"), QUICK)
    assert sync.round() == 1200
    assert len(sync.cache.documents) == 1200


def test_the_margin_finds_what_became_visible_late(db):
    now = datetime.datetime.now(datetime.timezone.utc)
    event(db, "early", now)
    careful = Sync(db.collection("events"), QUICK)
    careless = Sync(db.collection("events"), dataclasses.replace(QUICK, margin=0.0))
    for sync in (careful, careless):
        sync.round()
    event(db, "late", now - datetime.timedelta(seconds=1))
    assert careful.round() == 1
    assert careless.round() == 0
    assert "late" in careful.cache.documents and "late" not in careless.cache.documents


def test_the_integrity_check_names_what_is_missing(db):
    now = datetime.datetime.now(datetime.timezone.utc)
    event(db, "newest", now)
    sync = Sync(db.collection("events"), QUICK)
    sync.round()
    event(db, "unseen", now - datetime.timedelta(seconds=60))
    assert sync.check_integrity() == (["unseen"], [])


def test_a_full_cache_drops_its_oldest(db):
    for number in range(10):
        event(db, str(number))
    sync = Sync(db.collection("events"), dataclasses.replace(QUICK, cache_size=3))
    sync.round()
    assert list(sync.cache.documents) == ["7", "8", "9"]
    assert sync.check_integrity()[0] == []


class Pauses:
    """Stands in for the stop event: remembers how long somebody wanted to wait, and does not wait."""

    def __init__(self):
        self.seconds = []

    def wait(self, seconds):
        self.seconds.append(seconds)


def failing(times):
    answers = iter([ServiceUnavailable("away")] * times)

    def ask():
        for error in answers:
            raise error
        return "answer"

    return ask


def test_each_wait_is_up_to_twice_the_last_and_never_the_same_for_all():
    settings = Settings(first_delay=1.0, longest_delay=5.0, attempts=6)
    pauses = Pauses()
    sync = Sync(None, settings, rng=random.Random(1), stop=pauses)
    assert sync.with_retries(failing(5)) == "answer"
    for pause, delay in zip(pauses.seconds, [1, 2, 4, 5, 5], strict=True):
        assert delay / 2 <= pause <= delay
    assert len(set(pauses.seconds)) == 5


def test_after_the_last_attempt_the_error_is_told():
    sync = Sync(None, Settings(attempts=3), stop=Pauses())
    with pytest.raises(ServiceUnavailable):
        sync.with_retries(failing(3))


def test_a_fresh_sync_knows_nothing():
    assert Sync(None, QUICK).newest == LONG_AGO
