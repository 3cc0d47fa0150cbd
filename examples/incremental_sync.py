"""Keeps a local copy of a collection up to date by asking, again and again, only for what is new.

The loop: every few seconds, `created_at > last - margin`, ordered, in pages of 500, into a bounded cache.

The margin is the point. `created_at` is set by the server when a write begins, and the write becomes visible a
little later: a slow write may appear with a time that an earlier question has already passed. So each question
looks back ten seconds further than the newest time seen, and the cache drops what it knows already.

    export FIRESTORE_EMULATOR_HOST=127.0.0.1:8080
    python examples/incremental_sync.py --project demo --collection events

Against a server that verifies who calls, with a key that `irori keys create` made:

    export GOOGLE_APPLICATION_CREDENTIALS=key.json
    python examples/incremental_sync.py --project shop --endpoint db.example.com:8443
"""

import argparse
import collections
import dataclasses
import datetime
import logging
import random
import signal
import threading

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

log = logging.getLogger("incremental_sync")

LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Worth asking again: the server is away, busy, or too slow. Everything else is a mistake of ours.
PASSING_ERRORS = (
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the loop behaves. Times are in seconds."""

    interval: float = 5.0
    margin: float = 10.0
    batch: int = 500
    cache_size: int = 100_000
    first_delay: float = 0.5
    longest_delay: float = 60.0
    attempts: int = 8


class Cache:
    """The newest documents by name, at most `size` of them; the oldest leave first."""

    def __init__(self, size):
        self.size = size
        self.documents = collections.OrderedDict()

    def add(self, snapshot):
        """Returns whether the document was not there before in this version."""
        known = self.documents.get(snapshot.id)
        if known is not None and known.update_time == snapshot.update_time:
            return False
        self.documents[snapshot.id] = snapshot
        self.documents.move_to_end(snapshot.id)
        while len(self.documents) > self.size:
            self.documents.popitem(last=False)
        return True


class Sync:
    """One collection and its local copy."""

    def __init__(self, collection, settings, rng=None, stop=None):
        self.collection = collection
        self.settings = settings
        self.cache = Cache(settings.cache_size)
        self.newest = LONG_AGO
        self.rng = rng or random.Random()
        self.stop = stop or threading.Event()

    def run(self):
        """Asks until told to stop."""
        while not self.stop.is_set():
            self.round()
            self.stop.wait(self.settings.interval)

    def round(self):
        """Asks once for everything new. Returns how many documents were new or changed."""
        since = self.newest
        if since > LONG_AGO:
            since -= datetime.timedelta(seconds=self.settings.margin)
        fresh = asked = 0
        last = None
        while True:
            page = self.with_retries(lambda: self.page(since, last))
            asked += len(page)
            fresh += sum(self.take(snapshot) for snapshot in page)
            if len(page) < self.settings.batch:
                break
            last = page[-1]
        if fresh:
            log.info("%d new of %d read, newest %s, %d kept", fresh, asked, self.newest, len(self.cache.documents))
        return fresh

    def page(self, since, last):
        query = (
            self.collection.where(filter=FieldFilter("created_at", ">", since))
            .order_by("created_at")
            .limit(self.settings.batch)
        )
        return list((query.start_after(last) if last else query).stream())

    def take(self, snapshot):
        self.newest = max(self.newest, snapshot.get("created_at"))
        return self.cache.add(snapshot)

    def with_retries(self, ask):
        """Waits twice as long after each failure, and a random part of that, so that clients do not come in step."""
        delay = self.settings.first_delay
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return ask()
            except PASSING_ERRORS as error:
                if attempt == self.settings.attempts:
                    raise
                pause = self.rng.uniform(delay / 2, delay)
                log.warning("attempt %d failed (%s); again in %.1f s", attempt, type(error).__name__, pause)
                self.stop.wait(pause)
                delay = min(delay * 2, self.settings.longest_delay)

    def check_integrity(self):
        """Compares the local copy with the collection at one moment of the past.

        Only documents older than the margin count: younger ones may still be on their way to us. Returns the names
        that are missing here, and the names that are here and not there (deleted since: this loop cannot see that).
        """
        until = self.newest - datetime.timedelta(seconds=self.settings.margin)
        query = self.collection.where(filter=FieldFilter("created_at", "<=", until)).order_by("created_at")
        theirs = {snapshot.id for snapshot in self.with_retries(lambda: list(query.select([]).stream()))}
        ours = {name for name, snapshot in self.cache.documents.items() if snapshot.get("created_at") <= until}
        if len(self.cache.documents) >= self.settings.cache_size:
            theirs &= ours  # A full cache has forgotten its oldest, on purpose.
        missing, extra = sorted(theirs - ours), sorted(ours - theirs)
        log.log(logging.ERROR if missing else logging.INFO, "integrity: %d missing, %d extra", len(missing), len(extra))
        return missing, extra


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--collection", default="events")
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="the server, by TLS; without it FIRESTORE_EMULATOR_HOST")
    parser.add_argument("--check-every", type=int, default=12, metavar="ROUNDS", help="compare with the server")
    for field in dataclasses.fields(Settings):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=field.type, default=field.default, help="default: %(default)s")
    return parser.parse_args()


def main():
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Settings)})
    where = {"api_endpoint": options.endpoint} if options.endpoint else None
    client = firestore.Client(project=options.project, client_options=where)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sync = Sync(client.collection(options.collection), settings, stop=stop)
    rounds = 0
    while not stop.is_set():
        sync.round()
        rounds += 1
        if rounds % options.check_every == 0:
            sync.check_integrity()
        stop.wait(settings.interval)


if __name__ == "__main__":
    main()
