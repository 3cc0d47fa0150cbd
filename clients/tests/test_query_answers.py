"""What RunQuery puts on the wire: the shape of its answer, message by message."""

import pytest
from raw_api import array, field_filter, integer, select_from, string

NAN = {"double_value": float("nan")}
NULL = {"null_value": 0}


@pytest.fixture
def five(api):
    api.commit(*(api.set(f"c/{number}", {"n": integer(number)}) for number in range(5)))
    return api


def names(parts):
    return [part.document.name.rpartition("/")[2] for part in parts if part.document.name]


def test_every_result_carries_the_same_read_time(five):
    parts = five.query(select_from("c"))
    assert names(parts) == ["0", "1", "2", "3", "4"]
    assert len({part.read_time for part in parts}) == 1
    assert parts[0].read_time is not None


@pytest.mark.parametrize("query", [select_from("none"), select_from("c", limit=0)], ids=["no match", "limit 0"])
def test_no_result_is_one_message_with_a_read_time(five, query):
    (part,) = five.query(query)
    assert part.read_time and not part.document.name


def test_skipped_results_come_first(five):
    parts = five.query(select_from("c", offset=2))
    assert names(parts) == ["2", "3", "4"]
    assert sum(part.skipped_results for part in parts) == 2
    assert not parts[0].document.name and parts[0].skipped_results


def test_when_all_is_skipped_the_number_is_the_real_one(five):
    parts = five.query(select_from("c", offset=50))
    assert (names(parts), sum(part.skipped_results for part in parts)) == ([], 5)


def test_an_empty_projection_returns_everything(five):
    (part,) = five.query(select_from("c", field_filter("n", "EQUAL", integer(3)), select={}))
    assert part.document.fields["n"].integer_value == 3


def test_a_projection_to_the_name_returns_no_field(five):
    names_only = {"fields": [{"field_path": "__name__"}]}
    (part,) = five.query(select_from("c", field_filter("n", "EQUAL", integer(3)), select=names_only))
    assert dict(part.document.fields) == {} and part.document.update_time


def test_maps_come_back_with_sorted_keys_or_not_but_whole(five):
    five.commit(five.set("m/1", {"b": integer(1), "a": integer(2), "é": integer(3)}))
    (part,) = five.query(select_from("m"))
    assert set(part.document.fields) == {"a", "b", "é"}


OPERANDS_THAT_MATCH_NOTHING = {
    "== null": ("EQUAL", NULL),
    "== NaN": ("EQUAL", NAN),
    "!= null": ("NOT_EQUAL", NULL),
    "< NaN": ("LESS_THAN", NAN),
    ">= null": ("GREATER_THAN_OR_EQUAL", NULL),
    "in [null, NaN]": ("IN", array(NULL, NAN)),
    "not-in [null]": ("NOT_IN", array(NULL)),
}


@pytest.mark.parametrize("op, operand", OPERANDS_THAT_MATCH_NOTHING.values(), ids=OPERANDS_THAT_MATCH_NOTHING)
def test_null_and_nan_as_operands_match_nothing(api, op, operand):
    values = {"null": NULL, "nan": NAN, "number": integer(1), "string": string("a")}
    api.commit(*(api.set(f"c/{name}", {"x": value}) for name, value in values.items()))
    assert names(api.query(select_from("c", field_filter("x", op, operand)))) == []


@pytest.mark.parametrize("operand", [NULL, NAN, array(integer(1))], ids=["null", "NaN", "an array"])
def test_array_contains_of_null_nan_or_an_array_matches_nothing(api, operand):
    api.commit(api.set("c/1", {"x": array(NULL, NAN, integer(1))}))
    assert names(api.query(select_from("c", field_filter("x", "ARRAY_CONTAINS", operand)))) == []


def test_unary_operators(api):
    values = {"null": NULL, "nan": NAN, "number": integer(1), "string": string("a")}
    api.commit(*(api.set(f"c/{name}", {"x": value}) for name, value in values.items()), api.set("c/none"))

    def unary(op):
        return names(api.query(select_from("c", {"unary_filter": {"field": {"field_path": "x"}, "op": op}})))

    assert unary("IS_NULL") == ["null"]
    assert unary("IS_NAN") == ["nan"]
    assert unary("IS_NOT_NULL") == ["nan", "number", "string"]
    assert unary("IS_NOT_NAN") == ["number", "string"]


def test_a_query_without_a_collection_meets_all_collections_of_its_parent(api):
    api.commit(api.set("a/1"), api.set("b/2"), api.set("a/1/c/3"))
    direct = {"from_": [{}]}
    below = {"from_": [{"all_descendants": True}]}
    assert names(api.query(direct)) == ["1", "2"]
    assert names(api.query(below)) == ["1", "3", "2"]


def test_where_a_cursor_stands_and_which_side_it_takes(five):
    def window(**bounds):
        return names(five.query(select_from("c", order=[("n", "ASCENDING")], **bounds)))

    def at(number, before):
        return {"values": [integer(number)], "before": before}

    assert window(start_at=at(3, True)) == ["3", "4"]
    assert window(start_at=at(3, False)) == ["4"]
    assert window(end_at=at(1, True)) == ["0"]
    assert window(end_at=at(1, False)) == ["0", "1"]
