"""What every test gets: the SDK, told where the server is, and an app that nobody else uses."""

import os
import pathlib
import sys
import uuid

import pytest

GUESTBOOK = pathlib.Path(__file__).parents[2] / "examples" / "guestbook"
sys.path.insert(0, str(GUESTBOOK))

import serve  # noqa: E402

SERVER = os.environ["IRORI_SERVER"]
serve.use(SERVER, "dev~unset")

from google.appengine.api import full_app_id, memcache  # noqa: E402
from google.appengine.ext import ndb  # noqa: E402
from google.appengine.runtime import default_api_stub, initialize  # noqa: E402

initialize.InitializeThreadingApis()
default_api_stub.Register(default_api_stub.DefaultApiStub())


def use_bridge():
    """To be called in every thread that calls a service."""
    default_api_stub.DefaultApiStub.SetUseRequestSecurityTicketForThread(True)


@pytest.fixture
def project():
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def app(project):
    """The app's id. The cache is one for the whole server, so it is emptied."""
    app = f"dev~{project}"
    full_app_id.put(app)
    use_bridge()
    memcache.flush_all()
    ndb.get_context().clear_cache()
    return app
