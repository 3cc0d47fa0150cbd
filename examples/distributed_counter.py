"""A counter in N shards: each increment takes a random shard, and the value is the sum over all of them.

Where one document takes one write a second, N documents take N. Here a single document takes thousands, so the
example prints both: the sharded counter, and the plain one with `Increment`.

    export FIRESTORE_EMULATOR_HOST=127.0.0.1:8080
    python examples/distributed_counter.py --project demo --shards 10 --clients 20 --increments 50
"""

import argparse
import random

from google.cloud import firestore
from racing import crowd


class DistributedCounter:
    """A counter below `document`, in `shards` documents of a collection of its own."""

    def __init__(self, document, shards):
        self.document = document
        self.shards = [document.collection("shards").document(str(number)) for number in range(shards)]

    def create(self):
        """Writes every shard with zero."""
        batch = self.document._client.batch()
        batch.set(self.document, {"shards": len(self.shards)})
        for shard in self.shards:
            batch.set(shard, {"count": 0})
        batch.commit()

    def increment(self, by=1, rng=random):
        """Adds to a random shard."""
        rng.choice(self.shards).update({"count": firestore.Increment(by)})

    def value(self):
        """The sum of the shards, as they are at one moment."""
        ((total,),) = self.document.collection("shards").sum("count").get()
        return int(total.value)


def race(client, shards, clients, increments):
    """Many clients increment at once. Returns the value, what it should be, and the seconds it took."""
    counter = DistributedCounter(client.document("counters/distributed"), shards)
    counter.create()
    outcome = crowd(clients, lambda *_: [counter.increment() for _ in range(increments)])
    return counter.value(), clients * increments, outcome.seconds


def race_plain(client, clients, increments):
    """The same on a single document."""
    document = client.document("counters/plain")
    document.set({"count": 0})
    increment = {"count": firestore.Increment(1)}
    outcome = crowd(clients, lambda *_: [document.update(increment) for _ in range(increments)])
    return document.get().get("count"), clients * increments, outcome.seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--increments", type=int, default=50, help="how often each client increments")
    options = parser.parse_args()
    client = firestore.Client(project=options.project)
    sharded = race(client, options.shards, options.clients, options.increments)
    plain = race_plain(client, options.clients, options.increments)
    for name, (value, expected, seconds) in ((f"{options.shards} shards", sharded), ("one document", plain)):
        print(f"{name}: {value} of {expected} counted, {expected / seconds:.0f} increments/s")


if __name__ == "__main__":
    main()
