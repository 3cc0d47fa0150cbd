"""A sale of reservations that many buyers want at once: exactly as many are sold as there are, and none twice.

Two ways to keep the stock:

    shards   the stock lies in many documents; each buyer's transaction reads **all** of them and takes one unit from
             one that has some left. Every buyer conflicts with every other: where a server lets them abort each
             other, this collapses.
    counter  the stock is one document; each buyer's transaction reads it and takes the next unit.

Every sale writes a document named after its unit with `create`, so a unit that is sold twice cannot go unseen. The
buyers are threads in several processes; one whose transaction was aborted five times comes again.

    export FIRESTORE_EMULATOR_HOST=127.0.0.1:8080
    python examples/reservation_sale.py --project demo                    # 10,000 units, 100 shards, 200 buyers
    python examples/reservation_sale.py --project demo --way counter
"""

import argparse
import collections
import dataclasses
import multiprocessing
import random
import threading
import time

from google.cloud import firestore
from racing import commit

SOLD_OUT = None


@dataclasses.dataclass(frozen=True)
class Sale:
    """What is sold, and how the stock is kept."""

    project: str
    name: str
    units: int
    shards: int
    way: str

    @property
    def units_per_shard(self):
        return self.units // self.shards


@dataclasses.dataclass
class Report:
    """What came of a sale."""

    sold: int
    different_units: int
    left: int
    seconds: float
    came_again: int

    def is_exact(self, sale):
        return (self.sold, self.different_units, self.left) == (sale.units, sale.units, 0)


def sale_document(client, sale):
    return client.collection("sales").document(sale.name)


def stock_documents(client, sale):
    stock = sale_document(client, sale).collection("stock")
    count = sale.shards if sale.way == "shards" else 1
    return [stock.document(f"{number:04}") for number in range(count)]


def open_sale(client, sale):
    """Writes the stock."""
    assert sale.units % sale.shards == 0, "every shard holds the same number of units"
    documents = stock_documents(client, sale)
    batch = client.batch()
    for document in documents:
        batch.set(document, {"left": sale.units // len(documents)})
    batch.commit()


@firestore.transactional
def buy_from_shards(transaction, client, sale, stock, buyer, rng):
    """Reads all shards, takes a unit from one that has some. Returns the unit, or SOLD_OUT."""
    shards = [shard for shard in client.get_all(stock, transaction=transaction) if shard.get("left") > 0]
    if not shards:
        return SOLD_OUT
    shard = rng.choice(shards)
    unit = int(shard.id) * sale.units_per_shard + shard.get("left") - 1
    transaction.update(shard.reference, {"left": shard.get("left") - 1})
    return write_sale(transaction, client, sale, unit, buyer)


@firestore.transactional
def buy_from_counter(transaction, client, sale, stock, buyer, rng):
    """Takes the next unit of the one counter. Returns the unit, or SOLD_OUT."""
    (counter,) = stock
    left = counter.get(transaction=transaction).get("left")
    if left == 0:
        return SOLD_OUT
    transaction.update(counter, {"left": left - 1})
    return write_sale(transaction, client, sale, left - 1, buyer)


def write_sale(transaction, client, sale, unit, buyer):
    document = sale_document(client, sale).collection("sold").document(f"{unit:06}")
    transaction.create(document, {"unit": unit, "buyer": buyer, "at": firestore.SERVER_TIMESTAMP})
    return unit


WAYS = {"shards": buy_from_shards, "counter": buy_from_counter}


def buy_until_sold_out(client, sale, buyer):
    """One buyer. Returns the units bought and how often it had to come again."""
    stock = stock_documents(client, sale)
    rng = random.Random(buyer)
    counts = collections.Counter()
    units = []
    while True:
        unit = commit(WAYS[sale.way], client.transaction, client, sale, stock, buyer, rng, counts=counts)
        if unit is SOLD_OUT:
            return units, counts["gave up and came again"]
        units.append(unit)


def run_process(sale, buyers, ready, go, results):
    """A process full of buyers, one thread each, on one connection."""
    client = firestore.Client(project=sale.project)
    bought = []

    def run(buyer):
        go.wait()
        bought.append(buy_until_sold_out(client, sale, buyer))

    threads = [threading.Thread(target=run, args=(buyer,)) for buyer in buyers]
    for thread in threads:
        thread.start()
    ready.put(None)
    for thread in threads:
        thread.join()
    results.put(bought if len(bought) == len(buyers) else "a buyer failed; its story is above")


def hold_sale(sale, buyers, processes):
    """Sells everything to `buyers` buyers in `processes` processes. Returns the report, read back from the server."""
    client = firestore.Client(project=sale.project)
    open_sale(client, sale)
    # A forked process would share the connection of its parent, and gRPC does not survive that.
    context = multiprocessing.get_context("spawn")
    ready, results, go = context.Queue(), context.Queue(), context.Event()
    crowds = [range(first, buyers, processes) for first in range(processes)]
    workers = [context.Process(target=run_process, args=(sale, crowd, ready, go, results)) for crowd in crowds]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.get()
    begun = time.monotonic()
    go.set()
    answers = [results.get() for _ in workers]
    seconds = time.monotonic() - begun
    for worker in workers:
        worker.join()
    for answer in answers:
        if isinstance(answer, str):
            raise RuntimeError(answer)
    return report(client, sale, [buyer for answer in answers for buyer in answer], seconds)


def report(client, sale, buyers, seconds):
    bought = [unit for units, _ in buyers for unit in units]
    sold = {snapshot.get("unit") for snapshot in sale_document(client, sale).collection("sold").stream()}
    assert sold == set(bought), "what the server has sold is not what the buyers have"
    left = sum(snapshot.get("left") for snapshot in client.get_all(stock_documents(client, sale)))
    return Report(len(bought), len(sold), left, seconds, sum(again for _, again in buyers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--way", choices=WAYS, default="shards")
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--buyers", type=int, default=200)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    name = f"{options.way}-{int(time.time())}"
    sale = Sale(options.project, name, options.units, options.shards, options.way)
    result = hold_sale(sale, options.buyers, options.processes)
    print(
        f"{options.way}: {result.sold} of {options.units} sold, {result.different_units} different units, {result.left} left, "
        f"{result.seconds:.1f} s ({result.sold / result.seconds:.0f}/s), {result.came_again} came again after five aborts"
    )
    if not result.is_exact(sale):
        raise SystemExit("the sale was not exact")


if __name__ == "__main__":
    main()
