"""What somebody would try who is not allowed in: forged tokens, odd paths, oracles, mixed batches.

A server of its own that verifies tokens, with rules that leave one collection open to one user.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

PROGRAM = os.environ.get("IRORI_PROGRAM")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the server's program is not known here")

PROJECT = "attacked"
ROOT = f"projects/{PROJECT}/databases/(default)/documents"
RULES = """
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /open/{document} { allow read, write: if true; }
    match /own/{uid} { allow read, write: if request.auth.uid == uid; }
    match /secret/{document} { allow read, write: if false; }
  }
}
"""
SECRET = "the treasure is under the hearth"


def encoded(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A signing key of the issuer, or of somebody who would like to be it."""

    def __init__(self, key_id):
        self.id = key_id
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        whole = lambda number: encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": whole(numbers.n), "e": whole(numbers.e)}

    def sign(self, text):
        return self.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())

    def token(self, header=None, sign=None, **claims):
        head = {"alg": "RS256", "typ": "JWT", "kid": self.id} | (header or {})
        body = good_claims() | claims
        parts = [encoded({k: v for k, v in part.items() if v is not None}) for part in (head, body)]
        text = ".".join(parts)
        return f"{text}.{encoded((sign or self.sign)(text))}"


def good_claims():
    now = int(time.time())
    issuer = f"https://securetoken.google.com/{PROJECT}"
    times = {"iat": now - 10, "auth_time": now - 10, "exp": now + 3600}
    return {"iss": issuer, "aud": PROJECT, "sub": "alice", "user_id": "alice", **times}


@pytest.fixture(scope="module")
def key():
    return Key("good")


@pytest.fixture(scope="module")
def attacked(key, tmp_path_factory):
    """The base address of a server that verifies tokens, with a hidden document in it."""
    place = tmp_path_factory.mktemp("attacked")
    (place / "jwks.json").write_text(json.dumps({"keys": [key.jwk()]}))
    (place / "door.rules").write_text(RULES)
    register = ["--register", place / "keys.json"]
    create = [PROGRAM, "keys", "create", "--project", PROJECT, "--role", "owner", "--out", place / "owner.json"]
    subprocess.run([*create, *register], check=True, capture_output=True)
    issuer = f"https://securetoken.google.com/{PROJECT},keys={place / 'jwks.json'}"
    options = ["--auth", "--auth-issuer", issuer, "--keys", place / "keys.json", "--rules", place / "door.rules"]
    serve = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().removeprefix("Irori listens on ").split(",")[0]
        server = Attacked(f"http://{address}", json.loads((place / "owner.json").read_text()))
        server.plant()
        yield server
        process.terminate()


class Attacked:
    def __init__(self, base, account):
        self.base = base
        self.account = account

    def plant(self):
        """Puts the hidden document there, as an owner may."""
        for path in ("secret/1", "own/bob"):
            fields = {"text": {"stringValue": SECRET}, "number": {"integerValue": "7"}}
            body = {"writes": [{"update": {"name": f"{ROOT}/{path}", "fields": fields}}]}
            answer = self.post(":commit", body, self.owner_token())
            assert answer.status_code == 200, answer.text

    def owner_token(self):
        """A token that an SDK would sign with the account's key."""
        private = serialization.load_pem_private_key(self.account["private_key"].encode(), password=None)
        now = int(time.time())
        email = self.account["client_email"]
        audience = "https://firestore.googleapis.com/"
        claims = {"iss": email, "sub": email, "aud": audience, "iat": now, "exp": now + 3600}
        text = f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': self.account['private_key_id']})}.{encoded(claims)}"
        return f"{text}.{encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def headers(self, token):
        return {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path, token=None, **rest):
        # Prepared by hand: the library would tidy the address up before it is sent.
        request = requests.Request("GET", self.base, headers=self.headers(token), **rest).prepare()
        request.url = f"{self.base}/v1/{path}"
        return self.send(request)

    def post(self, method, body, token=None, parent=ROOT):
        address = f"{self.base}/v1/{parent}{method}"
        return self.send(requests.Request("POST", address, json=body, headers=self.headers(token)).prepare())

    def send(self, request):
        with requests.Session() as session:
            return session.send(request, timeout=30, allow_redirects=False)


def refused(answer, *codes):
    assert SECRET not in answer.text
    assert answer.status_code in codes, (answer.status_code, answer.text)


def test_the_door_opens_for_whom_it_should(attacked, key):
    """Without this the refusals below would mean nothing."""
    path = f"{ROOT}/own/alice"
    written = {"writes": [{"update": {"name": path, "fields": {"n": {"integerValue": "1"}}}}]}
    assert attacked.post(":commit", written, key.token()).status_code == 200
    assert attacked.get(path, key.token()).json()["fields"] == {"n": {"integerValue": "1"}}
    assert attacked.get(f"{ROOT}/secret/1", attacked.owner_token()).json()["fields"]["text"]["stringValue"] == SECRET
    refused(attacked.get(path), 403)
    refused(attacked.get(f"{ROOT}/own/bob", key.token()), 403)


NOW = int(time.time())
FORGED = {
    "expired": lambda key: key.token(exp=NOW - 3600, iat=NOW - 7200),
    "issued in the future": lambda key: key.token(iat=NOW + 3600, exp=NOW + 7200),
    "not yet good": lambda key: key.token(nbf=NOW + 3600),
    "without an end": lambda key: key.token(exp=None),
    "an end that is text": lambda key: key.token(exp="never"),
    "a foreign audience": lambda key: key.token(aud="other"),
    "several audiences": lambda key: key.token(aud=["other", "third"]),
    "a foreign issuer": lambda key: key.token(iss="https://securetoken.google.com/other"),
    "an issuer that begins like ours": lambda key: key.token(iss=f"https://securetoken.google.com/{PROJECT}.evil"),
    "an issuer by http": lambda key: key.token(iss=f"http://securetoken.google.com/{PROJECT}"),
    "nobody": lambda key: key.token(sub=""),
    "no subject at all": lambda key: key.token(sub=None, user_id=None),
    "a subject that is no text": lambda key: key.token(sub={"uid": "alice"}),
    "unsigned": lambda key: key.token({"alg": "none"}, sign=lambda text: b""),
    "unsigned in capitals": lambda key: key.token({"alg": "NONE"}, sign=lambda text: b""),
    "our public key as a password": lambda key: key.token(
        {"alg": "HS256"}, sign=lambda text: hmac.new(key.pem, text.encode(), hashlib.sha256).digest()
    ),
    "an empty password": lambda key: key.token(
        {"alg": "HS256"}, sign=lambda text: hmac.new(b"", text.encode(), hashlib.sha256).digest()
    ),
    "zeros as a curve's signature": lambda key: key.token({"alg": "ES256"}, sign=lambda text: bytes(64)),
    "a curve's key in our name": lambda key: key.token(
        {"alg": "ES256"}, sign=lambda text: ec.generate_private_key(ec.SECP256R1()).sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    ),
    "a stranger's key under our id": lambda key: Key(key.id).token(),
    "a stranger's key in the header": lambda key: (lambda own: own.token({"jwk": own.jwk()}))(Key("good")),
    "a stranger's key by address": lambda key: Key("good").token({"jku": "http://127.0.0.1:1/jwks.json"}),
    "an unknown key id": lambda key: key.token({"kid": "unknown"}),
    "a file as a key id": lambda key: Key("x").token({"kid": "../../../../dev/null"}),
    "a query as a key id": lambda key: Key("x").token({"kid": "good' OR '1'='1"}),
    "no key id": lambda key: Key("x").token({"kid": None}),
    "a header to be understood": lambda key: key.token({"crit": ["exp"], "b64": False}),
    "other claims under a signature": lambda key: ".".join(
        [*key.token().split(".")[:1], encoded(good_claims() | {"sub": "bob", "user_id": "bob"}), key.token().split(".")[2]]
    ),
    "no signature": lambda key: key.token().rsplit(".", 1)[0] + ".",
    "two parts": lambda key: key.token().rsplit(".", 1)[0],
    "four parts": lambda key: key.token() + ".e30",
    "a very long one": lambda key: key.token(padding="x" * 200_000),
    "deep claims": lambda key: f"{encoded({'alg': 'RS256', 'kid': 'good'})}.{encoded(b'[' * 50_000)}.{encoded(b'x')}",
    "the emulator's word": lambda key: "owner",
    "the word of an access token": lambda key: "ya29.anything",
    "not a token": lambda key: "%00%ff",
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_token_opens_nothing(attacked, key, forged):
    token = FORGED[forged](key)
    for path in ("own/alice", "own/bob", "secret/1"):
        refused(attacked.get(f"{ROOT}/{path}", token), 400, 401, 403, 431)
    body = {"writes": [{"update": {"name": f"{ROOT}/own/alice", "fields": {}}}]}
    refused(attacked.post(":commit", body, token), 400, 401, 403, 431)


def test_a_token_for_one_project_opens_no_other(attacked, key):
    refused(attacked.get("projects/other/databases/(default)/documents/own/alice", key.token()), 401, 403)


def test_several_credentials_are_not_added_up(attacked, key):
    request = requests.Request("GET", f"{attacked.base}/v1/{ROOT}/own/alice").prepare()
    request.headers["Authorization"] = f"Bearer {Key('good').token()}, Bearer {key.token()}"
    refused(attacked.send(request), 400, 401, 403)


PATHS = [
    "open/../secret/1",
    "open/x/../../secret/1",
    "open/%2e%2e/secret/1",
    "open%2F..%2Fsecret%2F1",
    "open/%2e%2e%2fsecret%2f1",
    "open/..%5csecret%5c1",
    "open/1%00/../../secret/1",
    "open//secret/1",
    "./secret/1",
    "secret%2F1",
    "secret/%31",
    "secret/1/",
    "secret/1%20",
    "%73ecret/1",
    "secret%252F1",
    "ｓecret/1",
    "secret/１",
    "secret\u200b/1",
    "SECRET/1",
    "secret/1?mask.fieldPaths=text",
    "secret/1#open/1",
    "secret/1;open/1",
]


@pytest.mark.parametrize("path", PATHS)
def test_an_odd_path_leads_to_nothing_hidden(attacked, key, path):
    for token in (None, key.token()):
        refused(attacked.get(f"{ROOT}/{path}", token), 400, 403, 404)


def test_a_path_trick_in_the_name_of_a_write_or_read(attacked, key):
    for path in ("open/../secret/1", "open/./1", "open//1", "secret/1/", "open/x/secret"):
        body = {"writes": [{"delete": f"{ROOT}/{path}"}]}
        refused(attacked.post(":commit", body, key.token()), 400, 403)
        refused(attacked.post(":batchGet", {"documents": [f"{ROOT}/{path}"]}, key.token()), 400, 403)


def write(path, **rest):
    return {"update": {"name": f"{ROOT}/{path}", "fields": {"n": {"integerValue": "1"}}}, **rest}


def test_a_batch_that_mixes_allowed_and_denied_writes_changes_nothing(attacked, key):
    orders = [("open/mixed", "secret/2"), ("secret/2", "open/mixed")]
    for order in orders:
        refused(attacked.post(":commit", {"writes": [write(path) for path in order]}, key.token()), 403)
        assert attacked.get(f"{ROOT}/open/mixed").status_code == 404
    # Administrative: each write would stand for itself, which end users are never allowed.
    refused(attacked.post(":batchWrite", {"writes": [write("open/mixed")]}, key.token()), 403)


def test_a_batch_that_reads_one_denied_document_reads_none(attacked, key):
    names = [f"{ROOT}/open/1", f"{ROOT}/secret/1"]
    refused(attacked.post(":batchGet", {"documents": names}, key.token()), 403)


@pytest.mark.parametrize("precondition", [{"exists": True}, {"exists": False}, {"updateTime": "2020-01-01T00:00:00Z"}])
def test_a_precondition_tells_nothing_of_a_hidden_document(attacked, key, precondition):
    """Whether it is there, and when it changed, must not show in which error comes."""
    answers = []
    for path in ("secret/1", "secret/missing"):
        for one in (write(path), {"delete": f"{ROOT}/{path}"}, {"verify": f"{ROOT}/{path}"}):
            if "verify" in one:
                continue
            answers.append(attacked.post(":commit", {"writes": [one | {"currentDocument": precondition}]}, key.token()))
    for answer in answers:
        refused(answer, 403)
    assert len({answer.text for answer in answers}) == 1


def query(collection, **rest):
    return {"structuredQuery": {"from": [{"collectionId": collection}], **rest}}


def equals(field, value):
    return {"fieldFilter": {"field": {"fieldPath": field}, "op": "EQUAL", "value": value}}


def test_queries_and_counts_are_no_oracle(attacked, key):
    narrow = [
        {},
        {"where": equals("text", {"stringValue": SECRET})},
        {"where": equals("text", {"stringValue": "wrong"})},
        {"where": equals("__name__", {"referenceValue": f"{ROOT}/secret/1"})},
        {"limit": 0},
        {"limit": 1, "select": {"fields": [{"fieldPath": "__name__"}]}},
        # Needs an index that does not exist: the refusal must not depend on that.
        {"where": equals("text", {"stringValue": "x"}), "orderBy": [{"field": {"fieldPath": "number"}}]},
    ]
    texts = set()
    for rest in narrow:
        answer = attacked.post(":runQuery", query("secret", **rest), key.token())
        refused(answer, 403)
        texts.add(json.dumps(answer.json()[0]["error"] if isinstance(answer.json(), list) else answer.json()["error"]))
        counted = {"structuredAggregationQuery": query("secret", **rest) | {"aggregations": [{"alias": "n", "count": {}}]}}
        refused(attacked.post(":runAggregationQuery", counted, key.token()), 403)
    assert len(texts) == 1
    group = query("secret") | {}
    group["structuredQuery"]["from"][0]["allDescendants"] = True
    refused(attacked.post(":runQuery", group, key.token()), 403)
    refused(attacked.post(":runQuery", {"structuredQuery": {"from": [{"allDescendants": True}]}}, key.token()), 400, 403)


def test_names_of_collections_and_partitions_are_for_servers(attacked, key):
    refused(attacked.post(":listCollectionIds", {}, key.token()), 403)
    body = query("open", orderBy=[{"field": {"fieldPath": "__name__"}}]) | {"partitionCount": "2"}
    body["structuredQuery"]["from"][0]["allDescendants"] = True
    refused(attacked.post(":partitionQuery", body, key.token()), 403)


def test_control_endpoints_are_closed(attacked, key):
    closed = [
        ("DELETE", f"/emulator/v1/{ROOT}"),
        ("DELETE", f"/emulator/v1/{ROOT}/secret/1"),
        ("PUT", f"/emulator/v1/projects/{PROJECT}:securityRules"),
        ("GET", f"/emulator/v1/projects/{PROJECT}:ruleCoverage"),
        ("POST", "/reset"),
        ("POST", "/shutdown"),
    ]
    for token in (None, "owner", key.token()):
        for method, path in closed:
            body = "{}" if method == "PUT" else None
            address = f"{attacked.base}{path}"
            request = requests.Request(method, address, headers=attacked.headers(token), data=body).prepare()
            refused(attacked.send(request), 401, 403, 404)
    assert attacked.get(f"{ROOT}/secret/1", attacked.owner_token()).status_code == 200


def test_a_write_that_may_be_made_but_not_read_tells_nothing(attacked, key):
    transform = {"document": f"{ROOT}/secret/1", "fieldTransforms": [{"fieldPath": "number", "increment": {"integerValue": "0"}}]}
    refused(attacked.post(":commit", {"writes": [{"transform": transform}]}, key.token()), 403)
