"""What tools that start Google's emulator do with it: reset, shut down."""

import requests
from google.cloud import datastore

from own_server import own_server


def test_a_reset_removes_entities_and_what_the_database_was(monkeypatch, project):
    with own_server() as address:
        monkeypatch.setenv("DATASTORE_EMULATOR_HOST", address)
        client = datastore.Client(project=project)
        entity = datastore.Entity(client.key("K", 1))
        client.put(entity)
        answer = requests.post(f"http://{address}/reset", timeout=10)
        assert (answer.status_code, answer.text) == (200, "Resetting...\n")
        assert client.get(entity.key) is None
        assert list(client.query(kind="K").fetch()) == []
        requests.post(f"http://{address}/reset", timeout=10)
        # Whoever comes first says again what it holds.
        documents = f"http://{address}/v1/projects/{project}/databases/(default)/documents"
        assert requests.post(f"{documents}/c?documentId=d", json={}, timeout=10).status_code == 200


def test_it_stops_when_it_is_told_to(monkeypatch):
    with own_server() as address:
        answer = requests.post(f"http://{address}/shutdown", timeout=10)
        assert answer.status_code == 200
