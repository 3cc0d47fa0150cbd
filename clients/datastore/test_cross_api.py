"""--cross-api: what one API writes the other reads, in databases of either mode."""

import datetime
import uuid

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import datastore, firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from own_server import own_server


@pytest.fixture(scope="module")
def address():
    with own_server("--cross-api") as address:
        yield address


class Both:
    """Clients of both APIs for one database."""

    def __init__(self, address, monkeypatch):
        monkeypatch.setenv("DATASTORE_EMULATOR_HOST", address)
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
        self.project = f"test-{uuid.uuid4().hex[:12]}"
        self.entities = datastore.Client(project=self.project)
        self.documents = firestore.Client(project=self.project, credentials=AnonymousCredentials())

    def put(self, *path, exclude=(), **properties):
        entity = datastore.Entity(self.entities.key(*path), exclude_from_indexes=exclude)
        entity.update(properties)
        self.entities.put(entity)
        return entity

    def find(self, kind, **options):
        return [entity.key.id_or_name for entity in self.entities.query(kind=kind, **options).fetch()]


@pytest.fixture
def both(address, monkeypatch):
    return Both(address, monkeypatch)


def ids(snapshots):
    return [snapshot.id for snapshot in snapshots]


TIME = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)


def test_documents_are_read_from_entities(both):
    author = both.entities.key("Author", "ada")
    properties = {"title": "x", "pages": 3, "price": 1.5, "at": TIME, "raw": b"\x00", "none": None, "tags": ["a", 1]}
    both.put("Book", 5, author=author, **properties)
    snapshot = both.documents.document("Book/__id5__").get()
    assert snapshot.to_dict() == {**properties, "author": both.documents.document("Author/ada")}
    assert not both.documents.document("Book/5").get().exists
    asked = [snapshot.reference, both.documents.document("Book/no")]
    found = {snapshot.reference.path: snapshot.exists for snapshot in both.documents.get_all(asked)}
    assert found == {"Book/__id5__": True, "Book/no": False}


def test_documents_are_written_into_entities(both):
    both.put("Book", "first", title="x")
    book = both.documents.document("Book/a")
    book.create({"title": "y", "n": 1, "map": {"k": [1]}, "long": "l" * 2000})
    entity = both.entities.get(both.entities.key("Book", "a"))
    assert dict(entity) == {"title": "y", "n": 1, "map": {"k": [1]}, "long": "l" * 2000}
    assert entity.exclude_from_indexes == {"map", "long"}
    with pytest.raises(exceptions.AlreadyExists):
        book.create({})
    book.update({"n": firestore.Increment(2), "map.k": firestore.ArrayUnion([2]), "title": firestore.DELETE_FIELD})
    assert book.get().to_dict() == {"n": 3, "map": {"k": [1, 2]}, "long": "l" * 2000}
    book.set({"title": "z"}, merge=True)
    assert both.entities.get(entity.key)["title"] == "z"
    with pytest.raises(exceptions.NotFound):
        both.documents.document("Book/none").update({"n": 1})
    book.delete()
    assert both.entities.get(entity.key) is None


def test_queries_for_documents_find_entities(both):
    for number in range(1, 6):
        both.put("Book", number, n=number, even=number % 2 == 0, tags=[number, "t"])
    both.put("Author", "ada", "Book", "below", n=9)
    books = both.documents.collection("Book")
    assert ids(books.stream()) == [f"__id{n}__" for n in range(1, 6)]
    assert ids(books.where(filter=FieldFilter("n", ">", 3)).stream()) == ["__id4__", "__id5__"]
    assert ids(books.where(filter=FieldFilter("even", "==", True)).stream()) == ["__id2__", "__id4__"]
    assert ids(books.where(filter=FieldFilter("n", "in", [1, 5, 7])).stream()) == ["__id1__", "__id5__"]
    assert ids(books.where(filter=FieldFilter("tags", "array_contains", 3)).stream()) == ["__id3__"]
    newest = books.order_by("n", direction=firestore.Query.DESCENDING)
    assert ids(newest.limit(2).stream()) == ["__id5__", "__id4__"]
    assert ids(newest.offset(1).limit(2).stream()) == ["__id4__", "__id3__"]
    assert ids(newest.start_after({"n": 4}).limit(2).stream()) == ["__id3__", "__id2__"]
    assert ids(both.documents.collection("Author/ada/Book").stream()) == ["below"]
    assert len(ids(both.documents.collection_group("Book").stream())) == 6
    assert books.where(filter=FieldFilter("n", "<", 4)).count().get()[0][0].value == 3
    with pytest.raises(exceptions.MethodNotImplemented, match="--cross-api.*!="):
        ids(books.where(filter=FieldFilter("n", "!=", 3)).stream())


def test_entities_are_read_from_documents(both):
    author = both.documents.document("Author/ada")
    fields = {"n": 1, "at": TIME, "map": {"k": "v"}, "tags": [1, "a"]}
    both.documents.document("Book/__id5__").set({**fields, "author": author})
    entity = both.entities.get(both.entities.key("Book", 5))
    assert dict(entity) == {**fields, "author": both.entities.key("Author", "ada")}
    found = both.entities.get_multi([entity.key, both.entities.key("Book", "5")])
    assert [one.key for one in found] == [entity.key]


def test_entities_are_written_into_documents(both):
    both.documents.document("Book/first").set({})
    both.put("Author", "ada", "Book", "a", n=1, author=both.entities.key("Author", "ada"))
    below = both.documents.document("Author/ada/Book/a")
    assert below.get().to_dict() == {"n": 1, "author": both.documents.document("Author/ada")}
    made = both.put("Book", n=2)
    assert both.documents.document(f"Book/__id{made.key.id}__").get().to_dict() == {"n": 2}
    with both.entities.transaction():
        entity = both.entities.get(made.key)
        entity["n"] += 1
        both.entities.put(entity)
    assert both.documents.document(f"Book/__id{made.key.id}__").get().to_dict() == {"n": 3}
    both.entities.delete(made.key)
    assert not both.documents.document(f"Book/__id{made.key.id}__").get().exists
    with pytest.raises(exceptions.BadRequest, match="default namespace"):
        both.entities.put(datastore.Entity(both.entities.key("Book", "b", namespace="ns")))


def test_queries_for_entities_find_documents(both):
    books = both.documents.collection("Book")
    for number in range(1, 6):
        books.document(f"b{number}").set({"n": number, "even": number % 2 == 0})
    both.documents.document("Author/ada/Book/below").set({"n": 9})
    assert both.find("Book", order=["n"]) == ["b1", "b2", "b3", "b4", "b5", "below"]
    assert both.find("Book", order=["-n"])[:2] == ["below", "b5"]
    assert both.find("Book", ancestor=both.entities.key("Author", "ada")) == ["below"]
    query = both.entities.query(kind="Book")
    query.add_filter(filter=datastore.query.PropertyFilter("even", "=", True))
    assert [one.key.name for one in query.fetch()] == ["b2", "b4"]
    query = both.entities.query(kind="Book", order=["n"])
    query.add_filter(filter=datastore.query.PropertyFilter("n", ">", 1))
    page = query.fetch(limit=2)
    assert [one.key.name for one in next(page.pages)] == ["b2", "b3"]
    rest = query.fetch(start_cursor=page.next_page_token, limit=2)
    assert [one.key.name for one in rest] == ["b4", "b5"]
    assert [one.key.name for one in query.fetch(offset=3)] == ["b5", "below"]
    query.keys_only()
    assert [one.key.name for one in query.fetch(limit=1)] == ["b2"]
    figures = both.entities.aggregation_query(both.entities.query(kind="Book")).count("n").fetch()
    assert next(iter(figures))[0].value == 6
    with pytest.raises(exceptions.GoogleAPICallError, match="--cross-api.*all kinds"):
        both.find(None)


def test_a_query_of_many_documents_goes_on_from_batch_to_batch(both):
    batch = both.documents.batch()
    for number in range(700):
        batch.set(both.documents.document(f"Many/m{number:04}"), {"n": number % 7})
        if number % 400 == 399:
            batch.commit()
            batch = both.documents.batch()
    batch.commit()
    expected = sorted((f"m{number:04}" for number in range(700)), key=lambda name: (int(name[1:]) % 7, name))
    assert both.find("Many", order=["n"]) == expected


def test_transactions_of_documents_work_on_entities(both):
    both.put("Counter", "c", n=1)
    document = both.documents.document("Counter/c")

    @firestore.transactional
    def add(transaction):
        n = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": n + 1})

    for _ in range(3):
        add(both.documents.transaction())
    assert both.entities.get(both.entities.key("Counter", "c"))["n"] == 4


def test_without_the_flag_each_api_keeps_to_its_own(monkeypatch):
    with own_server() as address:
        both = Both(address, monkeypatch)
        both.put("Book", 1, n=1)
        with pytest.raises(exceptions.FailedPrecondition, match="Firestore API is not available"):
            both.documents.document("Book/__id1__").get()
