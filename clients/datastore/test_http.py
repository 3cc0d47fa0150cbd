"""The API over plain HTTP: JSON or protobuf, each answered in kind, and what tools look for."""

import base64

import requests
from google.cloud import datastore_v1 as v1
from google.rpc import status_pb2

from raw_api import Http, key

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def test_json_is_answered_by_json(server, project):
    http = Http(server, project)
    named = {"path": [{"kind": "A", "name": "x"}]}
    properties = {
        "n": {"integerValue": "7"},
        "t": {"timestampValue": "2020-01-02T03:04:05.678901Z"},
        "none": {"nullValue": None},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"nullValue": "NULL_VALUE"}]}},
        "empty": {"arrayValue": {}},
        "blob": {"blobValue": base64.b64encode(b"\xff\xfe").decode(), "excludeFromIndexes": True},
        "nan": {"doubleValue": "NaN"},
    }
    mutation = {"upsert": {"key": named, "properties": properties}}
    code, answer = http.json("commit", {"mode": "NON_TRANSACTIONAL", "mutations": [mutation]})
    assert code == 200 and set(answer["mutationResults"][0]) == {"version", "createTime", "updateTime"}
    code, answer = http.json("lookup", {"keys": [named, {"path": [{"kind": "A", "id": "5"}]}]})
    assert code == 200
    found = answer["found"][0]["entity"]
    assert found["properties"] == {**properties, "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"nullValue": None}]}}}
    assert found["key"]["partitionId"] == {"projectId": project}
    assert answer["missing"][0]["entity"]["key"]["path"] == [{"kind": "A", "id": "5"}]


def test_protobuf_is_answered_by_protobuf(server, project):
    http = Http(server, project)
    request = v1.LookupRequest(keys=[key("A", "x")])
    answer = http.post("lookup", v1.LookupRequest.serialize(request), **{"Content-Type": PROTOBUF})
    assert answer.status_code == 200 and answer.headers["content-type"] == PROTOBUF
    assert len(v1.LookupResponse.deserialize(answer.content).missing) == 1
    refused = http.post("lookup", v1.LookupRequest.serialize(v1.LookupRequest(keys=[v1.Key()])), **{"Content-Type": PROTOBUF})
    assert refused.status_code == 400
    assert status_pb2.Status.FromString(refused.content) == status_pb2.Status(code=3, message="Key path is empty.")


def test_refusals_in_json_have_the_code_and_the_text(server, project):
    http = Http(server, project)
    insert = {"mode": "NON_TRANSACTIONAL", "mutations": [{"insert": {"key": {"path": [{"kind": "A", "id": "1"}]}}}]}
    assert http.json("commit", insert)[0] == 200
    code, answer = http.json("commit", insert)
    assert (code, answer["error"]["code"], answer["error"]["status"]) == (409, 409, "ALREADY_EXISTS")
    code, answer = http.json("lookup", {"keys": [{"path": []}]})
    assert (code, answer["error"]["message"]) == (400, "Key path is empty.")
    assert http.json("lookup", {"nonsense": 1})[0] == 400
    assert http.post("lookup", "{", **{"Content-Type": JSON}).status_code == 400


def test_the_project_of_the_address_wins_and_the_database_stands_in_the_body(server, project):
    http = Http(server, project)
    named = {"path": [{"kind": "A", "id": "1"}]}
    body = {"projectId": "other", "databaseId": "second", "keys": [named]}
    code, answer = http.json("lookup", body)
    assert code == 200
    assert answer["missing"][0]["entity"]["key"]["partitionId"] == {"projectId": project, "databaseId": "second"}
    code, answer = http.json("lookup", {"databaseId": "(default)", "keys": [named]})
    assert (code, answer["error"]["message"]) == (400, '"(default)" is an invalid database id.')


def test_a_body_without_a_type_is_json(server, project):
    answer = requests.post(f"http://{server}/v1/projects/{project}:beginTransaction", data=b"{}", timeout=10)
    assert answer.status_code == 200 and answer.json()["transaction"]


def test_what_tools_look_for_at_the_start(server, project):
    answer = requests.get(f"http://{server}/", timeout=10)
    assert (answer.status_code, answer.text) == (200, "Ok\n")
    assert requests.get(f"http://{server}/v1/projects/{project}:lookup", timeout=10).status_code == 404
    assert requests.post(f"http://{server}/v1/projects/{project}:nothing", timeout=10).status_code == 404


def test_a_database_of_entities_refuses_documents_and_the_other_way_round(server, project):
    http = Http(server, project)
    named = {"path": [{"kind": "A", "id": "1"}]}
    assert http.json("commit", {"mode": "NON_TRANSACTIONAL", "mutations": [{"upsert": {"key": named}}]})[0] == 200
    documents = f"http://{server}/v1/projects/{project}/databases/(default)/documents"
    answer = requests.get(f"{documents}/A/1", timeout=10)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert answer.json()["error"]["message"] == (
        "The Cloud Firestore API is not available for Firestore in Datastore Mode database "
        f"projects/{project}/databases/(default)."
    )
    native = f"http://{server}/v1/projects/{project}/databases/native/documents/A?documentId=1"
    assert requests.post(native, json={"fields": {}}, timeout=10).status_code == 200
    code, answer = http.json("lookup", {"databaseId": "native", "keys": [named]})
    assert (code, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")


def test_the_client_speaks_http_where_it_is_told_to(server, project, monkeypatch):
    from google.cloud import datastore

    client = datastore.Client(project=project, _use_grpc=False, _http=requests.Session())
    entity = datastore.Entity(client.key("K", 1))
    entity["a"] = [1, "two"]
    client.put(entity)
    with client.transaction():
        read = client.get(entity.key)
        read["a"].append(3.0)
        client.put(read)
    assert [dict(one) for one in client.query(kind="K").fetch()] == [{"a": [1, "two", 3.0]}]
