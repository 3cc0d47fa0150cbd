"""Explain: the plan without running, and the numbers of a run."""

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.query_profile import ExplainOptions
from raw_api import select_from

PLAN, ANALYZE = ExplainOptions(analyze=False), ExplainOptions(analyze=True)


@pytest.fixture
def ten(db):
    batch = db.batch()
    for number in range(10):
        batch.set(db.document(f"c/{number}"), {"a": number % 2, "b": number, "tags": [number]})
    batch.commit()
    return db.collection("c")


def indexes(query):
    summary = query.get(explain_options=PLAN).get_explain_metrics().plan_summary
    return [index["properties"] for index in summary.indexes_used]


def test_the_plan_names_the_index(ten):
    assert indexes(ten) == ["(__name__ ASC)"]
    assert indexes(ten.where(filter=FieldFilter("a", "==", 1))) == ["(a ASC, __name__ ASC)"]
    assert indexes(ten.order_by("b")) == ["(b ASC, __name__ ASC)"]
    assert indexes(ten.order_by("b", direction="DESCENDING")) == ["(b DESC, __name__ DESC)"]
    assert indexes(ten.where(filter=FieldFilter("tags", "array_contains", 1))) == ["(tags ARRAY_CONTAINS, __name__ ASC)"]


def test_every_scan_has_its_own_entry(ten):
    assert len(indexes(ten.where(filter=FieldFilter("a", "in", [0, 1, 2])))) == 3
    assert len(indexes(ten.where(filter=FieldFilter("b", "!=", 3)))) == 2
    assert len(indexes(ten.where(filter=FieldFilter("b", "not-in", [3, 4])))) == 3


def test_a_merge_lists_its_members(ten):
    query = ten.where(filter=FieldFilter("a", "==", 1)).where(filter=FieldFilter("b", "==", 3))
    assert indexes(query) == ["(a ASC, __name__ ASC)", "(b ASC, __name__ ASC)"]


def test_the_scope_of_an_index(db, ten):
    def scope(query):
        return query.get(explain_options=PLAN).get_explain_metrics().plan_summary.indexes_used[0]["query_scope"]

    assert scope(ten) == "Collection"
    assert scope(db.collection_group("c")) == "Collection group"


def test_a_plan_returns_no_documents(ten, api):
    (part,) = api.query(select_from("c"), explain_options={"analyze": False})
    assert not part.document.name
    assert part.explain_metrics.plan_summary.indexes_used
    assert "execution_stats" not in part.explain_metrics


def test_limit_zero_uses_no_index(api):
    (part,) = api.query(select_from("c", limit=0), explain_options={"analyze": False})
    assert list(part.explain_metrics.plan_summary.indexes_used) == []


def test_a_run_is_measured(ten):
    results = ten.where(filter=FieldFilter("a", "==", 1)).get(explain_options=ANALYZE)
    assert len(results) == 5
    stats = results.get_explain_metrics().execution_stats
    assert (stats.results_returned, stats.read_operations) == (5, 5)
    assert stats.execution_duration.total_seconds() > 0
    assert stats.debug_stats["documents_scanned"] == "5"
    assert stats.debug_stats["index_entries_scanned"] == "5"
    assert stats.debug_stats["billing_details"]["documents_billable"] == "5"


def test_the_numbers_come_once_and_last(ten, api):
    parts = api.query(select_from("c"), explain_options={"analyze": True})
    assert len([part for part in parts if part.document.name]) == 10
    assert ["explain_metrics" in part for part in parts].count(True) == 1
    assert "explain_metrics" in parts[-1]


def test_a_limited_run_reads_no_more_than_it_must(ten):
    stats = ten.order_by("b").limit(2).get(explain_options=ANALYZE).get_explain_metrics().execution_stats
    assert int(stats.debug_stats["index_entries_scanned"]) <= 3
    assert int(stats.debug_stats["documents_scanned"]) <= 3


def test_a_query_that_finds_nothing_costs_one_read(ten):
    results = ten.where(filter=FieldFilter("a", "==", "none")).get(explain_options=ANALYZE)
    stats = results.get_explain_metrics().execution_stats
    assert (len(results), stats.read_operations) == (0, 1)
    assert stats.debug_stats["billing_details"]["min_query_cost"] == "1"


def test_counting_reads_keys_only(ten):
    stats = ten.count().get(explain_options=ANALYZE).get_explain_metrics().execution_stats
    assert (stats.results_returned, stats.read_operations) == (1, 1)
    assert stats.debug_stats["documents_scanned"] == "0"
    assert stats.debug_stats["index_entries_scanned"] == "10"
