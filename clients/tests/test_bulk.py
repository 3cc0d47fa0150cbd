"""Many writes: BatchWrite, the BulkWriter on top of it, and recursive deletes."""

from google.cloud.firestore_v1.bulk_writer import BulkWriterOptions, SendMode
from raw_api import integer, refused, select_from

OK, NOT_FOUND, ALREADY_EXISTS, INVALID_ARGUMENT = 0, 5, 6, 3


def test_each_write_stands_for_itself(api):
    api.commit(api.set("c/there"))
    answer = api.batch_write(
        api.set("c/a", {"n": integer(1)}),
        api.set("c/there", current_document={"exists": False}),
        api.set("c/missing", current_document={"exists": True}),
        api.delete("c/b"),
    )
    assert [status.code for status in answer.status] == [OK, ALREADY_EXISTS, NOT_FOUND, OK]
    assert answer.status[1].message == f"Document already exists: {api.name('c/there')}"
    assert len(answer.write_results) == 4
    assert answer.write_results[0].update_time and not answer.write_results[1].update_time
    assert [part.document.name for part in api.query(select_from("c"))] == [api.name("c/a"), api.name("c/there")]


def test_an_invalid_write_fails_alone(api):
    answer = api.batch_write(api.set("c/bad", {"__bad__": integer(1)}), api.set("c/good"))
    assert [status.code for status in answer.status] == [INVALID_ARGUMENT, OK]
    assert answer.status[0].message == "field name __bad__ is reserved"


def test_transforms_and_preconditions_in_a_batch(api):
    increment = {"field_path": "n", "increment": integer(2)}
    answer = api.batch_write(api.set("c/a", {}, update_transforms=[increment], update_mask={}))
    assert answer.write_results[0].transform_results[0].integer_value == 2


def test_an_empty_batch(api):
    answer = api.batch_write()
    assert (list(answer.write_results), list(answer.status)) == ([], [])


def test_the_same_document_twice_is_refused_whole(api):
    text = "the same document cannot be written more than once in a single request"
    refused("INVALID_ARGUMENT", text, api.batch_write, api.set("c/a"), api.set("c/b"), api.delete("c/a"))
    assert not api.query(select_from("c"))[0].document.name


def test_bulk_writer_writes_everything(db):
    writer = db.bulk_writer()
    for number in range(300):
        writer.create(db.document(f"c/{number:03}"), {"n": number})
    writer.close()
    assert [snapshot.get("n") for snapshot in db.collection("c").order_by("n").stream()] == list(range(300))


def test_bulk_writer_one_batch_after_the_other(db):
    writer = db.bulk_writer(options=BulkWriterOptions(mode=SendMode.serial))
    for number in range(50):
        writer.set(db.document(f"c/{number}"), {"n": number})
    writer.flush()
    for number in range(0, 50, 2):
        writer.delete(db.document(f"c/{number}"))
    for number in range(1, 50, 2):
        writer.update(db.document(f"c/{number}"), {"n": -number})
    writer.close()
    left = sorted(snapshot.get("n") for snapshot in db.collection("c").stream())
    assert left == sorted(-number for number in range(1, 50, 2))


def test_bulk_writer_reports_the_write_that_failed(db):
    db.document("c/there").set({})
    failures = []
    writer = db.bulk_writer()
    writer.on_write_error(lambda error, _: failures.append((error.code, error.operation.reference.id)) and False)
    writer.create(db.document("c/there"), {"n": 1})
    writer.create(db.document("c/new"), {"n": 1})
    writer.close()
    assert failures == [(ALREADY_EXISTS, "there")]
    assert db.document("c/new").get().exists


def test_recursive_delete_takes_what_is_below(db):
    for path in ("c/1", "c/1/d/2", "c/1/d/2/e/3", "c/missing/d/4", "other/5", "cc/6"):
        db.document(path).set({"n": 1})
    db.recursive_delete(db.collection("c"))
    assert sorted(collection.id for collection in db.collections()) == ["cc", "other"]
    db.document("c/1/d/2").set({})
    db.document("c/2").set({})
    db.recursive_delete(db.document("c/1"))
    assert [document.id for document in db.collection("c").list_documents()] == ["2"]


def test_a_commit_of_many_writes(db):
    batch = db.batch()
    for number in range(2000):
        batch.set(db.document(f"c/{number}"), {"n": number})
    results = batch.commit()
    assert len({result.update_time for result in results}) == 1
    ((count,),) = db.collection("c").count().get()
    assert count.value == 2000
