"""Keys that `irori keys` makes, in Google's own libraries over TLS: no emulator variable, documented options alone."""

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import EXAMPLES
from test_tls import PROGRAM, authority, serve  # noqa: F401 (fixtures)

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the server's program is not known here")

# Each program runs in a process of its own: gRPC learns whom to trust once. `asked` is every address that was asked
# by HTTP besides; whoever is not the server itself is not reached.
PROLOGUE = """
import os, sys, threading, time
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.oauth2 import service_account

endpoint, key = sys.argv[1:3]
asked = []
really_send = requests.Session.request

def send(session, method, url, **options):
    asked.append(url)
    if not url.startswith(f"https://{endpoint}/"):
        raise requests.ConnectionError(f"{url} is out of bounds")
    return really_send(session, method, url, **options)

requests.Session.request = send
options = {"api_endpoint": endpoint}

def client(project="shop", database=None, key=key):
    credentials = service_account.Credentials.from_service_account_file(key)
    return firestore.Client(project=project, database=database, credentials=credentials, client_options=options)
"""


@pytest.fixture
def door(serve, tmp_path):  # noqa: F811
    """A server that verifies, and a way to make keys for it."""
    return Door(serve, tmp_path)


class Door:
    def __init__(self, serve, directory):
        self.directory = directory
        self.register = directory / "register.json"
        self.endpoint = serve("--auth", "--keys", self.register)

    def irori(self, *arguments):
        command = [PROGRAM, "keys", *arguments, "--register", self.register]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def key(self, name, *options):
        path = self.directory / f"{name}.json"
        server = f"https://{self.endpoint}"
        self.irori("create", "--project", "shop", "--name", name, "--server", server, "--out", path, *options)
        return path

    def environment(self):
        environment = {name: value for name, value in os.environ.items() if name != "FIRESTORE_EMULATOR_HOST"}
        trusted = str(self.directory / "authority.pem")
        return environment | {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": trusted, "REQUESTS_CA_BUNDLE": trusted}

    def run(self, key, program, *arguments, **environment):
        """What a program prints that uses a key."""
        command = [sys.executable, "-c", PROLOGUE + program, self.endpoint, str(key), *arguments]
        ran = subprocess.run(command, env=self.environment() | environment, capture_output=True, text=True, timeout=90)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()


READS_AND_WRITES = """
db = client()
seen = threading.Event()
watch = db.collection("cities").on_snapshot(lambda documents, changes, time: seen.set() if documents else None)
db.document("cities/sf").set({"population": 864816})
assert [city.id for city in db.collection("cities").where("population", ">", 500000).stream()] == ["sf"]
assert seen.wait(30)
watch.unsubscribe()
print("asked", *asked)
"""


def test_a_key_and_an_endpoint_are_enough(door):
    assert door.run(door.key("server"), READS_AND_WRITES) == "asked"


def test_a_key_of_google_s_universe_brings_tokens_from_the_server(door):
    key = door.key("server", "--universe-domain", "googleapis.com")
    _, *asked = door.run(key, READS_AND_WRITES).split()
    assert f"https://{door.endpoint}/token" in asked


def test_the_usual_variable_names_the_key(door):
    program = 'db = firestore.Client(client_options=options); print(db.project, db.document("a/b").get().exists)'
    key = door.key("server")
    assert door.run(key, program, GOOGLE_APPLICATION_CREDENTIALS=str(key)) == "shop False"


def test_an_asynchronous_client(door):
    program = """
import asyncio

async def main():
    credentials = service_account.Credentials.from_service_account_file(key)
    db = firestore.AsyncClient(project="shop", credentials=credentials, client_options=options)
    await db.document("a/b").set({"n": 1})
    print((await db.document("a/b").get()).get("n"))

asyncio.run(main())
"""
    assert door.run(door.key("server"), program) == "1"


ATTEMPTS = """
def attempt(what):
    try:
        what()
        return "yes"
    except exceptions.PermissionDenied:
        return "denied"

databases = [client(), client(database="sales"), client(project="other")]
print(*[attempt(lambda: db.document("a/b").get()) for db in databases])
print(*[attempt(lambda: db.document("a/b").set({"n": 1})) for db in databases])
"""


@pytest.mark.parametrize(
    "options, reads, writes",
    [
        (["--role", "viewer"], "yes yes denied", "denied denied denied"),
        (["--role", "user"], "yes yes denied", "yes yes denied"),
        (["--role", "owner", "--database", "sales"], "denied yes denied", "denied yes denied"),
    ],
)
def test_a_key_opens_what_it_was_made_for(door, options, reads, writes):
    assert door.run(door.key("server", *options), ATTEMPTS).splitlines() == [reads, writes]


def test_without_a_key_there_is_nobody(door):
    program = """
nobody = firestore.Client(project="shop", credentials=AnonymousCredentials(), client_options=options)
try:
    nobody.document("a/b").get()
except exceptions.PermissionDenied as error:
    print(error.message)
"""
    assert door.run("none", program) == "Missing or insufficient permissions."


UNTIL_IT_IS_OVER = """
db = client()
db.document("a/b").set({"n": 1})
print("in", flush=True)
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        db.document("a/b").get(retry=None)
    except exceptions.Unauthenticated as error:
        print("out")
        break
"""


# The tokens of both universes are good for an hour.
WHILE_IT_LISTENS = """
db = client()
document = db.document("a/b")
document.set({"n": 1})

def asked():
    target = {"documents": {"documents": [document._document_path]}}
    yield {"database": db._database_string, "add_target": target}
    threading.Event().wait()

answers = db._firestore_api.listen(requests=asked(), retry=None, timeout=30)
next(answer for answer in answers if answer.document_change)
print("in", flush=True)
try:
    for _ in answers:
        pass
except exceptions.Unauthenticated as error:
    print("out", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("program", [UNTIL_IT_IS_OVER, WHILE_IT_LISTENS], ids=["reads", "listens"])
@pytest.mark.parametrize("universe", ["irori.internal", "googleapis.com"])
def test_a_revoked_key_opens_nothing_at_once(door, universe, program):
    key = door.key("server", "--universe-domain", universe)
    command = [sys.executable, "-c", PROLOGUE + program, door.endpoint, str(key)]
    with subprocess.Popen(command, env=door.environment(), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "in\n"
        door.irori("revoke", json.loads(key.read_text())["private_key_id"])
        assert running.stdout.readline() == "out\n"


def test_a_rotated_key_takes_over(door):
    old = door.key("server")
    new = door.directory / "new.json"
    key_id = json.loads(old.read_text())["private_key_id"]
    door.irori("rotate", key_id, "--overlap", "0s", "--out", new)
    assert door.run(new, READS_AND_WRITES) == "asked"
    program = """
try:
    client().document("a/b").get(retry=None)
except exceptions.Unauthenticated:
    print("out")
"""
    assert door.run(old, program) == "out"
    states = [line.split()[5] for line in door.irori("list").splitlines()[1:]]
    assert states == ["ended", "good"]


def test_a_key_s_file_is_its_owner_s_alone_and_is_not_written_over(door):
    key = door.key("server")
    assert key.stat().st_mode & 0o777 == 0o600
    text = key.read_text()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        door.key("server")
    assert "is there already" in refused.value.stderr
    assert key.read_text() == text
    assert len(door.irori("list").splitlines()) == 2


INCREMENTAL_SYNC = """
from incremental_sync import Settings, Sync
from concurrent.futures import ThreadPoolExecutor

db = client()
sync = Sync(db.collection("events"), Settings(interval=0.02, margin=2.0, first_delay=0.01))
running = threading.Thread(target=sync.run)
running.start()

def write(number):
    db.document(f"events/{number:04}").set({"created_at": firestore.SERVER_TIMESTAMP})

with ThreadPoolExecutor(max_workers=4) as pool:
    list(pool.map(write, range(200)))
sync.stop.set()
running.join()
sync.round()
print(len(sync.cache.documents), sync.check_integrity())
"""


def test_incremental_sync_with_a_key_over_tls(door):
    key = door.key("server")
    assert door.run(key, INCREMENTAL_SYNC, PYTHONPATH=str(EXAMPLES)) == "200 ([], [])"


def test_incremental_sync_as_a_program(door):
    key = door.key("server")
    door.run(key, 'client().document("events/x").set({"created_at": firestore.SERVER_TIMESTAMP})')
    program = [sys.executable, str(EXAMPLES / "incremental_sync.py"), "--project", "shop"]
    options = ["--endpoint", door.endpoint, "--interval", "0.1", "--check-every", "2"]
    environment = door.environment() | {"GOOGLE_APPLICATION_CREDENTIALS": str(key)}
    with subprocess.Popen(program + options, env=environment, stderr=subprocess.PIPE, text=True) as running:
        assert any("integrity: 0 missing, 0 extra" in line for line in running.stderr)
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
    assert running.returncode == 0
