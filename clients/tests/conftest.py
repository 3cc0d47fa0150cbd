"""What every test gets: a client whose project nobody else uses, so that tests cannot meet and names stay plain."""

import os
import pathlib
import sys
import uuid

import pytest
from google.cloud import firestore

pytest.register_assert_rewrite("raw_api")
from raw_api import RawApi  # noqa: E402

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

SERVER = os.environ["IRORI_SERVER"]
os.environ["FIRESTORE_EMULATOR_HOST"] = SERVER


def pytest_addoption(parser):
    parser.addoption("--full-sale", action="store_true", help="hold the reservation sale with all its 10,000 units")


@pytest.fixture
def project():
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def db(project):
    client = firestore.Client(project=project)
    yield client
    client.close()


@pytest.fixture
async def async_db(project):
    client = firestore.AsyncClient(project=project)
    yield client
    client.close()


@pytest.fixture
def api(db):
    return RawApi(db)


@pytest.fixture
def server():
    """The server's address as host:port."""
    return SERVER
