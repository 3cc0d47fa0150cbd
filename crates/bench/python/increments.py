"""Threads that increment one counter in transactions, with the official client; prints the seconds they took.

Arguments: threads, increments of each thread, id of the counter. The connection is made before the time begins.
"""

import sys
import threading
import time

from google.api_core.exceptions import Aborted
from google.cloud import firestore

threads, each, counter_id = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
database = firestore.Client(project="bench")
counter = database.document(f"counters/{counter_id}")
counter.set({"n": 0})


@firestore.transactional
def body(transaction):
    number = counter.get(transaction=transaction).get("n")
    transaction.update(counter, {"n": number + 1})


def increment():
    # The client gives up after five aborted attempts, with a ValueError or the last Aborted.
    while True:
        try:
            return body(database.transaction())
        except Aborted:
            pass
        except ValueError as error:
            if "Failed to commit transaction" not in str(error):
                raise


def work(barrier):
    barrier.wait()
    for _ in range(each):
        increment()


barrier = threading.Barrier(threads + 1)
workers = [threading.Thread(target=work, args=[barrier]) for _ in range(threads)]
for worker in workers:
    worker.start()
barrier.wait()
begin = time.perf_counter()
for worker in workers:
    worker.join()
took = time.perf_counter() - begin
stands = counter.get().get("n")
if stands != threads * each:
    sys.exit(f"the counter stands at {stands} after {threads * each} increments")
print(f"{took:.4f}")
