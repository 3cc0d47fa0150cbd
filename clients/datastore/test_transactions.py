"""Transactions: snapshots, conflicts, and the unique e-mail address of the article."""

import threading
import time

import pytest
from google.api_core import exceptions
from google.cloud import datastore

CONTENTION = (
    "Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the same "
    "data, requiring Firestore to abort at least one in order to enforce serializability."
)
# Whoever loses must learn it at once, and not when a lock's patience is over.
AT_ONCE = 5


def test_a_transaction_never_sees_its_own_writes(client, put):
    entity = put("K", 1, n=1)
    with client.transaction():
        read = client.get(entity.key)
        read["n"] = 2
        client.put(read)
        assert client.get(entity.key)["n"] == 1
        assert [one["n"] for one in client.query(kind="K").fetch()] == [1]
    assert client.get(entity.key)["n"] == 2


def test_a_transaction_that_fails_changes_nothing(client, put):
    entity = put("K", 1, n=1)
    with pytest.raises(ZeroDivisionError):
        with client.transaction():
            read = client.get(entity.key)
            read["n"] = 2
            client.put(read)
            raise ZeroDivisionError
    assert client.get(entity.key)["n"] == 1


def test_an_ended_transaction_cannot_be_used(client, put):
    entity = put("K", 1, n=1)
    transaction = client.transaction()
    transaction.begin()
    token = transaction.id
    transaction.put(entity)
    transaction.commit()
    request = {"project_id": client.project, "mode": "TRANSACTIONAL", "transaction": token, "mutations": []}
    with pytest.raises(exceptions.InvalidArgument):
        client._datastore_api.commit(request=request)


def test_a_read_only_transaction_sees_one_moment(client, put):
    entity = put("K", 1, n=1)
    with client.transaction(read_only=True):
        assert client.get(entity.key)["n"] == 1
        outside = threading.Thread(target=put, args=("K", 1), kwargs={"n": 2})
        outside.start()
        outside.join(AT_ONCE)
        assert not outside.is_alive(), "nobody waits for those who only read"
        assert client.get(entity.key)["n"] == 1
    assert client.get(entity.key)["n"] == 2


def test_a_transaction_begins_with_its_first_read(client, put):
    entity = put("K", 1, n=1)
    with client.transaction(begin_later=True) as transaction:
        assert transaction.id is None
        read = client.get(entity.key)
        assert transaction.id is not None
        read["n"] += 1
        client.put(read)
    assert client.get(entity.key)["n"] == 2


def test_any_number_of_groups_may_take_part(client):
    keys = [client.key("K", number) for number in range(1, 61)]
    with client.transaction():
        assert client.get_multi(keys) == []
        client.put_multi([datastore.Entity(key) for key in keys])
    assert len(client.get_multi(keys)) == 60


def register(client, address, name, both_have_read):
    """The article's way to make an address unique: look whether it is there, and put it."""
    with client.transaction():
        key = client.key("Email", address)
        taken = client.get(key) is not None
        both_have_read.wait(AT_ONCE)
        if taken:
            return False
        entity = datastore.Entity(key)
        entity["name"] = name
        client.put(entity)
    return True


def test_two_who_register_the_same_address_at_once(client, clients):
    """Both find it free; one gets it, and the other is told at once that it lost."""
    both_have_read = threading.Barrier(2)
    outcomes = {}

    def attempt(name):
        began = time.monotonic()
        try:
            outcomes[name] = register(clients(), "a@example.com", name, both_have_read)
        except exceptions.Aborted as refusal:
            outcomes[name] = refusal
        outcomes[name, "took"] = time.monotonic() - began

    threads = [threading.Thread(target=attempt, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * AT_ONCE)
        assert not thread.is_alive()
    winners = [name for name in ("ann", "bob") if outcomes[name] is True]
    losers = [name for name in ("ann", "bob") if isinstance(outcomes[name], exceptions.Aborted)]
    assert len(winners) == len(losers) == 1, outcomes
    assert outcomes[losers[0]].message == CONTENTION
    assert outcomes[losers[0]].code == 409
    assert all(outcomes[name, "took"] < AT_ONCE for name in ("ann", "bob"))
    assert client.get(client.key("Email", "a@example.com"))["name"] == winners[0]


def test_the_transaction_that_began_first_wins(client, clients):
    """Even when the other one commits first."""
    key = client.key("Email", "a@example.com")
    first, second = clients().transaction(), clients().transaction()
    for transaction in (first, second):
        transaction.begin()
    for transaction in (first, second):
        assert transaction._client.get(key, transaction=transaction) is None
    outcomes = {}

    def commit(name, transaction):
        entity = datastore.Entity(key)
        entity["name"] = name
        transaction.put(entity)
        try:
            transaction.commit()
            outcomes[name] = "won"
        except exceptions.Aborted:
            outcomes[name] = "lost"

    later = threading.Thread(target=commit, args=("second", second))
    later.start()
    commit("first", first)
    later.join(AT_ONCE)
    assert outcomes == {"first": "won", "second": "lost"}
    assert client.get(key)["name"] == "first"


def test_a_crowd_that_registers_few_addresses_makes_no_duplicate(client, clients):
    addresses = [f"{number}@example.com" for number in range(20)]
    registered, guard = [], threading.Lock()

    def visitor(name):
        own = clients()
        for address in addresses:
            while True:
                try:
                    with own.transaction():
                        key = own.key("Email", address)
                        if own.get(key) is None:
                            entity = datastore.Entity(key)
                            entity["name"] = name
                            own.put(entity)
                            mine = True
                        else:
                            mine = False
                except exceptions.Aborted:
                    continue
                if mine:
                    with guard:
                        registered.append((address, name))
                break

    threads = [threading.Thread(target=visitor, args=(f"v{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert sorted(address for address, _ in registered) == sorted(addresses)
    stored = {entity.key.name: entity["name"] for entity in client.query(kind="Email").fetch()}
    assert stored == dict(registered)
