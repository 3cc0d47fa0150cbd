"""`google.appengine.ext.db`: models, queries, GQL, cursors, transactions."""

import datetime
import threading

import pytest
from conftest import use_bridge
from google.appengine.api import api_base_pb2, apiproxy_stub_map, datastore, datastore_errors, namespace_manager, users
from google.appengine.datastore import datastore_pb
from google.appengine.ext import db
from google.appengine.runtime import apiproxy_errors


class Everything(db.Expando):
    """A property of each type."""

    text = db.TextProperty()
    blob = db.BlobProperty()
    string = db.StringProperty()
    byte_string = db.ByteStringProperty()
    number = db.IntegerProperty()
    decimal = db.FloatProperty()
    truth = db.BooleanProperty()
    moment = db.DateTimeProperty()
    day = db.DateProperty()
    hour = db.TimeProperty()
    place = db.GeoPtProperty()
    link = db.LinkProperty()
    email = db.EmailProperty()
    category = db.CategoryProperty()
    phone = db.PhoneNumberProperty()
    postal = db.PostalAddressProperty()
    im = db.IMProperty()
    rating = db.RatingProperty()
    user = db.UserProperty()
    other = db.SelfReferenceProperty()
    names = db.StringListProperty()
    numbers = db.ListProperty(int)


VALUES = {
    "text": db.Text("t" * 5000),
    "blob": db.Blob(b"\x00\xff" * 1000),
    "string": "Grüße, 世界",
    "byte_string": db.ByteString(b"\xff\x00"),
    "number": -(2**63),
    "decimal": 0.1,
    "truth": True,
    "moment": datetime.datetime(2012, 5, 1, 12, 30, 1, 123456),
    "day": datetime.date(1969, 7, 20),
    "hour": datetime.time(23, 59, 59),
    "place": db.GeoPt(35.6, -139.7),
    "link": db.Link("http://example.com/"),
    "email": db.Email("a@example.com"),
    "category": db.Category("kittens"),
    "phone": db.PhoneNumber("+81 3"),
    "postal": db.PostalAddress("Tokyo"),
    "im": db.IM("http://example.com/", "a"),
    "rating": db.Rating(97),
    "user": users.User("a@example.com", _auth_domain="gmail.com", _user_id="123"),
    "names": ["b", "a", "b"],
    "numbers": [3, 1, 2],
}


class Task(db.Model):
    name = db.StringProperty()
    number = db.IntegerProperty()
    tags = db.StringListProperty()
    done = db.BooleanProperty(default=False)


def tasks(count, parent=None):
    models = [Task(parent=parent, key_name=f"t{n:03}", name=f"task {n}", number=n % 10) for n in range(count)]
    db.put(models)
    return models


def numbers(query):
    return [task.number for task in query]


def test_every_type_comes_back_as_it_was():
    entity = Everything(key_name="all", other=db.Key.from_path("Everything", 1), **VALUES)
    entity.put()
    got = Everything.get_by_key_name("all")
    for name, value in VALUES.items():
        assert getattr(got, name) == value, name
        assert type(getattr(got, name)) is type(value), name
    assert Everything.other.get_value_for_datastore(got) == db.Key.from_path("Everything", 1)


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("text", "blob", "user")])
def test_every_indexed_type_is_found_by_its_value(name):
    entity = Everything(**VALUES)
    entity.put()
    value = VALUES[name][0] if isinstance(VALUES[name], list) else VALUES[name]
    # Dates and times are kept as moments.
    value = getattr(Everything, name).get_value_for_datastore(entity) if name in ("day", "hour") else value
    query = datastore.Query("Everything", {f"{name} =": value})
    assert [found.key() for found in query.Run()] == [entity.key()]


def test_users_have_no_index():
    user = users.User("a@example.com", _auth_domain="gmail.com")
    Everything(user=user).put()
    with pytest.raises(datastore_errors.BadRequestError, match="An entity value is not allowed"):
        Everything.all().filter("user =", user).get()
    assert Everything.all().order("user").get() is None


def test_put_get_delete_of_many():
    keys = db.put([Task(number=n) for n in range(45)])
    assert len({key.id() for key in keys}) == 45
    assert numbers(db.get(keys)) == list(range(45))
    db.delete(keys[:40])
    assert [task and task.number for task in db.get(keys[38:])] == [None, None, 40, 41, 42, 43, 44]


def test_keys_have_the_app_and_the_namespace(app):
    namespace_manager.set_namespace("other")
    try:
        key = Task(number=1).put()
        assert (key.app(), key.namespace()) == (app, "other")
        assert db.get(key).number == 1 and Task.all().count() == 1
    finally:
        namespace_manager.set_namespace("")
    assert Task.all().count() == 0
    assert Task.all(namespace="other").get().key() == key


def test_a_missing_entity_is_none():
    assert Task.get_by_id(1) is None
    assert Task.get_by_key_name(["a", "b"]) == [None, None]
    assert db.get([]) == []


def test_filters_and_orders():
    tasks(30)
    assert numbers(Task.all().filter("number =", 3)) == [3, 3, 3]
    assert numbers(Task.all().filter("number >", 7).order("number")) == [8] * 3 + [9] * 3
    assert numbers(Task.all().filter("number >=", 1).filter("number <", 3).order("-number")) == [2] * 3 + [1] * 3
    assert [task.name for task in Task.all().filter("number =", 3).order("-name")] == ["task 3", "task 23", "task 13"]
    assert [key.name() for key in Task.all(keys_only=True).order("-__key__").run(limit=2)] == ["t029", "t028"]
    first = db.Key.from_path("Task", "t028")
    assert [key.name() for key in Task.all(keys_only=True).filter("__key__ >=", first)] == ["t028", "t029"]


def test_in_and_not_equal_are_merged_by_the_client():
    tasks(20)
    assert numbers(Task.all().filter("number IN", [3, 1]).order("number")) == [1, 1, 3, 3]
    assert numbers(Task.all().filter("number !=", 5).order("number")) == sorted(n % 10 for n in range(20) if n % 10 != 5)
    assert numbers(db.GqlQuery("SELECT * FROM Task WHERE number IN (8, 9) ORDER BY number")) == [8, 8, 9, 9]


def test_gql():
    parent = db.Key.from_path("List", "a")
    tasks(10, parent)
    tasks(3)
    query = db.GqlQuery("SELECT * FROM Task WHERE ANCESTOR IS :1 AND number >= :low ORDER BY number DESC LIMIT 2, 3", parent, low=2)
    assert numbers(query) == [7, 6, 5]
    assert numbers(Task.gql("WHERE name = 'task 2' AND ANCESTOR IS :1", parent)) == [2]
    keys = db.GqlQuery("SELECT __key__ FROM Task WHERE __key__ > KEY('Task', 't001')")
    assert [key.name() for key in keys] == ["t002"]


def test_lists_match_by_element():
    Task(key_name="a", tags=["x", "y"]).put()
    Task(key_name="b", tags=["y"]).put()
    Task(key_name="c", tags=[]).put()

    def found(query):
        return sorted(task.key().name() for task in query)

    assert found(Task.all().filter("tags =", "y")) == ["a", "b"]
    assert found(Task.all().filter("tags =", "x").filter("tags =", "y")) == ["a"]
    assert [task.key().name() for task in Task.all().order("tags")] == ["a", "b"]


def test_ancestors():
    root = Task(key_name="root", number=0)
    root.put()
    child = Task(parent=root, key_name="child", number=1)
    child.put()
    Task(parent=child, key_name="grandchild", number=2).put()
    Task(key_name="stranger", number=3).put()
    assert numbers(Task.all().ancestor(root)) == [0, 1, 2]
    assert numbers(Task.all().ancestor(child).filter("number >", 1)) == [2]
    assert [entity.key().name() for entity in db.Query().ancestor(child)] == ["child", "grandchild"]


def test_more_results_than_one_batch():
    db.put([Task(key_name=f"{n:04}", number=n) for n in range(700)])
    assert numbers(Task.all().order("number")) == list(range(700))
    assert numbers(Task.all().order("number").run(batch_size=7, limit=50, offset=3)) == list(range(3, 53))
    assert len(Task.all().fetch(1000)) == 700


def test_what_is_left_of_a_query_is_kept_until_it_is_given_up(app):
    tasks(30)
    query, first = datastore_pb.Query(app=app, kind="Task", count=10), datastore_pb.QueryResult()
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "RunQuery", query, first)
    assert (len(first.result), first.more_results) == (10, True)
    request, rest = datastore_pb.NextRequest(count=15), datastore_pb.QueryResult()
    request.cursor.CopyFrom(first.cursor)
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "Next", request, rest)
    assert (len(rest.result), rest.more_results) == (15, True)
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "DeleteCursor", rest.cursor, api_base_pb2.VoidProto())
    with pytest.raises(apiproxy_errors.ApplicationError, match="run the query again"):
        apiproxy_stub_map.MakeSyncCall("datastore_v3", "Next", request, rest)

    count = api_base_pb2.Integer64Proto()
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "Count", query, count)
    assert count.value == 30


def test_counts():
    tasks(130)
    assert Task.all().count() == 130
    assert Task.all().count(limit=50) == 50
    assert Task.all().filter("number =", 1).count(limit=5000) == 13
    assert Task.all().filter("number =", 11).count() == 0


def test_offsets():
    tasks(30)
    assert [task.key().name() for task in Task.all().fetch(3, offset=25)] == ["t025", "t026", "t027"]
    assert Task.all().fetch(3, offset=30) == []


def test_cursors():
    tasks(25)
    query, seen = Task.all().order("number"), []
    while True:
        page = query.fetch(10)
        seen += page
        if len(page) < 10:
            break
        query.with_cursor(query.cursor())
    assert numbers(seen) == sorted(n % 10 for n in range(25))
    assert len({task.key() for task in seen}) == 25

    query = Task.all().order("__key__")
    query.fetch(5)
    start = query.cursor()
    query.fetch(8)
    end = query.cursor()
    assert [task.key().name() for task in Task.all().order("__key__").with_cursor(start, end)] == ["t005", "t006", "t007"]


def test_a_cursor_within_a_batch():
    tasks(10)
    query = Task.all().order("__key__")
    run = query.run(batch_size=10)
    names = [next(run).key().name() for _ in range(4)]
    rest = Task.all().order("__key__").with_cursor(query.cursor())
    assert names + [task.key().name() for task in rest] == [f"t{n:03}" for n in range(10)]


def test_a_cursor_of_another_query_is_refused():
    tasks(3)
    query = Task.all().order("number")
    query.fetch(1)
    with pytest.raises(datastore_errors.BadRequestError):
        Task.all().filter("name =", "a").with_cursor(query.cursor()).fetch(1)


def test_projections():
    Task(key_name="a", number=1, name="n", tags=["x", "y"]).put()
    Task(key_name="b", number=2, name="m", tags=["x"]).put()
    rows = db.Query(Task, projection=["number", "name"]).order("-number")
    assert [(row.number, row.name) for row in rows] == [(2, "m"), (1, "n")]
    query = datastore.Query("Task", projection=["tags"], distinct=True)
    assert [row["tags"] for row in query.Run()] == [b"x", b"y"], "values as indexes have them"


def test_get_or_insert():
    assert Task.get_or_insert("k", number=1).number == 1
    assert Task.get_or_insert("k", number=2).number == 1


def test_a_transaction_commits_or_leaves_nothing():
    key = Task(key_name="k", number=1).put()

    def change(fail):
        task = db.get(key)
        task.number += 1
        task.put()
        assert db.get(key).number == 1, "a transaction does not see what it wrote"
        if fail:
            raise db.Rollback()

    db.run_in_transaction(change, True)
    assert db.get(key).number == 1
    db.run_in_transaction(change, False)
    assert db.get(key).number == 2


def test_a_transaction_gives_ids_at_once():
    def make():
        parent = Task(number=1)
        parent.put()
        child = Task(parent=parent, number=2)
        child.put()
        db.delete(db.Key.from_path("Task", "missing", parent=parent.key()))
        return child.key()

    key = db.run_in_transaction(make)
    assert db.get([key, key.parent()])[0].number == 2


def test_several_groups_in_one_transaction():
    keys = db.put([Task(key_name=f"k{n}", number=n) for n in range(30)])

    def move():
        one, other = db.get([keys[0], keys[29]])
        one.number, other.number = other.number, one.number
        db.put([one, other])

    db.run_in_transaction_options(db.create_transaction_options(xg=True), move)
    assert (db.get(keys[0]).number, db.get(keys[29]).number) == (29, 0)


def test_a_query_in_a_transaction_reads_its_state():
    parent = db.Key.from_path("List", "a")
    tasks(3, parent)

    def add():
        before = Task.all().ancestor(parent).count()
        Task(parent=parent, number=9).put()
        return before, Task.all().ancestor(parent).count()

    assert db.run_in_transaction(add) == (3, 3)
    assert Task.all().ancestor(parent).count() == 4


def test_a_crowd_counts_in_transactions():
    key = Task(key_name="counter", number=0).put()
    failures = []

    def add():
        task = db.get(key)
        task.number += 1
        task.put()

    def member():
        use_bridge()
        try:
            for _ in range(5):
                db.run_in_transaction_custom_retries(100, add)
        except Exception as error:  # A thread's failure must reach the test.
            failures.append(error)

    members = [threading.Thread(target=member) for _ in range(6)]
    [thread.start() for thread in members]
    [thread.join() for thread in members]
    assert failures == []
    assert db.get(key).number == 30


def test_a_transaction_that_lost_is_tried_again():
    key = Task(key_name="k", number=0).put()
    attempts = []

    def change():
        task = db.get(key)
        attempts.append(task.number)
        if len(attempts) == 1:
            # Somebody else is in between, in another connection.
            other = threading.Thread(target=overtake)
            other.start()
            other.join(timeout=60)
        task.number += 1
        task.put()

    def overtake():
        use_bridge()
        started.set()
        try:
            db.run_in_transaction_custom_retries(0, bump)
        except datastore_errors.TransactionFailedError:
            lost.append("the other one")

    def bump():
        task = db.get(key)
        task.number += 10
        task.put()

    started, lost = threading.Event(), []
    db.run_in_transaction(change)
    assert started.is_set()
    # Either the other one lost at once, or this one did and came again.
    assert (db.get(key).number, len(attempts)) == ((1, 1) if lost else (11, 2))


def test_an_ended_transaction_is_refused(app):
    transaction, answer = datastore_pb.Transaction(), datastore_pb.CommitResponse()
    begin = datastore_pb.BeginTransactionRequest(app=app)
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "BeginTransaction", begin, transaction)
    apiproxy_stub_map.MakeSyncCall("datastore_v3", "Commit", transaction, answer)
    for method in ["Commit", "Rollback"]:
        with pytest.raises(apiproxy_errors.ApplicationError, match="no longer valid") as refused:
            apiproxy_stub_map.MakeSyncCall("datastore_v3", method, transaction, answer)
        assert refused.value.application_error == 1


def test_what_is_not_there_is_said_so():
    request = datastore_pb.Transaction(app="a", handle=1)
    for service, method in [("datastore_v3", "CreateIndex"), ("taskqueue", "Add")]:
        with pytest.raises(apiproxy_errors.CallNotFoundError):
            apiproxy_stub_map.MakeSyncCall(service, method, request, datastore_pb.Transaction())


def test_allocated_ids_are_given_to_nobody_else():
    model = db.Key.from_path("Task", 1)
    first, last = db.allocate_ids(model, 10)
    assert last - first == 9
    again, _ = db.allocate_ids(model, 1)
    assert again > last
    assert db.allocate_id_range(model, last + 1000, last + 1009) == db.KEY_RANGE_EMPTY
    assert db.allocate_ids(model, 1)[0] > last + 1009


@pytest.mark.parametrize(
    "name, text, kept, refusal",
    [
        ("__reserved__", "x", "property", 'The property.name "__reserved__" is reserved.'),
        ("", "x", "property", "The property.name is the empty string."),
        ("long", "x" * 1501, "property", 'The value of property "long" is longer than 1500 bytes.'),
        ("big", "x" * 1_048_488, "raw_property", 'The value of property "big" is longer than 1048487 bytes.'),
    ],
)
@pytest.mark.parametrize("transactional", [False, True])
def test_what_cannot_be_stored_is_refused(app, name, text, kept, refusal, transactional):
    # By a call of our own: the SDK looks first, and a server must not rely on that.
    request = datastore_pb.PutRequest()
    entity = request.entity.add()
    entity.key.CopyFrom(db.Key.from_path("Task", 1)._ToPb())
    entity.entity_group.CopyFrom(entity.key.path)
    entity.entity_group.ClearField("element")
    getattr(entity, kept).add(name=name, multiple=False).value.stringValue = text.encode()
    if transactional:
        begin = datastore_pb.BeginTransactionRequest(app=app)
        apiproxy_stub_map.MakeSyncCall("datastore_v3", "BeginTransaction", begin, request.transaction)
    with pytest.raises(apiproxy_errors.ApplicationError) as refused:
        apiproxy_stub_map.MakeSyncCall("datastore_v3", "Put", request, datastore_pb.PutResponse())
    assert (refused.value.application_error, refused.value.error_detail) == (1, refusal)


def test_another_apps_keys_are_refused():
    keys = [db.Key.from_path("Task", 1), db.Key.from_path("Task", 1, _app="dev~other")]
    with pytest.raises(datastore_errors.BadRequestError, match="cannot access app"):
        db.get(keys)


def test_kinds_and_properties_are_listed():
    from google.appengine.ext.db import metadata

    tasks(2)
    Everything(string="s").put()
    assert sorted(metadata.get_kinds()) == ["Everything", "Task"]
    assert {"name", "number", "done"} <= set(metadata.get_properties_of_kind("Task"))
    assert metadata.get_namespaces() == [""]
