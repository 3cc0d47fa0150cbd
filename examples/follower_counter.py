"""A counter of followers, raced by many clients: without a transaction it loses updates, with one it never does.

Each client reads the counter, adds one and writes it back. Two that read the same number write the same number, and
one follower is lost. In a transaction the second reader waits, or starts over: nothing is lost.

    export FIRESTORE_EMULATOR_HOST=127.0.0.1:8080
    python examples/follower_counter.py --project demo --clients 20 --follows 10
"""

import argparse
import dataclasses
import threading

from google.cloud import firestore
from racing import commit, crowd


@dataclasses.dataclass
class Race:
    """What came of a race."""

    expected: int
    counted: int
    seconds: float
    came_again: int

    @property
    def lost(self):
        return self.expected - self.counted


def follow_without_transaction(profile, meeting=None):
    """Read, add, write: the mistake. `meeting` lets a test bring two readers together between read and write."""
    followers = profile.get().get("followers")
    if meeting:
        meeting.wait()
    profile.update({"followers": followers + 1})


@firestore.transactional
def follow(transaction, profile):
    """The same, in a transaction."""
    followers = profile.get(transaction=transaction).get("followers")
    transaction.update(profile, {"followers": followers + 1})


def race(client, profile, clients, follows, with_transaction):
    """Lets `clients` clients follow a profile `follows` times each, all at once."""
    profile.set({"followers": 0})
    # Everybody reads before anybody writes, once: so the loss does not depend on luck.
    meeting = threading.Barrier(clients)

    def member(_, counts):
        for number in range(follows):
            if with_transaction:
                commit(follow, client.transaction, profile, counts=counts)
            else:
                follow_without_transaction(profile, meeting if number == 0 else None)

    outcome = crowd(clients, member)
    counted = profile.get().get("followers")
    return Race(clients * follows, counted, outcome.seconds, outcome.counts["gave up and came again"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--follows", type=int, default=10, help="how often each client follows")
    options = parser.parse_args()
    client = firestore.Client(project=options.project)
    profile = client.document("profiles/someone")
    for with_transaction in (False, True):
        result = race(client, profile, options.clients, options.follows, with_transaction)
        name = "with a transaction   " if with_transaction else "without a transaction"
        print(f"{name}: {result.counted} of {result.expected} counted, {result.lost} lost, {result.seconds:.2f} s")


if __name__ == "__main__":
    main()
