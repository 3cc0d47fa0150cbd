"""Names, paths and values that production refuses, each with its code and text."""

import pytest
from raw_api import array, integer, mapping, refused, string

NAMES = {
    "a collection": ("c", lambda name: f'Document name "{name}" lacks "/" at index {len(name)}.'),
    "a collection below a document": ("c/d/e", lambda name: f'Document name "{name}" lacks "/" at index {len(name)}.'),
    "a slash at the end": ("c/d/", lambda name: f'Document name "{name}" has invalid trailing "/".'),
    "a reserved document id": ("c/__x__", lambda name: 'Resource id "__x__" is invalid because it is reserved.'),
    "a reserved collection id": ("__c__/x", lambda name: 'Collection id "__c__" is invalid because it is reserved.'),
    "two dots": ("c/..", lambda name: f'Document name "{name}" contains a resource id ".." at index …'),
    "one dot": ("c/.", lambda name: f'Document name "{name}" contains a resource id "." at index …'),
    "an empty id": ("c//d/e", lambda name: f'…name "{name}" lacks a resource id at index …'),
}


@pytest.mark.parametrize("path, text", NAMES.values(), ids=NAMES.keys())
def test_bad_document_name(api, path, text):
    name = api.name(path)
    refused("INVALID_ARGUMENT", text(name), api.get, name)
    refused("INVALID_ARGUMENT", text(name), api.commit, {"update": {"name": name}})


def test_names_that_begin_wrong(api):
    refused("INVALID_ARGUMENT", 'Document name "" lacks "projects" at index 0.', api.get, "")
    name = "not/a/valid/name"
    refused("INVALID_ARGUMENT", f'Document name "{name}" lacks "projects" at index 0.', api.get, name)


def test_an_id_has_at_most_1500_bytes(api):
    refused("INVALID_ARGUMENT", "The key path element name is longer than 1500 bytes.", api.commit, api.set("c/" + "x" * 1501))
    api.commit(api.set("c/" + "x" * 1500), api.set("x" * 1500 + "/d"))


def test_a_document_of_another_database(api):
    name = api.name("c/d").replace("(default)", "other")
    text = f'Document "{name}" is not in database "{api.database}".'
    refused("INVALID_ARGUMENT", text, api.commit, {"update": {"name": name}})


def test_a_parent_that_is_a_collection(api):
    name = api.name("c")
    text = f'Document parent name "{name}" lacks "/" at index {len(name)}.'
    refused("INVALID_ARGUMENT", text, api.query, {"from_": [{"collection_id": "d"}]}, parent=name)


def deep(levels):
    value = integer(1)
    for _ in range(levels):
        value = mapping(a=value)
    return value


LONG = "x" * 1501
FIELDS = {
    "an empty name": ({"": integer(1)}, "The property.name is the empty string."),
    "a name too long": ({LONG: integer(1)}, "The property.name is longer than 1500 bytes."),
    "a reserved name": ({"__id__": integer(1)}, "field name __id__ is reserved"),
    "a reserved name in a map": ({"m": mapping(__x__=integer(1))}, "field name '__x__' is reserved."),
    "a reserved name in a map in an array": ({"l": array(mapping(__x__=integer(1)))}, "field name '__x__' is reserved."),
    "a value without a type": ({"a": {}}, "Cannot convert firestore.v1.Value with type unset."),
    "an array in an array": ({"a": array(array(integer(1)))}, "Cannot convert an array value in an array value."),
    "a latitude": (
        {"a": {"geo_point_value": {"latitude": 91.0}}},
        "Geo point latitude '91.0' outside permitted range -90.0 to 90.0.",
    ),
    "a longitude": (
        {"a": {"geo_point_value": {"longitude": -181.0}}},
        "Geo point longitude '-181.0' outside permitted range -180.0 to 180.0.",
    ),
    "21 levels": ({"a": deep(21)}, "Property a contains an invalid nested entity."),
    "a string too long": ({"blob": string("x" * 1_048_488)}, "The value of property \"blob\" is longer than 1048487 bytes."),
    "bytes too long": (
        {"blob": {"bytes_value": b"x" * 1_048_488}},
        "The value of property \"blob\" is longer than 1048487 bytes.",
    ),
}


@pytest.mark.parametrize("fields, text", FIELDS.values(), ids=FIELDS.keys())
def test_bad_field(api, fields, text):
    refused("INVALID_ARGUMENT", text, api.commit, api.set("c/d", fields))


def test_what_is_just_allowed(api):
    api.commit(api.set("c/d", {"x" * 1500: integer(1), "a": deep(20), "__x": integer(1), "x__": integer(1)}))


def test_a_document_too_large(api):
    name = api.name("c/d")
    fields = {f"f{number}": string("x" * 1_000) for number in range(1_100)}
    text = f"Document '{name}' cannot be written because its size (…"
    refused("INVALID_ARGUMENT", text, api.commit, api.set("c/d", fields))
    almost = {f"f{number}": string("x" * 1_000) for number in range(1_030)}
    api.commit(api.set("c/d", almost))


def test_the_size_that_is_reported(api):
    # 16 for the name and 2 for each of its ids, 5 for the field's name, 1 more for the string's end, 32 for the document.
    size = (16 + 2 + 2) + 5 + 1_000_001 + 5 + 50_001 + 32
    fields = {"one_": string("x" * 1_000_000), "two_": string("x" * 50_000)}
    text = (
        f"Document '{api.name('c/d')}' cannot be written because its size ({size:,} bytes) exceeds the maximum "
        "allowed size of 1,048,576 bytes."
    )
    refused("INVALID_ARGUMENT", text, api.commit, api.set("c/d", fields))


def test_index_entries_of_one_document(api):
    api.commit(api.set("c/d", {"a": array(*(integer(number) for number in range(19_999)))}))
    over = {"a": array(*(integer(number) for number in range(20_000)))}
    refused("INVALID_ARGUMENT", "…", api.commit, api.set("c/d", over))


WRITES = {
    "nothing in it": ({}, "empty write operation"),
    "a delete with a mask": (
        {"delete": "c/d", "update_mask": {"field_paths": ["a"]}},
        "a delete must not specify a document mask.",
    ),
    "a delete with a transform": (
        {"delete": "c/d", "update_transforms": [{"field_path": "a", "increment": integer(1)}]},
        "a delete must not specify a update transform.",
    ),
}


@pytest.mark.parametrize("write, text", WRITES.values(), ids=WRITES.keys())
def test_bad_write(api, write, text):
    if "delete" in write:
        write = {**write, "delete": api.name(write["delete"])}
    refused("INVALID_ARGUMENT", text, api.commit, write)


def test_bad_field_paths(api):
    write = api.set("c/d", {}, update_mask={"field_paths": [""]})
    refused("INVALID_ARGUMENT", "Invalid empty property path string.", api.commit, write)
    write = api.set("c/d", {}, update_mask={"field_paths": ["a..b"]})
    text = 'Invalid property path "a..b". Unquoted property paths must match regex ([a-zA-Z_][a-zA-Z_0-9]*), and quoted…'
    refused("INVALID_ARGUMENT", text, api.commit, write)


def test_a_mask_with_a_path_and_its_parent(api):
    write = api.set("c/d", {"a": mapping(b=integer(1))}, update_mask={"field_paths": ["a", "a.b"]})
    refused("INVALID_ARGUMENT", "…", api.commit, write)
