"""What the forwarder sends of logs, as events and as flows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowlog_core.events.body_reader import read_flows
from flowlog_core.events.packer import Event, EventCompression, EventFormat, EventOptions
from flowlog_core.flow.schemas.flow_1 import FLOW, flow_schema, select_fields
from flowlog_core.flow.tree import Schema
from flowlog_core.forwarding.options import ForwardOptions
from tests.support.flow_logs import VNET
from tests.support.forwarding import Setup

WITH_COMMUNITY_ID = flow_schema(select_fields("+communityId"))
"""What `FLOWLOG_FIELDS=+communityId` sends."""

GOLDEN_LOGS = [file.read_bytes() for file in sorted((Path(__file__).resolve().parents[1] / "golden").glob("*.json"))]
"""Logs of every format, with tuples of every state."""


def events_of(
    log: bytes,
    *,
    schema: Schema = FLOW,
    event_format: EventFormat = "ndjson",
    compression: EventCompression = "none",
    max_bytes: int = 16_384,
) -> list[Event]:
    """Return what is sent of a log."""
    options = EventOptions(format=event_format, compression=compression, max_bytes=max_bytes, schema=schema)
    setup = Setup(ForwardOptions(start="all", events=options))
    setup.blobs.put(VNET, log)
    setup.forward()
    return [event for event, _ in setup.sink.events]


def flows_in(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [flow for event in events for flow in read_flows(event.body, event.content_type, event.content_encoding)]
