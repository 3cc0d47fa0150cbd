"""The API as messages: for requests that the client library would refuse to send, or answers that it hides."""

import pytest
from google.api_core.exceptions import GoogleAPICallError


class RawApi:
    """Calls of one database, with requests given as dictionaries. Answers of streams are lists."""

    def __init__(self, client):
        self.client = client
        self.stub = client._firestore_api
        self.database = client._database_string
        self.root = self.database + "/documents"

    def name(self, path):
        return f"{self.root}/{path}"

    def call(self, method, **request):
        answer = getattr(self.stub, method)(
            request=request, metadata=self.client._rpc_metadata, retry=None, timeout=60
        )
        return list(answer) if hasattr(answer, "__next__") else answer

    def get(self, name, **rest):
        return self.call("get_document", name=name, **rest)

    def batch_get(self, *paths, **rest):
        documents = [self.name(path) for path in paths]
        return self.call("batch_get_documents", database=self.database, documents=documents, **rest)

    def commit(self, *writes, **rest):
        return self.call("commit", database=self.database, writes=list(writes), **rest)

    def batch_write(self, *writes):
        return self.call("batch_write", database=self.database, writes=list(writes))

    def begin(self, **options):
        return self.call("begin_transaction", database=self.database, options=options).transaction

    def rollback(self, transaction):
        return self.call("rollback", database=self.database, transaction=transaction)

    def query(self, structured_query, parent=None, **rest):
        return self.call("run_query", parent=parent or self.root, structured_query=structured_query, **rest)

    def aggregate(self, structured_query, *aggregations, **rest):
        aggregation = {"structured_query": structured_query, "aggregations": list(aggregations)}
        return self.call(
            "run_aggregation_query", parent=self.root, structured_aggregation_query=aggregation, **rest
        )

    def partition(self, structured_query, **rest):
        pager = self.call("partition_query", parent=self.root, structured_query=structured_query, **rest)
        return list(pager)

    def set(self, path, fields=None, **rest):
        """A write that replaces a document. `fields` are values in message form, see `integer` and its kin."""
        return {"update": {"name": self.name(path), "fields": fields or {}}, **rest}

    def delete(self, path, **rest):
        return {"delete": self.name(path), **rest}


def integer(number):
    return {"integer_value": number}


def string(text):
    return {"string_value": text}


def array(*values):
    return {"array_value": {"values": list(values)}}


def mapping(**fields):
    return {"map_value": {"fields": fields}}


def reference(name):
    return {"reference_value": name}


def vector(*numbers):
    components = array(*({"double_value": number} for number in numbers))
    return mapping(__type__=string("__vector__"), value=components)


def field_filter(path, op, value):
    """A condition on one field. `op` is a name of `StructuredQuery.FieldFilter.Operator`."""
    return {"field_filter": {"field": {"field_path": path}, "op": op, "value": value}}


def composite(op, *filters):
    return {"composite_filter": {"op": op, "filters": list(filters)}}


def select_from(collection, where=None, order=(), **rest):
    """A structured query. `order` holds pairs of a path and a direction name."""
    query = {"from_": [{"collection_id": collection}], **rest}
    if where is not None:
        query["where"] = where
    if order:
        query["order_by"] = [{"field": {"field_path": path}, "direction": way} for path, way in order]
    return query


def refused(code, text, call, *args, **kwargs):
    """Checks that a call fails with exactly this gRPC code (by name) and this message.

    An ellipsis `…` at the beginning or the end of the text stands for anything.
    """
    with pytest.raises(GoogleAPICallError) as caught:
        call(*args, **kwargs)
    message = caught.value.message
    got = (caught.value.grpc_status_code.name, message)
    wanted = text.strip("…")
    if text.endswith("…") and text.startswith("…"):
        fits = wanted in message
    elif text.endswith("…"):
        fits = message.startswith(wanted)
    elif text.startswith("…"):
        fits = message.endswith(wanted)
    else:
        fits = message == text
    assert got == (code, message if fits else text)
