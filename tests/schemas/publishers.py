"""The publishers of schemas: how each judges an event, and where it has the flow's id."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flowlog_core.decode.encoded_record import OutputLimits
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from tests.schemas.asim import asim_faults
from tests.schemas.ecs import ecs_faults
from tests.schemas.ocsf import ocsf_faults
from tests.support.flow_logs import VNET, decoded

type Event = dict[str, Any]
type Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Whoever publishes a schema.

    Attributes:
        schema: The schema's name and version, as events carry them.
        faults: Lists what the publisher doesn't allow of an event.
        places: Where an event has some values of the flow, by their keys in ``flow/1``.

    """

    schema: str
    faults: Callable[[Event], list[str]]
    places: Mapping[str, Path]

    def values_of(self, event: Event) -> dict[str, Any]:
        """Return those values of an event; None for what it doesn't have."""
        return {key: value_at(event, path) for key, path in self.places.items()}


PUBLISHERS: Final[Mapping[SchemaName, Publisher]] = {
    "ocsf": Publisher(
        "ocsf/1.8.0",
        ocsf_faults,
        {
            "id": ("metadata", "uid"),
            "srcIp": ("src_endpoint", "ip"),
            "destIp": ("dst_endpoint", "ip"),
            "srcPort": ("src_endpoint", "port"),
            "destPort": ("dst_endpoint", "port"),
            "protocol": ("connection_info", "protocol_num"),
            "bytesSrcToDest": ("traffic", "bytes_out"),
            "bytesDestToSrc": ("traffic", "bytes_in"),
        },
    ),
    "ecs": Publisher(
        "ecs/9.4.0",
        ecs_faults,
        {
            "id": ("event", "id"),
            "time": ("@timestamp",),
            "srcIp": ("source", "ip"),
            "destIp": ("destination", "ip"),
            "srcPort": ("source", "port"),
            "destPort": ("destination", "port"),
            "bytesSrcToDest": ("source", "bytes"),
            "bytesDestToSrc": ("destination", "bytes"),
        },
    ),
    "asim": Publisher(
        "asim/0.2.7",
        asim_faults,
        {
            "id": ("EventOriginalUid",),
            "time": ("TimeGenerated",),
            "srcIp": ("SrcIpAddr",),
            "destIp": ("DstIpAddr",),
            "srcPort": ("SrcPortNumber",),
            "destPort": ("DstPortNumber",),
            "bytesSrcToDest": ("SrcBytes",),
            "bytesDestToSrc": ("DstBytes",),
        },
    ),
}
"""Each by the setting's name for its schema."""


def value_at(event: Event, path: Path) -> Any:
    """Return the value at a path; None where there is none."""
    value: Any = event
    for key in path:
        value = (value or {}).get(key)
    return value


def events_of(raw: bytes, schema: SchemaName) -> Iterator[Event]:
    """Write a record's flows by the real formatter, and read them as JSON."""
    encoder = Encoder(SCHEMAS[schema], OutputLimits())
    for line in encoder.encode(VNET, Record(12, raw, json.loads(raw)), decoded(raw)).lines:
        yield json.loads(line)
