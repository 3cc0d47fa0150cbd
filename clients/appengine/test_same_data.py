"""What an app stores, clients of the Datastore API see, and the other way round."""

import datetime

import pytest
from conftest import SERVER
from google.appengine.api import users
from google.appengine.ext import db
from google.appengine.ext import ndb as app_ndb
from google.cloud import datastore, ndb
from google.cloud.datastore.helpers import GeoPoint


class Card(db.Model):
    author = db.StringProperty()
    content = db.TextProperty()
    date = db.DateTimeProperty()
    place = db.GeoPtProperty()
    picture = db.BlobProperty()
    thumb = db.ByteStringProperty()
    tags = db.StringListProperty()
    user = db.UserProperty()
    likes = db.IntegerProperty()
    book = db.ReferenceProperty()


DATE = datetime.datetime(2012, 5, 1, 12, 0, 0, 123456)


@pytest.fixture
def cloud(project, monkeypatch):
    # Here and not above: the SDK's middleware changes the environment with each request.
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", SERVER)
    return datastore.Client(project=project)


def test_what_an_app_stores_is_seen_by_the_datastore_client(cloud):
    book = db.Key.from_path("Guestbook", "default")
    key = Card(
        parent=book,
        author="ada",
        content="c" * 2000,
        date=DATE,
        place=db.GeoPt(1, 2),
        picture=db.Blob(b"\xff"),
        thumb=db.ByteString(b"\x00"),
        tags=["x", "y"],
        user=users.User("a@example.com", _auth_domain="gmail.com"),
        likes=3,
        book=book,
    ).put()
    seen = cloud.get(cloud.key("Guestbook", "default", "Card", key.id()))
    assert seen["author"] == "ada" and seen["content"] == "c" * 2000
    assert seen["date"] == DATE.replace(tzinfo=datetime.timezone.utc)
    assert seen["place"] == GeoPoint(1, 2)
    assert (seen["picture"], seen["thumb"], seen["tags"], seen["likes"]) == (b"\xff", b"\x00", ["x", "y"], 3)
    assert seen["book"] == cloud.key("Guestbook", "default")
    assert seen["user"]["email"] == "a@example.com"
    assert seen.exclude_from_indexes == {"content", "picture"}
    query = cloud.query(kind="Card", ancestor=cloud.key("Guestbook", "default"), order=["-date"])
    assert [entity.key for entity in query.fetch()] == [seen.key]


def test_what_the_datastore_client_stores_is_seen_by_an_app(cloud, app):
    entity = datastore.Entity(cloud.key("Guestbook", "default", "Card", 7), exclude_from_indexes=["content"])
    entity.update(
        author="ada",
        content="c" * 2000,
        date=DATE.replace(tzinfo=datetime.timezone.utc),
        place=GeoPoint(1, 2),
        tags=["x", "y"],
        likes=3,
        book=cloud.key("Guestbook", "default"),
        picture=b"\xff",
    )
    cloud.put(entity)
    (seen,) = db.GqlQuery("SELECT * FROM Card WHERE ANCESTOR IS :1 ORDER BY date DESC", db.Key.from_path("Guestbook", "default"))
    assert seen.key() == db.Key.from_path("Guestbook", "default", "Card", 7)
    assert (seen.author, seen.content, seen.date, seen.place) == ("ada", "c" * 2000, DATE, db.GeoPt(1, 2))
    assert (seen.tags, seen.likes, bytes(seen.picture)) == (["x", "y"], 3, b"\xff")
    assert Card.book.get_value_for_datastore(seen) == db.Key.from_path("Guestbook", "default")
    assert seen.key().app() == app


def test_reading_and_writing_in_the_app_changes_nothing_for_the_client(cloud):
    key = cloud.key("Card", "a")
    entity = datastore.Entity(key, exclude_from_indexes=["content"])
    entity.update(author=None, content="c", tags=[], likes=2**53, date=DATE.replace(tzinfo=datetime.timezone.utc))
    cloud.put(entity)
    Card.get_by_key_name("a").put()
    seen = cloud.get(key)
    assert {name: seen[name] for name in entity if name != "tags"} == {
        name: entity[name] for name in entity if name != "tags"
    }
    assert "content" in seen.exclude_from_indexes


def test_keys_are_the_same_urlsafe(cloud, app):
    key = Card(author="ada").put()
    assert datastore.Key.from_legacy_urlsafe(str(key)) == cloud.key("Card", key.id())


class Member(ndb.Model):
    name = ndb.StringProperty()
    tags = ndb.StringProperty(repeated=True)
    essay = ndb.TextProperty(compressed=True)
    born = ndb.DateProperty()


class AppMember(app_ndb.Model):
    name = app_ndb.StringProperty()
    tags = app_ndb.StringProperty(repeated=True)
    essay = app_ndb.TextProperty(compressed=True)
    born = app_ndb.DateProperty()

    @classmethod
    def _get_kind(cls):
        return "Member"


VALUES = {"name": "Ada", "tags": ["a", "b"], "essay": "e" * 3000, "born": datetime.date(1815, 12, 10)}


def test_both_ndbs_read_each_other(cloud):
    with ndb.Client(project=cloud.project).context():
        Member(id="new", **VALUES).put()
        seen = AppMember.get_by_id("new", use_cache=False, use_memcache=False)
        assert {name: getattr(seen, name) for name in VALUES} == VALUES
        AppMember(id="old", **VALUES).put()
        seen = Member.get_by_id("old", use_cache=False)
        assert {name: getattr(seen, name) for name in VALUES} == VALUES
        assert {member.key.id() for member in Member.query(Member.tags == "b")} == {"new", "old"}
    assert {key.id() for key in AppMember.query(AppMember.tags == "b").fetch(keys_only=True)} == {"new", "old"}


def test_a_transaction_of_the_one_sees_the_other(cloud):
    key = db.Key.from_path("Card", "k")
    Card(key=key, likes=1).put()

    def like():
        greeting = db.get(key)
        greeting.likes += 1
        greeting.put()

    db.run_in_transaction(like)
    with cloud.transaction():
        entity = cloud.get(cloud.key("Card", "k"))
        entity["likes"] += 1
        cloud.put(entity)
    assert db.get(key).likes == 3
