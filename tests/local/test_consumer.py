"""The local run's consumer reads whatever is on the hub, and compares what is the forwarder's."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage

from flowlog_core.cli.output.flow_display import PlainLines
from flowlog_core.cli.output.streams import OUT
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.source.blob import ByteRange
from local.comparison import Comparison
from local.consumer import Consumer
from local.event_hub.server import EventHub
from local.network_watcher.expected import Expected, Flow

BLOB = "account/container/name"
FLOWS: list[Flow] = [{"id": f"a-12-b-{ordinal}", "srcIp": "10.0.0.4"} for ordinal in range(6)]
LINES = [json.dumps(flow).encode() for flow in FLOWS]
PROPERTIES = EventProperties(
    blob=BLOB,
    generation=0,
    byte_range=ByteRange(0, 100),
    part=0,
    parts=1,
    flows=1,
    quarantined=0,
    first_id="a",
    last_id="b",
)
OURS: dict[str | bytes, Any] = dict(PROPERTIES.write().items())
NDJSON, JSON = "application/x-ndjson", "application/json"
SECONDS = 20.0


@pytest.fixture
def producer(hub: EventHub) -> Iterator[EventHubProducerClient]:
    with EventHubProducerClient.from_connection_string(hub.connection_string, eventhub_name=hub.name) as producer:
        yield producer


def event(
    body: bytes, properties: dict[str | bytes, Any], content_type: str = NDJSON, encoding: str | None = None
) -> EventData:
    made = EventData(body)
    made.properties = properties
    made.content_type = content_type
    message = made.raw_amqp_message
    assert message.properties is not None
    message.properties.content_encoding = encoding
    return made


FOREIGN = (
    EventData(b"\xff\x00 not text"),
    EventData("hello"),
    event(b"{", OURS),
    event(b"[1, 2]", OURS, JSON),
    event(b"no gzip", OURS, NDJSON, "gzip"),
    event(LINES[0], {**OURS, "schema": "another/9"}),
    event(LINES[0], {"blob": BLOB}),
)
READABLE = (
    event(LINES[0], OURS),
    event(gzip.compress(LINES[1]), OURS, NDJSON, "gzip"),
    event(b'{"records":[' + LINES[2] + b"," + LINES[3] + b"]}", {**OURS, "flows": 2}, JSON),
    event(gzip.compress(b'{"records":[' + LINES[4] + b"]}"), OURS, JSON, "gzip"),
    event(LINES[5], OURS, JSON),
)


def send(producer: EventHubProducerClient, *events: EventData | AmqpAnnotatedMessage) -> None:
    """Send events to one partition, in this order."""
    for each in events:
        batch = producer.create_batch(partition_id="0")
        batch.add(each)
        producer.send_batch(batch)


def test_foreign_events_are_counted_and_every_format_of_ours_is_compared(
    hub: EventHub, producer: EventHubProducerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison = Comparison()
    comparison.expect(Expected(BLOB, FLOWS, []))
    with Consumer(hub.connection_string, hub.name, comparison, PlainLines(None, OUT)):
        send(producer, *FOREIGN, AmqpAnnotatedMessage(value_body={"any": "value"}), *READABLE)
        assert comparison.wait_for_events(len(FOREIGN) + 1 + len(READABLE), SECONDS)

    assert comparison.verdict() == []
    assert (comparison.totals.foreign, comparison.totals.arrived) == (len(FOREIGN) + 1, len(FLOWS))
    assert capsys.readouterr().out.count("not an event of this forwarder") == 1


def test_flows_of_a_replay_come_again_without_a_fault(hub: EventHub, producer: EventHubProducerClient) -> None:
    comparison = Comparison()
    comparison.expect(Expected(BLOB, FLOWS[:1], []))
    with Consumer(hub.connection_string, hub.name, comparison, PlainLines(0, OUT)):
        send(producer, event(LINES[0], OURS), event(LINES[0], OURS | {"replay": "again"}))
        assert comparison.wait_for_events(2, SECONDS)

    assert comparison.verdict() == []
    assert comparison.totals.replays == 1


def test_a_flow_that_comes_twice_is_a_fault(hub: EventHub, producer: EventHubProducerClient) -> None:
    comparison = Comparison()
    comparison.expect(Expected(BLOB, FLOWS[:1], []))
    with Consumer(hub.connection_string, hub.name, comparison, PlainLines(0, OUT)):
        send(producer, event(LINES[0], OURS), event(LINES[0], OURS))
        assert comparison.wait_for_events(2, SECONDS)

    assert "1 flows arrived again, or were never written" in comparison.verdict()
