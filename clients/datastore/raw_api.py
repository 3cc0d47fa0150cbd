"""The API as it is on the wire: the generated client's messages over gRPC, and plain HTTP with JSON or protobuf."""

import json

import requests
from google.cloud import datastore_v1 as v1
from google.cloud.datastore_v1.services.datastore.transports import DatastoreGrpcTransport
import grpc


def stub(server):
    channel = grpc.insecure_channel(server)
    return v1.DatastoreClient(transport=DatastoreGrpcTransport(channel=channel))


def key(*path, **partition):
    elements = []
    for kind, name in zip(path[::2], list(path[1::2]) + [None] * (len(path) % 2)):
        element = v1.Key.PathElement(kind=kind)
        if isinstance(name, int):
            element.id = name
        elif name is not None:
            element.name = name
        elements.append(element)
    return v1.Key(path=elements, partition_id=v1.PartitionId(**partition) if partition else None)


def entity(named, **properties):
    return v1.Entity(key=named, properties=properties)


class Http:
    """POSTs to one method of a project."""

    def __init__(self, server, project, version="v1"):
        self.base = f"http://{server}/{version}/projects/{project}"

    def post(self, method, body, **headers):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return requests.post(f"{self.base}:{method}", data=text, headers=headers, timeout=30)

    def json(self, method, body):
        answer = self.post(method, body, **{"Content-Type": "application/json"})
        return answer.status_code, answer.json()
