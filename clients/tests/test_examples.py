"""The programs below examples/, each driven as a module: they work, and they show what they say they show."""

import subprocess
import sys

import pytest
from conftest import EXAMPLES

import distributed_counter
import follower_counter
import reservation_sale
import unique_email

PROGRAMS = ["distributed_counter", "follower_counter", "incremental_sync", "reservation_sale", "unique_email"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_help(program):
    run = [sys.executable, str(EXAMPLES / f"{program}.py"), "--help"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.startswith("usage:")


def test_followers_are_lost_without_a_transaction(db):
    result = follower_counter.race(db, db.document("profiles/x"), clients=10, follows=5, with_transaction=False)
    # All ten read before any writes, the first time: nine are lost at least.
    assert result.lost >= 9


def test_no_follower_is_lost_in_transactions(db):
    result = follower_counter.race(db, db.document("profiles/x"), clients=10, follows=5, with_transaction=True)
    assert (result.counted, result.lost) == (50, 0)


@pytest.mark.parametrize("shards", [1, 10])
def test_the_distributed_counter_counts_everything(db, shards):
    value, expected, _ = distributed_counter.race(db, shards=shards, clients=10, increments=20)
    assert value == expected == 200


def test_one_document_counts_everything_too(db):
    value, expected, _ = distributed_counter.race_plain(db, clients=10, increments=20)
    assert value == expected == 200


def test_one_of_many_gets_the_address(db):
    (winner,) = unique_email.race(db, clients=12, email="Someone@Example.com ")
    assert db.document("emails/someone@example.com").get().get("user") == winner
    assert [snapshot.id for snapshot in db.collection("users").stream()] == [winner]


def test_an_address_that_was_given_up_is_free_again(db):
    unique_email.register(db.transaction(), db, "a", "one@example.com", "A")
    unique_email.change_email(db.transaction(), db, "a", "two@example.com")
    unique_email.register(db.transaction(), db, "b", "one@example.com", "B")
    with pytest.raises(unique_email.EmailTaken):
        unique_email.change_email(db.transaction(), db, "b", "TWO@example.com")
    assert db.document("emails/two@example.com").get().get("user") == "a"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", reservation_sale.WAYS)
def test_exactly_as_many_are_sold_as_there_are_and_none_twice(project, way, request):
    full = request.config.getoption("--full-sale")
    units, shards, buyers = (10_000, 100, 200) if full else (500, 20, 40)
    sale = reservation_sale.Sale(project, "sale", units, shards, way)
    result = reservation_sale.hold_sale(sale, buyers, processes=4 if full else 2)
    print(f"{way}: {result}")
    assert result.is_exact(sale), result
