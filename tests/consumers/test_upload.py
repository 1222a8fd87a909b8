"""The program that posts flows to Azure Monitor, from a real hub to a stand-in for the Logs Ingestion API."""

import gzip
import itertools
import json
import runpy
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args
from urllib.error import HTTPError

import pytest
from azure.core.credentials import AccessToken
from azure.eventhub import EventHubConsumerClient

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.events.packer import Event, EventCompression, EventFormat
from flowlog_core.flow.schemas.asim import ASIM
from flowlog_core.flow.schemas.flow_1 import FLOW
from local.event_hub.server import EventHub
from tests.consumers.kusto_on_duckdb import receive_events, tables
from tests.consumers.sent_events import events_of, flows_in
from tests.consumers.sentinel_files import FOLDER, text_of
from tests.support.flow_logs import document, vnet_record

PROGRAM = runpy.run_path(str(FOLDER / "upload.py"))
LOG = document([vnet_record(3)])
FOREIGN = Event(b"hello", "text/plain", None, {"schema": "another/9"})
NO_PROPERTIES = Event(b"hello", "text/plain", None, {})
KINDS = list(itertools.product(get_args(EventFormat), get_args(EventCompression)))
SECONDS = 60  # after which the test fails


class Credential:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://monitor.azure.com/.default",)
        return AccessToken("a token", 0)


class Api:
    """A stand-in for a rule's endpoint: it keeps what it took, after it answered with other states."""

    def __init__(self, *states: int) -> None:
        self.rows: list[str] = []
        self.paths: list[str] = []
        self.took = threading.Condition()
        answers = iter(states)
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Authorization"] == "Bearer a token"
                assert self.headers["Content-Encoding"] == "gzip"
                state = next(answers, 204)
                if state == 204:
                    with api.took:
                        api.paths.append(self.path)
                        api.rows += [row["RawData"] for row in json.loads(gzip.decompress(body))]
                        api.took.notify_all()
                self.send_response(state)
                self.send_header("Retry-After", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 # as its base has it
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(Api(429, 503)) as api:
        yield api


def test_flows_of_both_schemas_and_every_format_arrive_as_the_rows_that_the_transformations_take(
    hub: EventHub, api: Api
) -> None:
    events = [
        event
        for schema in (FLOW, ASIM)
        for kind, packed in KINDS
        for event in events_of(LOG, schema=schema, event_format=kind, compression=packed)
    ]
    expected = flows_in(events)
    with closing(EventHubSink(EventHubConnection("localhost", hub.name, hub.connection_string))) as sink:
        for event in [FOREIGN, NO_PROPERTIES, *events]:
            sink.send([event], "one partition", within=20)

    post = PROGRAM["poster"](api.endpoint, "dcr-1", Credential())
    client = EventHubConsumerClient.from_connection_string(
        hub.connection_string, "$Default", eventhub_name=hub.name, load_balancing_interval=1
    )
    reading = threading.Thread(target=PROGRAM["upload"], args=(client, post))
    with client:
        reading.start()
        with api.took:
            assert api.took.wait_for(lambda: len(api.rows) >= len(expected), SECONDS)
    reading.join(SECONDS)

    assert [json.loads(row) for row in api.rows] == expected
    assert set(api.paths) == {"/dataCollectionRules/dcr-1/streams/Custom-FlowLogEvents?api-version=2023-01-01"}
    with tables() as asked:
        receive_events(asked, api.rows)
        for name, table in (("flow", "FlowLogs_CL"), ("asim", "ASimNetworkSessionLogs")):
            asked.keep(table, text_of(f"transform-{name}.kql"))
        ids = [row["FlowId"] for row in asked.ask("FlowLogs_CL")]
        ids += [row["EventOriginalUid"] for row in asked.ask("ASimNetworkSessionLogs")]
    assert ids == [flow["id"] for flow in flows_in(events_of(LOG))] * 2 * len(KINDS)


def test_the_stream_is_that_of_the_template() -> None:
    assert f"'{PROGRAM['STREAM']}'" in text_of("event-hub.bicep")


def test_no_call_is_over_the_limit_and_no_row_is_lost() -> None:
    rows = [json.dumps({"number": number, "text": "x" * 900}) for number in range(3000)]

    bodies = list(PROGRAM["calls"](rows))

    assert [row["RawData"] for body in bodies for row in json.loads(body)] == rows
    assert all(len(body) <= 1_000_000 for body in bodies)
    assert len(bodies) == 3


def test_without_a_row_there_is_no_call() -> None:
    assert list(PROGRAM["calls"]([])) == []


def test_a_refusal_is_an_error() -> None:
    with closing(Api(403)) as api, pytest.raises(HTTPError, match="403"):
        PROGRAM["poster"](api.endpoint, "dcr-1", Credential())(b"[]")

    assert api.rows == []
