"""What the racing examples share: transactions that are tried until they are through, and a crowd that starts at once."""

import collections
import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from google.api_core.exceptions import Aborted


@dataclasses.dataclass
class Outcome:
    """What a crowd did: what each member returned, how long it took, and how often transactions had to start over."""

    results: list
    seconds: float
    counts: collections.Counter


def commit(transactional, transaction_of, *arguments, counts=None):
    """Calls a `@firestore.transactional` function until it commits, and returns what it returned.

    The client tries five times by itself and then raises ValueError (or Aborted): under contention that is no
    failure, only bad luck, and the caller simply comes again. `counts` learns how often.
    """
    while True:
        try:
            return transactional(transaction_of(), *arguments)
        except (Aborted, ValueError) as error:
            if isinstance(error, ValueError) and not gave_up(error):
                raise
            if counts is not None:
                counts["gave up and came again"] += 1


def gave_up(error):
    """Whether a ValueError is the client's way to say that five attempts were aborted."""
    return "Failed to commit transaction" in str(error)


def crowd(size, member):
    """Runs `member(number, counts)` on `size` threads that start together."""
    counts = collections.Counter()
    start = threading.Barrier(size + 1)

    def run(number):
        start.wait()
        return member(number, counts)

    with ThreadPoolExecutor(max_workers=size) as pool:
        futures = [pool.submit(run, number) for number in range(size)]
        start.wait()
        begun = time.monotonic()
        results = [future.result() for future in futures]
    return Outcome(results, time.monotonic() - begun, counts)
