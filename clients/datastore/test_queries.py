"""Queries as the official client sends them: filters, orders, projections, pages, aggregations, GQL."""

import pytest
from google.api_core import exceptions
from google.cloud import datastore
from google.cloud import datastore_v1 as v1
from google.cloud.datastore.query import And, Or, PropertyFilter

from raw_api import stub


@pytest.fixture
def tasks(put):
    """Ten tasks: number n has priority n, is done when n is even, and has tags."""
    for number in range(10):
        tags = [f"t{number % 3}", "all"]
        put("Task", number + 1, priority=number, done=number % 2 == 0, tags=tags, note=f"n{number}", exclude=["note"])


def found(query, **options):
    return [entity.key.id for entity in query.fetch(**options)]


def where(client, *filters, order=(), kind="Task", **options):
    query = client.query(kind=kind, order=order, **options)
    for one in filters:
        query.add_filter(filter=one if not isinstance(one, tuple) else PropertyFilter(*one))
    return query


@pytest.mark.parametrize(
    "filters, order, expected",
    [
        ([("priority", "=", 3)], (), [4]),
        ([("priority", ">=", 7)], (), [8, 9, 10]),
        ([("priority", ">", 2), ("priority", "<", 5)], (), [4, 5]),
        ([("done", "=", True)], ("-priority",), [9, 7, 5, 3, 1]),
        ([("tags", "=", "all"), ("tags", "=", "t1")], (), [2, 5, 8]),
        ([("priority", "IN", [1, 8, 3])], (), [2, 4, 9]),
        ([("priority", "!=", 5)], (), [1, 2, 3, 4, 5, 7, 8, 9, 10]),
        ([("priority", "NOT_IN", [0, 1, 2, 3, 4, 5])], (), [7, 8, 9, 10]),
        ([Or([PropertyFilter("priority", "=", 0), PropertyFilter("priority", ">", 8)])], (), [1, 10]),
        ([And([PropertyFilter("done", "=", True), PropertyFilter("tags", "=", "t0")])], (), [1, 7]),
        ([("note", "=", "n1")], (), []),
        ([("priority", "=", 3.0)], (), []),
        ([], ("-priority",), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_filters_and_orders(client, tasks, filters, order, expected):
    assert found(where(client, *filters, order=order)) == expected


def test_types_have_one_order(client, put):
    for number, value in enumerate([None, -1, 2, False, True, b"\x00", "a", "b", float("-inf"), 1.0, float("nan")]):
        put("V", number + 1, v=value)
    assert found(client.query(kind="V", order=["v"])) == list(range(1, 12))
    assert found(where(client, ("v", ">", 2), kind="V")) == list(range(4, 12))


def test_pages_of_a_query_join_without_a_gap(client, tasks):
    query = client.query(kind="Task", order=["-priority"])
    seen, cursor = [], None
    while True:
        iterator = query.fetch(limit=3, start_cursor=cursor)
        seen += [entity.key.id for entity in next(iterator.pages)]
        cursor = iterator.next_page_token
        if cursor is None:
            break
    assert seen == list(range(10, 0, -1))


def test_more_results_is_exact_and_there_is_always_a_cursor(client, server, project, tasks):
    api = stub(server)

    def batch(limit=None, offset=0, **more):
        query = {"kind": [{"name": "Task"}], "offset": offset, **more}
        if limit is not None:
            query["limit"] = limit
        return api.run_query(request={"project_id": project, "query": query}).batch

    more = v1.QueryResultBatch.MoreResultsType
    for limit, expected in [(9, more.MORE_RESULTS_AFTER_LIMIT), (10, more.NO_MORE_RESULTS), (None, more.NO_MORE_RESULTS)]:
        one = batch(limit)
        assert (one.more_results, bool(one.end_cursor)) == (expected, True), limit
        assert one.entity_result_type == v1.EntityResult.ResultType.FULL
        assert all(result.cursor for result in one.entity_results)
    skipping = batch(limit=0, offset=20)
    assert skipping.skipped_results == 10 and skipping.end_cursor
    nothing = api.run_query(request={"project_id": project, "query": {"kind": [{"name": "None"}]}}).batch
    assert nothing.more_results == more.NO_MORE_RESULTS and nothing.end_cursor
    middle = batch(limit=5).end_cursor
    assert len(batch(start_cursor=middle).entity_results) == 5
    assert len(batch(end_cursor=middle).entity_results) == 5


def test_a_long_result_comes_in_batches(client, server, project):
    with client.batch() as batch:
        for number in range(1, 801):
            batch.put(datastore.Entity(client.key("Long", number)))
    pages = [len(list(page)) for page in client.query(kind="Long").fetch().pages]
    assert sum(pages) == 800 and len(pages) > 1
    assert found(client.query(kind="Long"), offset=790) == list(range(791, 801))
    assert found(client.query(kind="Long"), limit=400) == list(range(1, 401))


def test_projections_explode_lists_and_give_integers_for_times(client, put):
    import datetime

    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    put("P", 1, tags=["a", "b"], n=[1, 2], at=moment)
    put("P", 2, tags=["a"], n=[1], at=moment)
    put("P", 3, n=[1], at=moment)
    query = client.query(kind="P", projection=["n", "tags"])
    rows = [(entity["n"], entity["tags"], entity.key.id) for entity in query.fetch()]
    assert rows == [(1, "a", 1), (1, "a", 2), (1, "b", 1), (2, "a", 1), (2, "b", 1)]
    distinct = client.query(kind="P", projection=["tags"], distinct_on=["tags"])
    assert [entity["tags"] for entity in distinct.fetch()] == ["a", "b"]
    (first,) = client.query(kind="P", projection=["at"]).fetch(limit=1)
    assert first["at"] == int(moment.timestamp() * 1_000_000)
    keys = client.query(kind="P")
    keys.keys_only()
    assert [(entity.key.id, dict(entity)) for entity in keys.fetch()] == [(1, {}), (2, {}), (3, {})]


def test_ancestors_kinds_and_namespaces(client, clients, put):
    book = client.key("Book", "b")
    for number in (1, 2):
        put("Page", number, parent=book, n=number)
    put("Page", 3, n=3)
    put("Book", "b")
    assert found(client.query(kind="Page", ancestor=book)) == [1, 2]
    assert [one.key.flat_path for one in client.query(ancestor=book).fetch()] == [
        ("Book", "b"),
        ("Book", "b", "Page", 1),
        ("Book", "b", "Page", 2),
    ]
    tenant = clients(namespace="tenant")
    tenant.put(datastore.Entity(tenant.key("Only", 1)))

    def names(kind, of=client):
        query = of.query(kind=kind)
        query.keys_only()
        return [one.key.id_or_name for one in query.fetch()]

    assert names("__kind__") == ["Book", "Page"]
    assert names("__kind__", tenant) == ["Only"]
    assert names("__namespace__") == [1, "tenant"]
    assert [one.key.flat_path for one in client.query(kind="__property__").fetch()] == [("__kind__", "Page", "__property__", "n")]


def test_the_guestbook_of_the_article(client, put):
    import datetime

    book = client.key("Guestbook", "default")
    for number in range(12):
        date = datetime.datetime(2020, 1, 1, second=number, tzinfo=datetime.timezone.utc)
        put("Greeting", number + 1, parent=book, author=f"a{number}", content="hi", date=date)
    query = client.query(kind="Greeting", ancestor=book, order=["-date"])
    assert found(query, limit=10) == list(range(12, 2, -1))


def test_aggregations(client, tasks):
    query = client.aggregation_query(where(client, ("done", "=", True)))
    query.count().sum("priority", alias="sum").avg("priority", alias="average")
    (figures,) = query.fetch()
    assert {one.alias: one.value for one in figures} == {"property_1": 5, "sum": 20, "average": 4.0}
    (figures,) = client.aggregation_query(client.query(kind="None")).sum("n", alias="n").fetch()
    assert figures[0].value == 0


def test_a_query_without_its_index_names_it(client, put):
    put("Unindexed", 1, a=1, b=2)
    with pytest.raises(exceptions.FailedPrecondition) as refusal:
        found(where(client, ("a", "=", 1), ("b", ">", 1), kind="Unindexed"))
    assert refusal.value.message == (
        "no matching index found. recommended index is:\n- kind: Unindexed\n  properties:\n  - name: a\n  - name: b\n"
    )


def gql(server, project, text, **more):
    request = {"project_id": project, "gql_query": {"query_string": text, **more}}
    return stub(server).run_query(request=request)


def test_gql_is_a_query_and_the_answer_says_which(server, project, tasks):
    text = "SELECT __key__ FROM Task WHERE priority > @1 ORDER BY priority DESC LIMIT @n"
    bound = {
        "positional_bindings": [{"value": v1.Value(integer_value=3)}],
        "named_bindings": {"n": {"value": v1.Value(integer_value=2)}},
    }
    answer = gql(server, project, text, **bound)
    assert [one.entity.key.path[0].id for one in answer.batch.entity_results] == [10, 9]
    assert answer.query.kind[0].name == "Task" and answer.query.limit == 2
    assert answer.query.projection[0].property.name == "__key__"
    assert answer.batch.entity_result_type == v1.EntityResult.ResultType.KEY_ONLY
    literal = gql(server, project, "SELECT * FROM Task WHERE tags = 't1' AND done = FALSE", allow_literals=True)
    assert [one.entity.key.path[0].id for one in literal.batch.entity_results] == [2, 8]
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        gql(server, project, "SELECT * FROM Task LIMIT 1")
    assert refusal.value.message == "Disallowed literal: 1."
    request = {"project_id": project, "gql_query": {"query_string": "SELECT COUNT(*) AS n FROM Task"}}
    (figures,) = stub(server).run_aggregation_query(request=request).batch.aggregation_results
    assert figures.aggregate_properties["n"].integer_value == 10


def test_reads_of_the_past(client, put):
    import datetime

    first = put("K", 1, n=1)
    read = stubbed_read_time(client, first.key)
    put("K", 1, n=2)
    assert client.get(first.key, read_time=read)["n"] == 1
    assert [one["n"] for one in client.query(kind="K").fetch(read_time=read)] == [1]
    future = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        client.get(first.key, read_time=future)
    assert refusal.value.message == "The requested 'read_time' cannot be in the future."


def stubbed_read_time(client, key):
    request = {"project_id": client.project, "keys": [key.to_protobuf()]}
    return client._datastore_api.lookup(request=request).read_time


def test_explained_queries_tell_their_indexes(client, tasks):
    from google.cloud.datastore.query_profile import ExplainOptions

    query = client.query(kind="Task", explain_options=ExplainOptions(analyze=True))
    iterator = query.fetch()
    assert len(list(iterator)) == 10
    metrics = iterator.explain_metrics
    assert metrics.plan_summary.indexes_used
    assert metrics.execution_stats.results_returned == 10
    planned = client.query(kind="Task", explain_options=ExplainOptions(analyze=False)).fetch()
    assert list(planned) == [] and planned.explain_metrics.plan_summary.indexes_used
