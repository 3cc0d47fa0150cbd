"""What the server answers beside the Firestore API: health, reflection, and the emulator's own addresses."""

import urllib.request

import grpc
import pytest
from google.cloud import firestore


def http(server, path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(f"http://{server}{path}", method=method), timeout=30) as answer:
        return answer.status, answer.read().decode().strip()


def test_the_root_says_ok(server):
    assert http(server, "/") == (200, "Ok")


def test_clearing_a_database_leaves_the_others(server, db, project):
    other = firestore.Client(project=project, database="other")
    for client in (db, other):
        for path in ("c/1", "c/1/d/2", "e/3"):
            client.document(path).set({"n": 1})
    status, _ = http(server, f"/emulator/v1/projects/{project}/databases/(default)/documents", "DELETE")
    assert status == 200
    assert list(db.collections()) == []
    assert list(db.collection("c").where(filter=firestore.FieldFilter("n", "==", 1)).stream()) == []
    assert other.document("c/1").get().exists
    db.document("c/1").create({"n": 2})
    assert db.document("c/1").get().to_dict() == {"n": 2}


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server) as channel:
        yield channel


def test_health(channel):
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    serving = b"\x08\x01"
    assert check(b"", timeout=30) == serving


def test_reflection_lists_the_service(channel):
    info = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    list_services = b"\x3a\x00"
    answers = list(info(iter([list_services]), timeout=30))
    assert b"google.firestore.v1.Firestore" in b"".join(answers)


def test_a_method_that_does_not_exist(channel):
    call = channel.unary_unary("/google.firestore.v1.Firestore/NoSuchMethod")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=30)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_bytes_that_are_no_message_are_refused_and_the_server_lives_on(channel, db):
    for method in ("GetDocument", "Commit", "BatchWrite", "BeginTransaction"):
        call = channel.unary_unary(f"/google.firestore.v1.Firestore/{method}")
        for junk in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x7f", b"\x0a\x05ab"):
            with pytest.raises(grpc.RpcError) as caught:
                call(junk, timeout=30)
            assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
    db.document("c/d").set({})


def test_a_value_nested_ten_thousand_deep_is_refused(channel, api):
    value = b""
    for _ in range(10_000):
        value = wrapped(9, wrapped(1, value))
    field = wrapped(1, b"a") + wrapped(2, value)
    document = wrapped(1, api.name("c/d").encode()) + wrapped(2, field)
    commit = wrapped(1, api.database.encode()) + wrapped(2, wrapped(1, document))
    call = channel.unary_unary("/google.firestore.v1.Firestore/Commit")
    with pytest.raises(grpc.RpcError) as caught:
        call(commit, timeout=60)
    assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)


def wrapped(number, content):
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def test_a_request_of_more_than_ten_mebibytes_is_refused(api):
    from raw_api import refused, string

    fields = {"a": string("x" * 1_000_000)}
    writes = [api.set(f"c/{number}", fields) for number in range(12)]
    with pytest.raises(Exception) as caught:
        api.commit(*writes)
    assert caught.value.grpc_status_code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    refused("NOT_FOUND", "…", api.get, api.name("c/0"))
