"""The client over TLS by documented options alone: no emulator variable, a private authority, certificates of clients."""

import datetime
import ipaddress
import os
import subprocess
import sys

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.api_core.exceptions import ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

PROGRAM = os.environ.get("IRORI_PROGRAM")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the server's program is not known here")

# A process of its own: gRPC learns whom to trust once, and the variable of the other tests must not be there.
USER_PROGRAM = """
import sys, threading
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

options = {"api_endpoint": sys.argv[1]}
db = firestore.Client(project="over-tls", credentials=AnonymousCredentials(), client_options=options)
seen = threading.Event()
watch = db.collection("cities").on_snapshot(lambda documents, changes, time: seen.set() if documents else None)
db.document("cities/sf").set({"population": 864816})
assert [city.id for city in db.collection("cities").where("population", ">", 500000).stream()] == ["sf"]
assert seen.wait(30)
watch.unsubscribe()
print("done")
"""


class Authority:
    """Issues certificates to servers on this machine and to their clients."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
        self.certificate = self.signed(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def signed(self, subject, key, *extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(
            issuer_name=self.name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(hours=1),
            not_valid_after=now + datetime.timedelta(hours=1),
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self):
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = self.signed(x509.Name([]), key, x509.SubjectAlternativeName(names))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return certificate, key.private_bytes(serialization.Encoding.PEM, *form)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def serve(authority, tmp_path):
    """Starts servers with further options; answers their addresses."""
    processes = []
    for name, text in zip(("certificate.pem", "key.pem"), authority.issue()):
        (tmp_path / name).write_bytes(text)
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "authority.pem").write_bytes(authority.certificate)

    def start(*options):
        files = ["--tls-certificate", tmp_path / "certificate.pem", "--tls-key", tmp_path / "key.pem"]
        command = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0", *files, *options]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        line = processes[-1].stdout.readline()
        return line.removeprefix("Irori listens on https://").split(",")[0].replace("127.0.0.1", "localhost")

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def test_a_client_with_documented_options_alone(serve, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "FIRESTORE_EMULATOR_HOST"}
    environment["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(tmp_path / "authority.pem")
    command = [sys.executable, "-c", USER_PROGRAM, serve()]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert ran.stdout == "done\n", ran.stderr


def test_a_client_shows_its_certificate_where_it_must(serve, authority, tmp_path):
    address = serve("--tls-client-ca", tmp_path / "authority.pem")
    certificate, key = authority.issue()

    def collections(*shown):
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(authority.certificate, *shown))
        with channel:
            client = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel, credentials=AnonymousCredentials()))
            parent = "projects/p/databases/(default)/documents"
            return list(client.list_collection_ids(parent=parent, retry=None, timeout=20))

    assert collections(key, certificate) == []
    with pytest.raises(ServiceUnavailable):
        collections()
