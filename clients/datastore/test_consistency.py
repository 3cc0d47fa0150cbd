"""The old service's eventual consistency, for those who ask for it; nobody else sees it."""

import datetime

import pytest
from google.cloud import datastore

from own_server import own_server


@pytest.fixture
def guestbook(monkeypatch, project):
    """A guestbook at the given consistency: how to sign it, and how to read it both ways."""

    def open_at(address):
        monkeypatch.setenv("DATASTORE_EMULATOR_HOST", address)
        return Guestbook(datastore.Client(project=project))

    return open_at


class Guestbook:
    def __init__(self, client):
        self.client = client
        self.book = client.key("Guestbook", "default")
        self.second = 0

    def sign(self, content, parent=None):
        self.second += 1
        entity = datastore.Entity(self.client.key("Greeting", parent=parent))
        date = datetime.datetime(2020, 1, 1, second=self.second, tzinfo=datetime.timezone.utc)
        entity.update({"content": content, "date": date})
        self.client.put(entity)
        return entity.key

    def read(self, **where):
        query = self.client.query(kind="Greeting", order=["-date"], **where)
        return [entity["content"] for entity in query.fetch(limit=10)]


def test_root_entities_are_missed_and_those_below_an_ancestor_are_not(guestbook):
    with own_server("--datastore-consistency", "0") as address:
        book = guestbook(address)
        key = book.sign("root")
        assert book.read() == []
        assert list(book.client.query(kind="Greeting").fetch(eventual=True)) == []
        assert book.client.get(key, eventual=True) is None
        assert book.client.get(key)["content"] == "root"
        # Whoever read the group by its key has brought it up to date for everybody.
        assert book.read() == ["root"]
        book.sign("below", parent=book.book)
        assert book.read() == ["root"]
        assert book.read(ancestor=book.book) == ["below"]
        assert book.read() == ["below", "root"]
        figures = book.client.aggregation_query(book.client.query(kind="Greeting")).count("n").fetch()
        assert next(iter(figures))[0].value == 2


def test_by_default_everything_is_found_at_once(guestbook):
    with own_server() as address:
        book = guestbook(address)
        for number in range(20):
            book.sign(str(number))
            assert book.read()[0] == str(number)
