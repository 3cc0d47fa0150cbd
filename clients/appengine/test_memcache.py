"""The cache, by the SDK's own client."""

from google.appengine.api import memcache


def test_values_keep_their_types():
    values = {"bytes": b"\x00\xff", "text": "é", "number": 7, "bool": True, "list": [1, "a"], "none": None}
    assert memcache.set_multi(values) == []
    assert memcache.get_multi(values) == values
    assert memcache.get("missing") is None


def test_add_replace_delete():
    assert memcache.add("k", 1) and not memcache.add("k", 2)
    assert memcache.replace("k", 3) and memcache.get("k") == 3
    assert memcache.delete("k") == memcache.DELETE_SUCCESSFUL
    assert memcache.delete("k") == memcache.DELETE_ITEM_MISSING
    assert not memcache.replace("k", 4) and memcache.get("k") is None


def test_a_deleted_key_can_be_locked():
    memcache.set("k", 1)
    memcache.delete("k", seconds=60)
    assert not memcache.add("k", 2)
    assert memcache.set("k", 3) and memcache.get("k") == 3


def test_compare_and_set():
    client, other = memcache.Client(), memcache.Client()
    client.set("k", "old")
    assert client.gets("k") == "old" and other.gets("k") == "old"
    assert client.cas("k", "new")
    assert not other.cas("k", "late")
    assert memcache.get("k") == "new"


def test_increments():
    assert memcache.incr("n") is None
    assert memcache.incr("n", initial_value=10) == 11
    assert memcache.incr("n", delta=5) == 16
    assert memcache.decr("n", delta=100) == 0
    assert memcache.get("n") == 0
    assert memcache.offset_multi({"n": 3, "m": -1}, initial_value=5) == {"n": 3, "m": 4}
    assert memcache.incr("n", delta=2**64 - 1) == 2


def test_namespaces_are_apart():
    memcache.set("k", 1, namespace="a")
    assert memcache.get("k") is None
    assert memcache.get("k", namespace="b") is None
    assert memcache.get("k", namespace="a") == 1


def test_long_keys_and_large_values():
    value = "x" * 900_000
    assert memcache.set("k" * 1000, value)
    assert memcache.get("k" * 1000) == value


def test_stats_and_flush():
    memcache.set("k", b"value")
    memcache.get("k")
    memcache.get("missing")
    stats = memcache.get_stats()
    assert (stats["hits"], stats["misses"], stats["items"], stats["bytes"]) == (1, 1, 1, 6)
    assert memcache.flush_all()
    assert memcache.get("k") is None
