"""Servers that a test starts by itself, with options of its own."""

import contextlib
import os
import subprocess

import pytest

PROGRAM = os.environ.get("IRORI_PROGRAM")
ADDRESS_LINE = "export DATASTORE_EMULATOR_HOST="
READY_LINE = "Dev App Server is now running."


@contextlib.contextmanager
def own_server(*options):
    """Starts a server, waits until it says so as Google's emulator does, and answers its address."""
    if PROGRAM is None:
        pytest.skip("the server was started by somebody else")
    command = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            address = None
            for line in process.stdout:
                if line.startswith(ADDRESS_LINE):
                    address = line.removeprefix(ADDRESS_LINE).strip()
                if line.strip() == READY_LINE:
                    break
            assert address, "the server ended before it was ready"
            yield address
        finally:
            process.terminate()
