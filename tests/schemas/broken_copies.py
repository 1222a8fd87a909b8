"""Events with one fault each, made of sound ones: what whoever judges events must refuse."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowlog_core.flow.schemas import SchemaName
from tests.schemas.cases import CASES
from tests.schemas.publishers import Event, Path, events_of

type Change = tuple[Path, Any]
"""Where a value is replaced, and by what; by `...` where it is taken away."""

_BROKEN: Final[Mapping[SchemaName, Mapping[str, Change]]] = {
    "ocsf": {
        "no direction_id": (("connection_info", "direction_id"), ...),
        "no class_uid": (("class_uid",), ...),
        "no time": (("time",), ...),
        "no severity_id": (("severity_id",), ...),
        "no product": (("metadata", "product"), ...),
        "no provider": (("cloud", "provider"), ...),
        "port as text": (("src_endpoint", "port"), "50001"),
        "port as fraction": (("dst_endpoint", "port"), 443.5),
        "time as text": (("time",), "2026-11-20T09:00:03.599Z"),
        "address that is none": (("src_endpoint", "ip"), "10.0.0"),
        "MAC address without separators": (("src_endpoint", "mac"), "00155D123456"),
        "unknown activity": (("activity_id",), 8),
        "unknown direction": (("connection_info", "direction_id"), 5),
        "unknown decision": (("action_id",), 12),
        "unknown key": (("flow",), 1),
        "unknown key of an end": (("dst_endpoint", "address"), "192.0.2.80"),
        "other version": (("metadata", "version"), "1.3.0"),
    },
    "ecs": {
        "no @timestamp": (("@timestamp",), ...),
        "no version": (("ecs", "version"), ...),
        "no category": (("event", "category"), ...),
        "no source": (("source", "ip"), ...),
        "port as text": (("source", "port"), "50001"),
        "protocol as number": (("network", "iana_number"), 6),
        "bytes as text": (("source", "bytes"), "767"),
        "type that is no array": (("event", "type"), "connection"),
        "type of another category": (("event", "type"), ["connection", "change"]),
        "outcome of no flow": (("event", "outcome"), "allowed"),
        "direction of no one": (("network", "direction"), "in"),
        "MAC address with colons": (("source", "mac"), "00:15:5D:12:34:56"),
        "time that is none": (("event", "created"), "yesterday"),
        "address that is none": (("destination", "ip"), "192.0.2"),
        "addresses that are no array": (("related", "ip"), "192.0.2.80"),
        "unknown key": (("flow",), 1),
        "unknown key of Azure": (("azure", "flow_log", "name"), "log"),
        "other version": (("ecs", "version"), "8.11.0"),
    },
    "asim": {
        "no EventResult": (("EventResult",), ...),
        "no EventProduct": (("EventProduct",), ...),
        "no Dvc": (("Dvc",), ...),
        "no DvcIdType": (("DvcIdType",), ...),
        "no SrcIpAddr": (("SrcIpAddr",), ...),
        "port as text": (("SrcPortNumber",), "50001"),
        "count as text": (("EventCount",), "1"),
        "bytes as fraction": (("SrcBytes",), 767.5),
        "unknown type": (("EventType",), "Connection"),
        "unknown action": (("DvcAction",), "Allowed"),
        "unknown direction": (("NetworkDirection",), "inbound"),
        "unknown severity": (("EventSeverity",), "Info"),
        "protocol in lower case": (("NetworkProtocol",), "tcp"),
        "MAC address with hyphens": (("DvcMacAddr",), "00-15-5D-12-34-56"),
        "address that is none": (("DstIpAddr",), "192.0.2"),
        "time that is none": (("TimeGenerated",), "1795338003599"),
        "column of ASIM that the table doesn't have": (("EventSchema",), "NetworkSession"),
        "alias": (("Src",), "10.0.0.4"),
        "unknown column": (("Flow",), 1),
        "more as text": (("AdditionalFields",), "{}"),
        "other version": (("EventSchemaVersion",), "0.2.2"),
    },
}

BROKEN: Final = [(schema, name) for schema, changes in _BROKEN.items() for name in changes]
"""Each kind of broken copy: the schema, and what is broken."""


def fullest_event(schema: SchemaName) -> Event:
    """Return an event with as many values as there are: of a VNet flow that has counters."""
    events = [event for raw in CASES["VNet 4"].records for event in events_of(raw, schema)]
    return max(events, key=lambda event: len(list(leaves_of(event))))


def break_copy(schema: SchemaName, name: str, event: Event) -> Event:
    """Return a copy of an event with a fault."""
    path, value = _BROKEN[schema][name]
    broken = copy.deepcopy(event)
    *above, last = path
    inner = broken
    for key in above:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return broken


def leaves_of(event: Event, above: Path = ()) -> Iterator[Path]:
    """Yield the path of each value of an event that is no object."""
    for key, value in event.items():
        if isinstance(value, dict):
            yield from leaves_of(value, (*above, key))
        else:
            yield (*above, key)
