"""ListDocuments and ListCollectionIds: missing parents, masks, pages and order."""

import pytest
from google.api_core.exceptions import GoogleAPICallError
from raw_api import integer, refused


@pytest.fixture
def tree(api):
    api.commit(
        api.set("c/1", {"n": integer(3), "m": integer(1)}),
        api.set("c/2", {"n": integer(2)}),
        api.set("c/3", {"n": integer(1)}),
        api.set("c/missing/d/x"),
        api.set("c/deep/d/x/e/y"),
        api.set("c/1/d/z"),
        api.set("other/1"),
    )
    return api


def listed(api, collection="c", parent="", **rest):
    parent = api.name(parent) if parent else api.root
    pager = api.call("list_documents", parent=parent, collection_id=collection, **rest)
    return list(pager)


def ids(documents):
    return [document.name.rpartition("/")[2] for document in documents]


def test_existing_documents_in_name_order(tree):
    assert ids(listed(tree)) == ["1", "2", "3"]


def test_missing_parents_are_shown_without_times(tree):
    documents = listed(tree, show_missing=True)
    assert ids(documents) == ["1", "2", "3", "deep", "missing"]
    assert [bool(document.create_time) for document in documents] == [True, True, True, False, False]
    assert dict(documents[-1].fields) == {}


def test_the_client_lists_references_with_missing_ones(tree, db):
    assert [document.id for document in db.collection("c").list_documents()] == ["1", "2", "3", "deep", "missing"]
    assert [document.id for document in db.collection("c/deep/d").list_documents()] == ["x"]
    assert list(db.collection("nothing").list_documents()) == []


def test_pages(tree, api, db):
    first = api.stub.list_documents(
        request={"parent": api.root, "collection_id": "c", "page_size": 2}, metadata=db._rpc_metadata
    )
    pages = [ids(page.documents) for page in first.pages]
    assert pages in ([["1", "2"], ["3"]], [["1", "2"], ["3"], []])
    assert ids(listed(tree, page_size=1, show_missing=True)) == ["1", "2", "3", "deep", "missing"]


def test_a_mask(tree):
    document = listed(tree, mask={"field_paths": ["m"]})[0]
    assert set(document.fields) == {"m"}


def test_order(tree):
    assert ids(listed(tree, order_by="n")) == ["3", "2", "1"]
    assert ids(listed(tree, order_by="n desc, __name__ desc")) == ["1", "2", "3"]
    assert ids(listed(tree, order_by="__name__ desc")) == ["3", "2", "1"]


def test_what_a_list_refuses(tree):
    refused("INVALID_ARGUMENT", "Page size must be nonnegative.", listed, tree, page_size=-1)
    refused("INVALID_ARGUMENT", 'Invalid order by clause "a sideways".', listed, tree, order_by="a sideways")
    with pytest.raises(GoogleAPICallError):
        listed(tree, page_token="not a token")


def test_every_collection_of_a_parent(tree):
    assert sorted(ids(listed(tree, collection=""))) == ["1", "1", "2", "3"]


def test_collections(tree, db):
    assert [collection.id for collection in db.collections()] == ["c", "other"]
    assert [collection.id for collection in db.document("c/1").collections()] == ["d"]
    assert [collection.id for collection in db.document("c/missing").collections()] == ["d"]
    assert [collection.id for collection in db.document("c/deep/d/x").collections()] == ["e"]
    assert list(db.document("c/2").collections()) == []


def test_a_collection_goes_with_its_last_document(tree, db):
    db.document("other/1").delete()
    assert [collection.id for collection in db.collections()] == ["c"]


def test_collection_pages(tree, api):
    for number in range(7):
        api.commit(api.set(f"k{number}/x"))
    found = list(api.call("list_collection_ids", parent=api.root, page_size=2))
    assert found == ["c", *(f"k{number}" for number in range(7)), "other"]
