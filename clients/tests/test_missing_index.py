"""Queries without the index they need: production's error, and a link that names the index."""

import base64

import pytest
from raw_api import composite, field_filter, integer, refused, select_from
from google.api_core.exceptions import FailedPrecondition

BOTH = composite("AND", field_filter("x", "EQUAL", integer(1)), field_filter("y", "GREATER_THAN", integer(1)))


def link_of(call, *args, **kwargs):
    with pytest.raises(FailedPrecondition) as caught:
        call(*args, **kwargs)
    text, _, link = caught.value.message.partition("https://")
    return text, link


def test_a_composite_index_is_asked_for_with_a_link(api, project):
    text, link = link_of(api.query, select_from("unindexed", BOTH))
    assert text == "The query requires an index. You can create it here: "
    start = f"console.firebase.google.com/v1/r/project/{project}/firestore/indexes?create_composite="
    assert link.startswith(start)
    blob = base64.urlsafe_b64decode(link[len(start) :].split()[0] + "===")
    name = f"projects/{project}/databases/(default)/collectionGroups/unindexed/indexes/_".encode()
    assert blob == message(1, name) + b"\x10\x01" + field(b"x") + field(b"y") + field(b"__name__")


def message(number, content):
    """A length-delimited protobuf field (contents here are shorter than 128 bytes)."""
    return bytes([number << 3 | 2, len(content)]) + content


def field(path):
    ascending = b"\x10\x01"
    return message(3, message(1, path) + ascending)


def test_several_inequalities_get_advice_too(api):
    two = composite("AND", field_filter("x", "GREATER_THAN", integer(1)), field_filter("y", "GREATER_THAN", integer(1)))
    _, link = link_of(api.query, select_from("unindexed", two))
    _, _, advice = link.partition(" ")
    assert advice == (
        ".\nThe query contains range and inequality filters on multiple fields, please refer to the documentation for "
        "index selection best practices: https://cloud.google.com/firestore/docs/query-data/multiple-range-fields."
    )


def test_a_group_needs_a_field_exemption(api, project):
    query = {
        "from_": [{"collection_id": "unindexed", "all_descendants": True}],
        "where": field_filter("x", "EQUAL", integer(1)),
    }
    text, link = link_of(api.query, query)
    assert text == (
        "The query requires a COLLECTION_GROUP_ASC index for collection unindexed and field x. "
        "You can create it here: "
    )
    assert link.startswith(f"console.firebase.google.com/v1/r/project/{project}/firestore/indexes?create_exemption=")


def test_a_named_database_has_its_own_page(project):
    from google.cloud import firestore
    from raw_api import RawApi

    api = RawApi(firestore.Client(project=project, database="named"))
    _, link = link_of(api.query, select_from("unindexed", BOTH))
    start = f"console.firebase.google.com/v1/r/project/{project}/firestore/databases/named/indexes?create_composite="
    assert link.startswith(start)


def test_a_vector_search_without_its_index(api, project):
    from raw_api import vector

    nearest = {
        "vector_field": {"field_path": "v"},
        "query_vector": vector(1.0, 0.0),
        "distance_measure": "EUCLIDEAN",
        "limit": 1,
    }
    text = (
        "Missing vector index configuration. Please create the required index with the following gcloud command: "
        f"gcloud firestore indexes composite create --project={project} --collection-group=unindexed "
        '--query-scope=COLLECTION --field-config=vector-config=\'{"dimension":"2","flat": "{}"}\',field-path=v'
    )
    refused("FAILED_PRECONDITION", text, api.query, select_from("unindexed", find_nearest=nearest))


def test_a_plan_without_an_index(api):
    refused(
        "FAILED_PRECONDITION",
        "no matching index found.",
        api.query,
        select_from("unindexed", BOTH),
        explain_options={"analyze": False},
    )


def test_a_field_that_is_exempted_finds_nothing_without_an_index(api):
    api.commit(api.set("exempt/1", {"text": integer(1)}))
    text, _ = link_of(api.query, select_from("exempt", field_filter("text", "EQUAL", integer(1))))
    assert text == "The query requires a COLLECTION_ASC index for collection exempt and field text. You can create it here: "


def test_an_or_needs_an_index_for_each_arm(api):
    either = composite("OR", BOTH, field_filter("z", "EQUAL", integer(1)))
    with pytest.raises(FailedPrecondition):
        api.query(select_from("unindexed", either))
