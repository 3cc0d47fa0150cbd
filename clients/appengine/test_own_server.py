"""Apps on servers with options of their own. Each runs in a process of its own: the SDK takes its environment when it
is imported."""

import contextlib
import os
import subprocess
import sys

import pytest
from conftest import GUESTBOOK

PROGRAM = os.environ.get("IRORI_PROGRAM")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the server's program is not known here")

SIGN_AND_LOOK = """
import sys, serve
serve.use(sys.argv[1], "dev~guestbook")
import guestbook, webapp2
for form in ["eventual", "strong"]:
    headers = {"X-Appengine-Api-Ticket": "t"}
    sign = webapp2.Request.blank(f"/{form}/sign", POST={"content": f"a {form} greeting"}, headers=headers)
    assert sign.get_response(guestbook.app).status_int == 302
    page = webapp2.Request.blank(f"/{form}/", headers=headers).get_response(guestbook.app).text
    print(form, f"a {form} greeting" in page)
"""

QUERY = """
import sys, serve
serve.use(sys.argv[1], "dev~guestbook")
from google.appengine.api import datastore_errors, full_app_id
from google.appengine.ext import db
from google.appengine.runtime import default_api_stub, initialize
initialize.InitializeThreadingApis()
default_api_stub.Register(default_api_stub.DefaultApiStub())
default_api_stub.DefaultApiStub.SetUseRequestSecurityTicketForThread(True)
full_app_id.normalize()
class Greeting(db.Model):
    author, date = db.StringProperty(), db.DateTimeProperty(auto_now_add=True)
Greeting(author="a").put()
try:
    print(Greeting.all().filter("author =", "a").order("-date").get().author)
except datastore_errors.NeedIndexError as error:
    print(error)
"""


@contextlib.contextmanager
def server(*options):
    serve = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0", *options]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        exported = next(line for line in process.stdout if "DATASTORE_EMULATOR_HOST=" in line)
        yield exported.split("=")[1].strip()
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def run(script, address):
    run = [sys.executable, "-W", "ignore", "-c", script, address]
    done = subprocess.run(run, cwd=GUESTBOOK, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("consistency", ["0", "1"])
def test_on_the_old_datastore_only_an_ancestor_query_sees_the_newest_greeting_for_sure(consistency):
    with server("--datastore-consistency", consistency) as address:
        assert run(SIGN_AND_LOOK, address).split() == ["eventual", str(consistency == "1"), "strong", "True"]


def test_a_query_without_its_index_is_told_which_it_needs():
    with server("--missing-index", "require") as address:
        text = run(QUERY, address)
    assert "- kind: Greeting" in text and "- name: author" in text and "direction: desc" in text, text


def test_a_query_with_its_index_is_answered(tmp_path):
    indexes = tmp_path / "index.yaml"
    indexes.write_text("indexes:\n- kind: Greeting\n  properties:\n  - name: author\n  - name: date\n    direction: desc\n")
    with server("--missing-index", "require", "--index-yaml", indexes) as address:
        assert run(QUERY, address) == "a\n"
