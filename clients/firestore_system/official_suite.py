"""A pytest plugin that runs the official client's own system tests, unmodified, against a local server.

The test files decide at import whether they talk to an emulator (`FIRESTORE_EMULATOR_HOST` is set) and then
skip what Google's emulator cannot do. We want all of it: so the variable is absent while the files are
imported and collected, and is set just before the first test runs, when the client reads it to find its
server. Default credentials are anonymous ones, and the documents that the vector tests expect are written first.

`known.toml` beside this file names each test that cannot pass yet, with the reason; its head says what the
kinds mean. Listed tests still run: one that passes is an error, so the list can only shrink.
"""

import contextlib
import os
import pathlib
import tomllib

import google.auth
import pytest
from google.api_core.exceptions import MethodNotImplemented
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore_v1.base_client import _FIRESTORE_EMULATOR_HOST

KNOWN_FILE = pathlib.Path(__file__).parent / "known.toml"
KINDS = {"fails", "pipeline-check", "skipped-by-the-file"}
SERVER_VARIABLE = "IRORI_SERVER"
PROJECT = "irori-system-tests"
# A test that must fail may wait for an event that never comes (a listener without a server side): this long.
EXPECTED_FAILURE_SECONDS = 5


class Known:
    """The list of tests that cannot pass: name -> (kind, reason)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            groups = tomllib.load(file)["group"]
        self.entries = {}
        for group in groups:
            assert group["kind"] in KINDS, f"{path}: unknown kind {group['kind']}"
            for name in group["tests"]:
                assert name not in self.entries, f"{path}: {name} is listed twice"
                self.entries[name] = (group["kind"], group["reason"])
        self.used = set()

    def lookup(self, item):
        """Returns (kind, reason) of a collected test, or (None, None), and remembers which entry it used."""
        file = item.path.name
        for name in (f"{file}::{item.name}", f"{file}::{item.originalname}"):
            if name in self.entries:
                self.used.add(name)
                return self.entries[name]
        return None, None

    def unused(self):
        return sorted(set(self.entries) - self.used)


class Suite:
    """The hooks that need state: registered once per run as a plugin of its own."""

    def __init__(self):
        self.known = Known(KNOWN_FILE)
        self.skips_allowed = set()
        self.complaints = []

    def pytest_collection_modifyitems(self, items):
        for item in items:
            kind, reason = self.known.lookup(item)
            if kind == "fails":
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                item.add_marker(pytest.mark.timeout(EXPECTED_FAILURE_SECONDS))
            elif kind == "pipeline-check":
                item.stash[PIPELINE_CHECK] = True
            elif kind == "skipped-by-the-file":
                self.skips_allowed.add(item.nodeid)

    def pytest_collection_finish(self, session):
        os.environ[_FIRESTORE_EMULATOR_HOST] = os.environ[SERVER_VARIABLE]
        if not session.config.option.collectonly:
            write_vector_documents()

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail") and report.nodeid not in self.skips_allowed:
            self.complaints.append(f"skipped, but known.toml does not say so: {report.nodeid}")

    def pytest_sessionfinish(self, session):
        config = session.config
        whole_run = not config.option.keyword and not any("::" in arg for arg in config.args)
        if whole_run:
            self.complaints += [f"known.toml lists a test that does not exist: {name}" for name in self.known.unused()]
        if self.complaints and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        for complaint in self.complaints:
            terminalreporter.write_line(complaint, red=True)


PIPELINE_CHECK = pytest.StashKey[bool]()


class PipelineSubtests:
    """Stands in for pytest's `subtests`, which the files use for one thing: to compare a query with a pipeline.

    Where the files skip the comparison it is skipped; where they make it, the server must answer UNIMPLEMENTED.
    """

    def __init__(self, listed):
        self.listed = listed

    @contextlib.contextmanager
    def test(self, msg):
        assert msg == "verify_pipeline", f"the files use subtests for something new: {msg}"
        try:
            yield
        except pytest.skip.Exception:
            return
        except MethodNotImplemented:
            assert self.listed, "a pipeline is UNIMPLEMENTED, and known.toml does not say so"
            return
        assert not self.listed, "pipelines work here now: take the test out of known.toml"


@pytest.fixture
def subtests(request):
    return PipelineSubtests(request.node.stash.get(PIPELINE_CHECK, False))


def pytest_configure(config):
    if not os.environ.get(SERVER_VARIABLE):
        raise pytest.UsageError(f"{SERVER_VARIABLE} must name the server as host:port")
    os.environ.pop(_FIRESTORE_EMULATOR_HOST, None)
    os.environ["GCLOUD_PROJECT"] = PROJECT
    google.auth.default = lambda *args, **kwargs: (AnonymousCredentials(), PROJECT)
    config.pluginmanager.register(Suite(), "official_suite_run")


def write_vector_documents():
    """The seed of util/bootstrap_vector_index.py, which the vector tests call "a manual step"."""
    from google.cloud import firestore
    from google.cloud.firestore_v1.vector import Vector

    seed = {
        "doc1": {"embedding": Vector([1.0, 2.0, 3.0]), "color": "red"},
        "doc2": {"embedding": Vector([2.0, 2.0, 3.0]), "color": "red"},
        "doc3": {"embedding": Vector([3.0, 4.0, 5.0]), "color": "yellow"},
    }
    client = firestore.Client(project=PROJECT)
    for name, data in seed.items():
        client.document("vector_search", name).set(data)
