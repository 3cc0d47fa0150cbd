"""google-cloud-ndb: models, queries, transactions with retries, counters, compressed and structured properties."""

import datetime
import threading

import pytest
from google.cloud import ndb


class Address(ndb.Model):
    city = ndb.StringProperty()
    code = ndb.IntegerProperty(indexed=False)


class Person(ndb.Model):
    name = ndb.StringProperty()
    age = ndb.IntegerProperty()
    tags = ndb.StringProperty(repeated=True)
    born = ndb.DateTimeProperty()
    notes = ndb.TextProperty()
    packed = ndb.BlobProperty(compressed=True)
    data = ndb.JsonProperty()
    home = ndb.StructuredProperty(Address)
    homes = ndb.LocalStructuredProperty(Address, repeated=True)
    friend = ndb.KeyProperty()
    place = ndb.GeoPtProperty()


class Counter(ndb.Model):
    count = ndb.IntegerProperty(default=0)


@pytest.fixture(autouse=True)
def context(project):
    client = ndb.Client(project=project)
    with client.context():
        yield client


def test_a_model_comes_back_as_it_was_put():
    given = {
        "name": "Ann",
        "age": 30,
        "tags": ["a", "b"],
        "born": datetime.datetime(2000, 1, 2, 3, 4, 5, 6),
        "notes": "long " * 1000,
        "packed": b"\x00" * 10_000,
        "data": {"list": [1, None, "x"]},
        "home": Address(city="Kyoto", code=600),
        "homes": [Address(city="Nara"), Address(city="Uji")],
        "friend": ndb.Key("Person", "bob"),
        "place": ndb.GeoPt(35.0, 135.7),
    }
    key = Person(**given).put()
    read = key.get(use_cache=False)
    assert read.to_dict() == Person(**given).to_dict()
    assert isinstance(key.id(), int)


def test_queries_filter_order_project_and_page():
    people = [Person(id=n + 1, name=f"p{n}", age=n, tags=[f"t{n % 2}", "all"]) for n in range(30)]
    ndb.put_multi(people)
    assert [one.age for one in Person.query(Person.age > 26)] == [27, 28, 29]
    assert [one.age for one in Person.query(Person.tags == "all", Person.tags == "t1").fetch(3)] == [1, 3, 5]
    assert sorted(one.age for one in Person.query(Person.age.IN([1, 5, 1]))) == [1, 5]
    assert [one.age for one in Person.query(ndb.OR(Person.age == 2, Person.age > 28)).order(Person.age)] == [2, 29]
    assert Person.query().count() == 30 and Person.query(Person.age < 10).count(limit=5) == 5
    assert [one.name for one in Person.query(projection=["name"]).order(Person.name).fetch(2)] == ["p0", "p1"]
    assert Person.query().order(Person.age).fetch(2, keys_only=True) == [ndb.Key(Person, 1), ndb.Key(Person, 2)]
    page, cursor, more = Person.query().order(-Person.age).fetch_page(20)
    assert (len(page), more) == (20, True)
    page, cursor, more = Person.query().order(-Person.age).fetch_page(20, start_cursor=cursor)
    assert ([one.age for one in page], more) == (list(range(9, -1, -1)), False)
    assert ndb.gql("SELECT * FROM Person WHERE age >= :1 ORDER BY age DESC LIMIT 2", 5).fetch()[0].age == 29


def test_structured_properties_are_found_by_what_is_inside():
    Person(id=1, home=Address(city="Kyoto")).put()
    Person(id=2, home=Address(city="Nara")).put()
    assert [one.key.id() for one in Person.query(Person.home.city == "Nara")] == [2]


def test_get_or_insert_makes_one_and_deleting_removes_it():
    first = Counter.get_or_insert("c", count=5)
    assert Counter.get_or_insert("c", count=7).count == first.count == 5
    ndb.delete_multi([first.key])
    assert first.key.get() is None


def test_counters_of_many_threads_lose_nothing(context):
    Counter(id="shared").put()
    failures = []

    def add():
        with context.context():
            try:
                for _ in range(5):

                    @ndb.transactional(retries=20)
                    def once():
                        counter = Counter.get_by_id("shared")
                        counter.count += 1
                        counter.put()

                    once()
            except Exception as failure:  # A thread's failure must reach the test.
                failures.append(failure)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failures
    assert ndb.Key(Counter, "shared").get(use_cache=False).count == 20


def test_allocated_keys_and_eventual_reads():
    keys = Counter.allocate_ids(3)
    assert len({key.id() for key in keys}) == 3
    Counter(id="c").put()
    assert ndb.Key(Counter, "c").get(use_cache=False, read_consistency=ndb.EVENTUAL).count == 0
    assert Counter.query().fetch(read_consistency=ndb.EVENTUAL)[0].count == 0


def test_ancestors_and_namespaces():
    book = ndb.Key("Book", "b")
    Counter(parent=book, count=1).put()
    Counter(count=2).put()
    assert [one.count for one in Counter.query(ancestor=book)] == [1]
    Counter(namespace="tenant", count=3).put()
    assert [one.count for one in Counter.query(namespace="tenant")] == [3]
