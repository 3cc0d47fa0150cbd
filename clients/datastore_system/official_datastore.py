"""A pytest plugin that runs the official Datastore client's own system tests, unmodified, against a local server.

The files are told that there is an emulator: then they make their clients without credentials. They skip nothing for
that. What they call "a manual step", populating both databases, is done first, by the script that lies beside them.

`known.toml` beside this file names each test that cannot pass yet, with the reason, as for the Firestore client: the
list can only shrink.
"""

import importlib
import os
import pathlib
import sys

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "firestore_system"))
import official_suite  # noqa: E402

PROJECT = "irori-system-tests"


class Suite(official_suite.Suite):
    """The same hold on the list of known tests, with other preparations."""

    def __init__(self):
        super().__init__()
        self.known = official_suite.Known(HERE / "known.toml")

    def pytest_collection_finish(self, session):
        if session.config.option.collectonly or not session.items:
            return
        package = session.items[0].module.__package__
        populate(importlib.import_module(f"{package}.utils.populate_datastore"))
        # On an emulator the files remove everything when half of them are done, and so what was populated.
        importlib.import_module(f"{package}.utils.clear_datastore").remove_all_entities = lambda client: None


def populate(script):
    from google.cloud import datastore

    script.print_func = lambda message: None
    for database in (None, script.get_system_test_db()):
        client = datastore.Client(database=database)
        script.add_characters(client)
        script.add_uid_keys(client)
        add_timestamp_keys(client)
        client.close()


def add_timestamp_keys(client):
    """What the script does, without a line of output for each of 10,000 keys."""
    from google.cloud import datastore

    for start in range(0, 10_000, 500):
        with client.batch() as batch:
            for number in range(start, start + 500):
                batch.put(datastore.Entity(client.key("timestamp_key", 1_700_000_000_000_000 + number)))


def prepare_environment():
    """The files look at it when they are imported, which is before pytest configures its plugins."""
    if not os.environ.get(official_suite.SERVER_VARIABLE):
        raise pytest.UsageError(f"{official_suite.SERVER_VARIABLE} must name the server as host:port")
    os.environ["DATASTORE_EMULATOR_HOST"] = os.environ[official_suite.SERVER_VARIABLE]
    os.environ["DATASTORE_DATASET"] = PROJECT
    os.environ["GOOGLE_CLOUD_PROJECT"] = PROJECT
    google.auth.default = lambda *args, **kwargs: (AnonymousCredentials(), PROJECT)


prepare_environment()


def pytest_configure(config):
    config.pluginmanager.register(Suite(), "official_datastore_run")
