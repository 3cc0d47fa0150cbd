"""The asynchronous client: the same server, many calls at once on one connection."""

import asyncio

from google.api_core.exceptions import Aborted
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from racing import gave_up


async def test_documents(async_db):
    document = async_db.document("c/d")
    await document.create({"a": 1, "m": {"b": [1, None]}})
    await document.update({"m.b": firestore.ArrayUnion([2])})
    assert (await document.get()).to_dict() == {"a": 1, "m": {"b": [1, None, 2]}}
    await document.delete()
    assert not (await document.get()).exists


async def test_two_hundred_calls_at_once(async_db):
    documents = [async_db.document(f"c/{number}") for number in range(200)]
    await asyncio.gather(*(document.set({"n": number}) for number, document in enumerate(documents)))
    snapshots = await asyncio.gather(*(document.get() for document in documents))
    assert [snapshot.get("n") for snapshot in snapshots] == list(range(200))


async def test_queries_and_aggregations(async_db):
    batch = async_db.batch()
    for number in range(20):
        batch.set(async_db.document(f"c/{number:02}"), {"n": number})
    await batch.commit()
    query = async_db.collection("c").where(filter=FieldFilter("n", ">=", 15)).order_by("n", direction="DESCENDING")
    assert [snapshot.get("n") async for snapshot in query.stream()] == [19, 18, 17, 16, 15]
    ((count,),) = await query.count().get()
    assert count.value == 5
    assert [document.id async for document in async_db.collection("c").list_documents(page_size=7)][-1] == "19"
    assert [collection.id async for collection in async_db.collections()] == ["c"]
    found = [snapshot.exists async for snapshot in async_db.get_all([async_db.document("c/00"), async_db.document("c/x")])]
    assert sorted(found) == [False, True]


async def test_increments_of_one_document_at_once(async_db):
    counter = async_db.document("c/counter")
    await asyncio.gather(*(counter.set({"n": firestore.Increment(1)}, merge=True) for _ in range(300)))
    assert (await counter.get()).get("n") == 300


async def test_racing_transactions_lose_nothing(async_db):
    counter = async_db.document("c/counter")
    await counter.set({"n": 0})

    @firestore.async_transactional
    async def body(transaction):
        number = (await counter.get(transaction=transaction)).get("n")
        transaction.update(counter, {"n": number + 1})

    async def increment():
        while True:
            try:
                return await body(async_db.transaction())
            except (Aborted, ValueError) as error:
                if isinstance(error, ValueError) and not gave_up(error):
                    raise

    await asyncio.gather(*(increment() for _ in range(50)))
    assert (await counter.get()).get("n") == 50


async def test_recursive_delete(async_db):
    for path in ("c/1", "c/1/d/2", "e/3"):
        await async_db.document(path).set({})
    await async_db.recursive_delete(async_db.collection("c"))
    assert [collection.id async for collection in async_db.collections()] == ["e"]
