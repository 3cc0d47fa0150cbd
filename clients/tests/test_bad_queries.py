"""Queries that production refuses, each with its text."""

import pytest
from raw_api import array, composite, field_filter, integer, reference, refused, select_from, string

EQ, GT, IN, NE = "EQUAL", "GREATER_THAN", "IN", "NOT_EQUAL"
ANY, NOT_IN, CONTAINS = "ARRAY_CONTAINS_ANY", "NOT_IN", "ARRAY_CONTAINS"


def numbers(count):
    return array(*(integer(number) for number in range(count)))


def is_a(value):
    return field_filter("a", EQ, integer(value))


def order(*paths):
    return [(path, "ASCENDING") for path in paths]


ELEVEN = composite("AND", *(field_filter(f"f{number}", GT, integer(0)) for number in range(11)))
DISJUNCTIONS = composite(
    "AND", field_filter("a", IN, numbers(6)), field_filter("b", IN, numbers(6)), field_filter("c", EQ, integer(1))
)
ONLY_ONE_NEGATION = "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query."
NO_NOT_IN = "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'."

QUERIES = {
    "two collections": (
        {"from_": [{"collection_id": "a"}, {"collection_id": "b"}]},
        "StructuredQuery.from cannot have more than one collection selector.",
    ),
    "a filter without a collection": ({"from_": [{}], "where": is_a(1)}, "kind is required for filter: a"),
    "an order without a collection": (
        {"from_": [{}], "order_by": [{"field": {"field_path": "a"}, "direction": "ASCENDING"}]},
        "kind is required for all orders except __key__ ascending",
    ),
    "a composite without an operator": (
        select_from("c", composite("OPERATOR_UNSPECIFIED", is_a(1))),
        "Unsupported CompositeFilter operator.",
    ),
    "an empty or": (select_from("c", composite("OR")), "Composite filter must have at least one sub-filter."),
    "no operator": (
        select_from("c", field_filter("a", "OPERATOR_UNSPECIFIED", integer(1))),
        "Unknown FieldFilter operator.",
    ),
    "in without an array": (select_from("c", field_filter("a", IN, integer(1))), "'IN' requires an ArrayValue."),
    "in of nothing": (select_from("c", field_filter("a", IN, array())), "'IN' requires an non-empty ArrayValue."),
    "any without an array": (
        select_from("c", field_filter("a", ANY, integer(1))),
        "'ARRAY_CONTAINS_ANY' requires an ArrayValue.",
    ),
    "not-in of nothing": (
        select_from("c", field_filter("a", NOT_IN, array())),
        "'NOT_IN' requires an non-empty ArrayValue.",
    ),
    "in of 31": (select_from("c", field_filter("a", IN, numbers(31))), "'IN' supports up to 30 comparison values."),
    "any of 31": (
        select_from("c", field_filter("a", ANY, numbers(31))),
        "'ARRAY_CONTAINS_ANY' supports up to 30 comparison values.",
    ),
    "not-in of 11": (
        select_from("c", field_filter("a", NOT_IN, numbers(11))),
        "'NOT_IN' supports up to 10 comparison values.",
    ),
    "36 disjunctions": (
        select_from("c", DISJUNCTIONS),
        "Too many disjunctions after normalization. Result had 36 disjunctions which is more than the maximum of 30",
    ),
    "two array-contains": (
        select_from("c", composite("AND", *(field_filter(path, CONTAINS, integer(1)) for path in "ab"))),
        "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.",
    ),
    "two negations": (
        select_from("c", composite("AND", *(field_filter(path, NE, integer(1)) for path in "ab"))),
        ONLY_ONE_NEGATION,
    ),
    "not-in and !=": (
        select_from("c", composite("AND", field_filter("a", NOT_IN, numbers(2)), field_filter("b", NE, integer(1)))),
        ONLY_ONE_NEGATION,
    ),
    "not-in and in": (
        select_from("c", composite("AND", field_filter("a", NOT_IN, numbers(2)), field_filter("b", IN, numbers(2)))),
        NO_NOT_IN,
    ),
    "not-in and or": (
        select_from("c", composite("AND", field_filter("a", NOT_IN, numbers(2)), composite("OR", is_a(1), is_a(2)))),
        NO_NOT_IN,
    ),
    "eleven inequality fields": (select_from("c", ELEVEN), "The query contains 11 distinct inequality fields: […"),
    "more than a hundred parts": (
        select_from("c", composite("AND", *(field_filter("a", GT, integer(number)) for number in range(101)))),
        "The query may not have more than 100 filters + sort orders + ancestor total. Currently there are 101 filters, …",
    ),
    "an order after the name": (
        select_from("c", order=order("__name__", "a")),
        "order by clause cannot contain more fields after the key",
    ),
    "an order twice": (select_from("c", order=order("a", "a")), "order by clause cannot contain duplicate fields a"),
    "the name and a number": (
        select_from("c", field_filter("__name__", EQ, integer(1))),
        "__key__ filter value must be a Key",
    ),
    "array-contains on the name": (
        select_from("c", field_filter("__name__", CONTAINS, integer(1))),
        "the name __key__ is reserved",
    ),
    "a cursor longer than the order": (
        select_from("c", order=order("a"), start_at={"values": [integer(1), integer(2)]}),
        "Cursor has too many values.",
    ),
    "a name cursor that is no reference": (
        select_from("c", order=order("__name__"), start_at={"values": [string("d")]}),
        "Cursor __key__ value is not a document reference.",
    ),
    "a slash in the collection": (
        select_from("a/b"),
        'Collection id "a/b" is invalid because it contains "/".',
    ),
    "a reserved collection": (select_from("__a__"), 'Collection id "__a__" is invalid because it is reserved.'),
    "a collection too long": (select_from("x" * 1501), "The query kind is longer than 1500 bytes."),
    "a negative limit": (select_from("c", limit=-1), "limit is negative"),
    "a negative offset": (select_from("c", offset=-1), "offset is negative"),
    "a bad path": (
        select_from("c", field_filter("a..b", EQ, integer(1))),
        'Invalid property path "a..b". Unquoted property paths must match regex…',
    ),
    "an empty path": (
        select_from("c", field_filter("", EQ, integer(1))),
        "Invalid empty property path string.",
    ),
    "a path too long": (
        select_from("c", field_filter("x" * 1501, EQ, integer(1))),
        "property path is longer than 1500 bytes.",
    ),
}


@pytest.mark.parametrize("query, text", QUERIES.values(), ids=QUERIES.keys())
def test_refused(api, query, text):
    refused("INVALID_ARGUMENT", text, api.query, query)


def test_a_filter_on_a_name_in_another_database(api):
    other = api.database.replace("(default)", "other")
    name = reference(f"{other}/documents/c/d")
    text = f"The request was for database '{api.database}' but was attempting to access database '{other}'…"
    refused("INVALID_ARGUMENT", text, api.query, select_from("c", field_filter("__name__", EQ, name)))


def test_a_name_cursor_at_a_collection(api):
    name = api.name("c")
    query = select_from("c", order=order("__name__"), start_at={"values": [reference(name)]})
    text = f'Document parent name "{name}" lacks "/" at index {len(name)}.'
    refused("INVALID_ARGUMENT", text, api.query, query)


def test_no_query_at_all(api):
    refused("INVALID_ARGUMENT", "only structured queries are supported", api.call, "run_query", parent=api.root)


def test_what_is_just_allowed(api):
    for query in (
        select_from("c", composite("AND")),
        select_from("c", field_filter("a", IN, numbers(30))),
        select_from("c", field_filter("a", NOT_IN, numbers(10))),
        select_from("c", composite("AND", field_filter("a", IN, numbers(5)), field_filter("b", IN, numbers(6)))),
        select_from("c", field_filter("__name__", EQ, reference(api.name("elsewhere/d")))),
    ):
        (part,) = api.query(query)
        assert not part.document.name
