"""`irori sync` beside the loop of examples/incremental_sync.py: what the loop sees and misses, and what the tool has."""

import datetime
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from google.cloud import firestore
from incremental_sync import Settings, Sync

QUICK = Settings(interval=0.02, margin=2.0, first_delay=0.01)
# One more and one less is the same number, so names are compared often here.
POLL = ("--strategy", "poll", "--interval", "20ms", "--margin", "2s", "--scan-every", "200ms")


class Tool:
    """The program, with a cache of its own."""

    def __init__(self, server, project, cache):
        program = os.environ["IRORI_PROGRAM"]
        self.command = [program, "sync", "--from", f"http://{server}", "--project", project, "--collection", "events"]
        self.command += ["--into", str(cache)]
        self.cache = cache
        self.running = []

    def once(self, *more):
        return subprocess.run([*self.command, "--once", *more], check=True, capture_output=True, text=True, timeout=60)

    def start(self, *more):
        self.running.append(subprocess.Popen([*self.command, *more], stderr=subprocess.DEVNULL))
        return self.running[-1]

    def end(self):
        for process in self.running:
            process.kill()
            process.wait()

    def documents(self):
        """Id and fields, as any tool reads them."""
        with sqlite3.connect(self.cache) as connection:
            rows = connection.execute("SELECT name, fields FROM documents").fetchall()
        return {name.removeprefix("events/"): json.loads(fields) for name, fields in rows}

    def comes_to(self, ids):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if sorted(self.documents()) == sorted(ids):
                return
            time.sleep(0.02)
        assert sorted(self.documents()) == sorted(ids)


@pytest.fixture
def tool(server, project, tmp_path):
    tool = Tool(server, project, tmp_path / "events.db")
    yield tool
    tool.end()


def event(db, name, at=firestore.SERVER_TIMESTAMP, **fields):
    db.collection("events").document(name).set({"created_at": at, **fields})


@pytest.mark.parametrize("strategy", [(), ("--strategy", "poll")])
def test_a_copy_has_every_type_as_the_interface_writes_it(db, tool, strategy):
    now = datetime.datetime(2026, 11, 21, 20, 15, 0, 500000, tzinfo=datetime.timezone.utc)
    event(db, "a", now, n=1, f=0.5, b=b"\xff", g=firestore.GeoPoint(1, 2), m={"k": [None, True]}, r=db.document("c/d"))
    tool.once(*strategy)
    fields = tool.documents()["a"]
    assert fields["created_at"] == {"timestampValue": "2026-11-21T20:15:00.500000Z"}
    assert fields["n"] == {"integerValue": "1"} and fields["f"] == {"doubleValue": 0.5}
    assert fields["b"] == {"bytesValue": "/w=="} and fields["g"] == {"geoPointValue": {"latitude": 1, "longitude": 2}}
    assert fields["m"]["mapValue"]["fields"]["k"]["arrayValue"]["values"] == [{"nullValue": None}, {"booleanValue": True}]
    assert fields["r"]["referenceValue"].endswith("/documents/c/d")


@pytest.mark.parametrize("strategy", [(), POLL])
def test_it_sees_what_the_loop_sees_and_what_it_misses(db, tool, strategy):
    now = datetime.datetime.now(datetime.timezone.utc)
    for name in ("kept", "deleted"):
        event(db, name, now - datetime.timedelta(minutes=1))
    loop = Sync(db.collection("events"), QUICK)
    loop.round()
    tool.once(*strategy)
    running = tool.start(*strategy)
    event(db, "new")
    event(db, "far too late", now - datetime.timedelta(hours=1))
    db.document("events/deleted").delete()
    tool.comes_to(["kept", "new", "far too late"])
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 0
    loop.round()
    assert sorted(loop.cache.documents) == ["deleted", "kept", "new"]
    assert loop.check_integrity() == (["far too late"], ["deleted"])


def test_changes_go_on_to_the_next_program(db, tool):
    event(db, "a")
    first = [json.loads(line) for line in tool.once("--jsonl", "-").stdout.splitlines()]
    db.document("events/a").delete()
    second = [json.loads(line) for line in tool.once("--jsonl", "-").stdout.splitlines()]
    assert [(change["number"], change["type"], change["name"]) for change in first + second] == [
        (1, "set", "events/a"),
        (2, "delete", "events/a"),
    ]
