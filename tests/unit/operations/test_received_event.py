"""The flows of an event as consumers get them, and what is none of the forwarder's."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from flowlog_core.decode.items import Record
from flowlog_core.decode.log_reader import decode_item
from flowlog_core.errors import EventUnreadableError
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import EventCompression, EventFormat, EventOptions, Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange
from tests.support.flow_logs import VNET, vnet_record

NDJSON = "application/x-ndjson"
PACKED = gzip.compress(b'{"id":"a"}')


PROPERTIES = EventProperties(
    blob=VNET.path,
    generation=0,
    byte_range=ByteRange(0, 10),
    part=0,
    parts=1,
    flows=1,
    quarantined=0,
    first_id="a",
    last_id="a",
)


def received(
    body: bytes,
    content_type: str | None = NDJSON,
    encoding: str | None = None,
    properties: EventProperties | None = PROPERTIES,
) -> ReceivedEvent:
    return ReceivedEvent("3", 7, datetime(2026, 11, 20, tzinfo=UTC), body, content_type, encoding, properties)


@pytest.mark.parametrize("compression", get_args(EventCompression))
@pytest.mark.parametrize("form", get_args(EventFormat))
def test_the_flows_of_any_event_of_the_forwarder_are_read(form: EventFormat, compression: EventCompression) -> None:
    raw = vnet_record(3)
    decoded = decode_item(VNET, Record(12, raw, json.loads(raw)), Encoder())
    encoded = decoded.encoded
    assert encoded is not None
    packer = Packer(
        VNET,
        EventOptions(format=form, compression=compression),
        max_event_bytes=1_000_000,
        generation=0,
        range_start=0,
    )
    ranges = [*packer.add(decoded.end, encoded, decoded.counts), *packer.flush()]
    events = [
        received(event.body, event.content_type, event.content_encoding, EventProperties.read(event.properties))
        for packed in ranges
        for event in packed.events
    ]

    assert [flow for event in events for flow in event.flows()] == [json.loads(line) for line in encoded.lines]


@pytest.mark.parametrize(
    "event",
    [
        received(b'{"id":"a"}', properties=None),
        received(b"hello"),
        received(b""),
        received(b'{"id":"a"}\n'),
        received(b'{"id":"a"}\n1'),
        received(b'{"records":5}', "application/json"),
        received(b'{"records":["a"]}', "application/json"),
        received(b'["a"]', "application/json"),
        received(b'{"id":"a"}', NDJSON, "gzip"),
        received(PACKED[:-9], NDJSON, "gzip"),
        received(PACKED[:10] + b"\xff" + PACKED[11:], NDJSON, "gzip"),
        received(b'{"id":"a"}\n{"id":"b"}'),
        received(b'{"records":[]}', "application/json"),
    ],
)
def test_anything_else_is_told_by_its_place(event: ReceivedEvent) -> None:
    with pytest.raises(EventUnreadableError, match=r"^partition 3, sequence number 7: "):
        list(event.flows())


def test_no_more_flows_are_read_than_are_announced() -> None:
    flows = received(b'{"id":"a"}\n{"id":"b"}\n{"id":"c"}').flows()

    assert next(flows) == {"id": "a"}
    with pytest.raises(EventUnreadableError, match="its body holds more flows, where it announces 1"):
        next(flows)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_values_of_a_flow_are_the_same_in_every_schema(name: SchemaName) -> None:
    raw, schema = vnet_record(1), SCHEMAS[name]
    encoded = decode_item(VNET, Record(12, raw, json.loads(raw)), Encoder(schema)).encoded
    assert encoded is not None
    event = received(encoded.lines[0].encode(), properties=replace(PROPERTIES, schema=schema.name, fields=schema.keys))

    (flow,) = event.flows()

    assert event.read_back(flow)["id"] == f"{encoded.id_prefix}0"
    assert {"id", "time", "srcIp", "destPort", "decision"} <= event.keys


def test_a_flow_of_another_schema_than_announced_is_not_read() -> None:
    event = received(b'{"id":"a"}', properties=replace(PROPERTIES, schema="ocsf/1.8.0"))
    (flow,) = event.flows()

    with pytest.raises(EventUnreadableError, match=r"sequence number 7: .*not a flow of the schema ocsf/1.8.0"):
        event.read_back(flow)


def test_an_event_in_a_schema_of_a_later_version_says_so() -> None:
    properties = EventProperties.read({**PROPERTIES.write(), "schema": "ecs/9.5.0"})

    with pytest.raises(EventUnreadableError, match=r"sequence number 7: .* in a schema of a later version"):
        list(received(b"{}", properties=properties).flows())
