"""`google.appengine.ext.ndb`: models, structured properties, pages, transactions, and the cache in between."""

import datetime
import threading

import pytest
from conftest import use_bridge
from google.appengine.api import datastore_errors, memcache, namespace_manager, users
from google.appengine.ext import ndb


class Address(ndb.Model):
    city = ndb.StringProperty()
    zip = ndb.IntegerProperty()


class Note(ndb.Model):
    text = ndb.TextProperty()
    when = ndb.DateTimeProperty()


class Person(ndb.Model):
    name = ndb.StringProperty()
    age = ndb.IntegerProperty()
    tags = ndb.StringProperty(repeated=True)
    address = ndb.StructuredProperty(Address)
    addresses = ndb.StructuredProperty(Address, repeated=True)
    note = ndb.LocalStructuredProperty(Note)
    notes = ndb.LocalStructuredProperty(Note, repeated=True, compressed=True)
    essay = ndb.TextProperty(compressed=True)
    photo = ndb.BlobProperty(compressed=True)
    raw = ndb.BlobProperty(indexed=True)
    extra = ndb.JsonProperty()
    thing = ndb.PickleProperty()
    friend = ndb.KeyProperty()
    place = ndb.GeoPtProperty()
    born = ndb.DateProperty()
    user = ndb.UserProperty()
    upper = ndb.ComputedProperty(lambda self: self.name and self.name.upper())


class Claim(ndb.Model):
    owner = ndb.StringProperty()


@pytest.fixture(autouse=True)
def no_cache_in_the_process():
    """What is read comes from the server."""
    ndb.get_context().set_cache_policy(False)
    yield
    ndb.get_context().set_cache_policy(None)


def without_memcache():
    ndb.get_context().set_memcache_policy(False)


@pytest.fixture(autouse=True)
def memcache_policy():
    yield
    ndb.get_context().set_memcache_policy(None)


def crowd(count, **values):
    people = [Person(id=f"p{n:03}", name=f"n{n:03}", age=n % 10, **values) for n in range(count)]
    ndb.put_multi(people)
    return people


def test_every_property_comes_back_as_it_was():
    without_memcache()
    person = Person(
        name="Ada",
        age=36,
        tags=["a", "b"],
        address=Address(city="London", zip=1),
        addresses=[Address(city="Paris", zip=2), Address(city=None, zip=3)],
        note=Note(text="n" * 3000, when=datetime.datetime(2012, 1, 2, 3, 4, 5, 6)),
        notes=[Note(text="one"), Note(text="two")],
        essay="e" * 10_000,
        photo=bytes(range(256)),
        raw=b"\xff\xfe",
        extra={"a": [1, None, "x"]},
        thing={"set": {1, 2}},
        friend=ndb.Key("Person", 5, "Pet", "cat", namespace="ns"),
        place=ndb.GeoPt(1.5, -2.5),
        born=datetime.date(1815, 12, 10),
        user=users.User("ada@example.com", _auth_domain="gmail.com"),
    )
    key = person.put()
    assert key.get() == person
    assert key.get().upper == "ADA"


@pytest.mark.parametrize(
    "condition",
    [
        Person.address.city == "London",
        Person.addresses.city == "Paris",
        ndb.AND(Person.tags == "a", Person.tags == "b"),
        Person.raw == b"\xff",
        Person.upper == "ADA",
        Person.born == datetime.date(1815, 12, 10),
        Person.place == ndb.GeoPt(1.0, 2.0),
        ndb.OR(Person.age == 1, Person.name == "Ada"),
        Person.age.IN([34, 36, 37]),
        Person.age != 35,
        ndb.AND(Person.age > 35, Person.age <= 36),
    ],
    ids=str,
)
def test_people_are_found(condition):
    Person(
        id="ada",
        name="Ada",
        age=36,
        tags=["a", "b"],
        address=Address(city="London"),
        addresses=[Address(city="Rome"), Address(city="Paris")],
        raw=b"\xff",
        place=ndb.GeoPt(1, 2),
        born=datetime.date(1815, 12, 10),
        friend=ndb.Key("Person", 5),
    ).put()
    Person(id="nobody", age=35).put()
    assert [key.id() for key in Person.query(condition).fetch(keys_only=True)] == ["ada"]


def test_a_structure_matches_as_a_whole():
    Person(id="a", addresses=[Address(city="Rome", zip=1), Address(city="Paris", zip=2)]).put()
    Person(id="b", addresses=[Address(city="Rome", zip=2), Address(city="Paris", zip=1)]).put()
    found = Person.query(Person.addresses == Address(city="Rome", zip=2)).fetch()
    assert [person.key.id() for person in found] == ["b"]


def test_people_are_found_by_their_friends():
    Person(id="a", friend=ndb.Key("Person", 5, "Pet", "cat")).put()
    Person(id="b", friend=ndb.Key("Person", 5)).put()
    friend = ndb.Key("Person", 5)
    assert [key.id() for key in Person.query(Person.friend == friend).fetch(keys_only=True)] == ["b"]
    assert [key.id() for key in Person.query(Person.friend > friend).fetch(keys_only=True)] == ["a"]


def test_missing_values_are_null():
    Person(id="a", name=None).put()
    Person(id="b", name="b").put()
    assert [person.key.id() for person in Person.query(Person.name == None)] == ["a"]  # noqa: E711
    assert [person.key.id() for person in Person.query().order(Person.name)] == ["a", "b"]


def test_pages():
    crowd(25)
    query, cursor, pages = Person.query().order(-Person.age, Person.name), None, []
    while True:
        page, cursor, more = query.fetch_page(10, start_cursor=cursor)
        pages.append([person.age for person in page])
        if not more:
            break
        cursor = ndb.Cursor(urlsafe=cursor.urlsafe())
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sum(pages, []) == sorted([n % 10 for n in range(25)], reverse=True)


def test_a_page_that_takes_all():
    crowd(10)
    page, cursor, more = Person.query().order(Person.name).fetch_page(10)
    assert (len(page), more) == (10, False)
    assert Person.query().order(Person.name).fetch(start_cursor=cursor) == []
    assert Person.query().order(Person.name).fetch_page(10, start_cursor=cursor)[0] == []


def test_a_cursor_after_each_result():
    crowd(10)
    names = [f"p{n:03}" for n in range(10)]
    results = Person.query().order(Person.name).iter(produce_cursors=True, batch_size=4)
    for number, person in enumerate(results, start=1):
        rest = Person.query().order(Person.name).fetch(keys_only=True, start_cursor=results.cursor_after())
        assert [key.id() for key in rest] == names[number:]


def test_counts():
    crowd(120)
    assert Person.query().count() == 120
    assert Person.query().count(limit=7) == 7
    assert Person.query(Person.age == 3).count() == 12
    assert Person.query(Person.age.IN([3, 4])).count() == 24
    assert Person.query(Person.age == 99).count() == 0


def test_projections_and_distinct():
    crowd(20)
    assert [person.age for person in Person.query(projection=[Person.age], distinct=True)] == list(range(10))
    row = Person.query().order(Person.name, Person.age).get(projection=[Person.name, Person.age])
    assert (row.name, row.age) == ("n000", 0)
    with pytest.raises(ndb.UnprojectedPropertyError):
        row.tags


def test_projected_dates_are_dates():
    Person(born=datetime.date(2000, 2, 29), note=None).put()
    assert Person.query().get(projection=["born"]).born == datetime.date(2000, 2, 29)


def test_gql():
    crowd(10)
    query = ndb.gql("SELECT * FROM Person WHERE age >= :low ORDER BY age DESC LIMIT 3", low=2)
    assert [person.age for person in query] == [9, 8, 7]


def test_many_at_once():
    people = crowd(100)
    keys = [person.key for person in people]
    assert ndb.get_multi(keys) == people
    ndb.delete_multi(keys[:50])
    assert [person is None for person in ndb.get_multi(keys)] == [True] * 50 + [False] * 50
    assert len(Person.query().map(lambda person: person.key, keys_only=False)) == 50


def test_asynchronous_calls():
    keys = [future.get_result() for future in [Person(name=str(n)).put_async() for n in range(20)]]
    gets = [key.get_async() for key in keys]
    ndb.Future.wait_all(gets)
    assert [get.get_result().name for get in gets] == [str(n) for n in range(20)]


def test_allocated_ids():
    first, last = Person.allocate_ids(5)
    assert last - first == 4
    assert Person.allocate_ids(max=last + 100)[1] == last + 100
    assert Person.allocate_ids(1)[0] > last + 100


def test_get_or_insert():
    assert Person.get_or_insert("k", name="first").name == "first"
    assert Person.get_or_insert("k", name="second").name == "first"


def test_namespaces():
    namespace_manager.set_namespace("tenant")
    try:
        key = Person(id="a").put()
    finally:
        namespace_manager.set_namespace("")
    assert key.namespace() == "tenant" and key.get() is not None
    assert Person.query().count() == 0 and Person.query(namespace="tenant").count() == 1


def test_transactions():
    key = Person(id="a", age=1).put()

    @ndb.transactional(xg=True)
    def birthday(fail):
        person, other = key.get(), Person(id="b", age=0)
        person.age += 1
        ndb.put_multi([person, other])
        if fail:
            raise ndb.Rollback()

    birthday(True)
    assert (key.get().age, ndb.Key(Person, "b").get()) == (1, None)
    birthday(False)
    assert (key.get().age, ndb.Key(Person, "b").get().age) == (2, 0)


@pytest.mark.parametrize("with_memcache", [False, True])
def test_a_crowd_counts_in_transactions(app, with_memcache):
    key = Person(id="counter", age=0).put()
    failures = []

    def member():
        use_bridge()
        context = ndb.get_context()
        context.set_cache_policy(False)
        context.set_memcache_policy(with_memcache)
        try:
            for _ in range(5):
                ndb.transaction(add, retries=100)
        except Exception as error:  # A thread's failure must reach the test.
            failures.append(error)

    def add():
        person = key.get()
        person.age += 1
        person.put()

    members = [threading.Thread(target=member) for _ in range(6)]
    [thread.start() for thread in members]
    [thread.join() for thread in members]
    assert failures == []
    assert key.get(use_memcache=False).age == key.get().age == 30


def test_one_of_many_gets_the_address():
    """The unique e-mail address, as an entity named by it."""
    winners, failures = [], []

    def member(name):
        use_bridge()

        def register():
            claim = ndb.Key("Claim", "one@example.com")
            if Claim.get_by_id(claim.id()):
                return False
            Claim(key=claim, owner=name).put()
            return True

        try:
            if ndb.transaction(register, retries=100):
                winners.append(name)
        except Exception as error:  # A thread's failure must reach the test.
            failures.append(error)

    members = [threading.Thread(target=member, args=(str(n),)) for n in range(12)]
    [thread.start() for thread in members]
    [thread.join() for thread in members]
    assert (failures, len(winners)) == ([], 1)
    assert Claim.get_by_id("one@example.com").owner == winners[0]


def test_what_is_read_is_kept_in_memcache():
    key = Person(id="a", name="kept").put()
    assert memcache.get_stats()["items"] <= 1, "a write leaves a lock at most"
    memcache.flush_all()
    assert key.get().name == "kept"
    before = memcache.get_stats()["hits"]
    assert key.get().name == "kept"
    assert memcache.get_stats()["hits"] == before + 1


def test_a_write_makes_the_kept_copy_old():
    key = Person(id="a", age=1).put()
    memcache.flush_all()
    assert key.get().age == 1
    Person(id="a", age=2).put()
    assert key.get().age == 2
    key.delete()
    assert key.get() is None


def test_a_put_beyond_the_limits_is_refused():
    with pytest.raises(datastore_errors.BadRequestError, match="too big|longer than"):
        Person(photo=None, essay=None, extra=None, note=Note(text="x" * 1_060_000)).put()
