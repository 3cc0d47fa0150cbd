"""The guestbook on the Datastore of its day: the one form misses the newest greeting, the other never does."""

import os
import subprocess
import sys

import pytest
from conftest import GUESTBOOK

PROGRAM = os.environ.get("IRORI_PROGRAM")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the server's program is not known here")

# A process of its own: the SDK takes its environment when it is imported.
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


@pytest.fixture(params=["0", "1"])
def server(request):
    serve = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0", "--datastore-consistency", request.param]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        exported = next(line for line in process.stdout if "DATASTORE_EMULATOR_HOST=" in line)
        yield exported.split("=")[1].strip(), request.param
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def test_only_an_ancestor_query_sees_the_newest_greeting_for_sure(server):
    address, consistency = server
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SIGN_AND_LOOK, address],
        cwd=GUESTBOOK,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["eventual", str(consistency == "1"), "strong", "True"]
