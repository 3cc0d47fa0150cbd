"""Serves the guestbook on this machine, with its data in Irori.

    cargo run --release -- serve
    python3 -m venv venv && venv/bin/pip install appengine-python-standard webapp2==3.0.0b1
    venv/bin/python examples/guestbook/serve.py
    # then http://127.0.0.1:8000/strong/ and http://127.0.0.1:8000/eventual/
"""

import argparse
import os
from wsgiref.simple_server import make_server


def use(server, app_id):
    """Tells the SDK where its API bridge is, and which app this is. To be called before the SDK is imported."""
    host, _, port = server.rpartition(":")
    os.environ.update(
        API_HOST=host,
        API_PORT=port,
        GAE_APPLICATION=app_id,
        # In production a ticket comes with each request. Here any will do.
        HTTP_X_APPENGINE_API_TICKET="development",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="127.0.0.1:8080", help="where Irori listens")
    parser.add_argument("--app", default="dev~guestbook", help="the app's id; the project is what follows the ~")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    use(options.server, options.app)

    from guestbook import app

    with make_server("127.0.0.1", options.port, app) as server:
        print(f"http://127.0.0.1:{options.port}/strong/ and http://127.0.0.1:{options.port}/eventual/")
        server.serve_forever()


if __name__ == "__main__":
    main()
