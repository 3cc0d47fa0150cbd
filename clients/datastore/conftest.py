"""What every test gets: a client whose project nobody else uses, so that tests cannot meet and names stay plain."""

import contextlib
import os
import uuid

import pytest
from google.cloud import datastore

SERVER = os.environ["IRORI_SERVER"]
os.environ["DATASTORE_EMULATOR_HOST"] = SERVER


@pytest.fixture
def server():
    """The server's address as host:port."""
    return SERVER


@pytest.fixture
def project():
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def client(project):
    client = datastore.Client(project=project)
    yield client
    client.close()


@pytest.fixture
def clients(project):
    """Makes further clients of the same project."""
    with contextlib.ExitStack() as open_clients:

        def make(**options):
            client = datastore.Client(project=project, **options)
            open_clients.callback(client.close)
            return client

        yield make


@pytest.fixture
def put(client):
    """Writes an entity of a kind with an id, and answers it."""

    def put(*path, parent=None, exclude=(), **properties):
        key = client.key(*path, parent=parent)
        entity = datastore.Entity(key=key, exclude_from_indexes=tuple(exclude))
        entity.update(properties)
        client.put(entity)
        return entity

    return put
