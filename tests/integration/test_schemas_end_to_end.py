"""Each schema from blob to hub: every event that arrives is one by its publisher and by our JSON Schema."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from flowlog_core.flow.schemas import SchemaName
from local.azurite import Azurite
from local.event_hub.server import EventHub, StoredEvent
from local.functions_host.process import WorkerProcess
from local.network_watcher.expected import Expected, Flow
from tests.schemas.json_schemas import json_schema_faults
from tests.schemas.publishers import PUBLISHERS
from tests.support.app import APP, settings_for
from tests.support.end_to_end import Reader, body_of, writer


def of(version: int, **values: str) -> Callable[[Flow], bool]:
    """Match flows of a version of flow logs (1 and 2 are NSG, 4 is VNet) that have some values."""
    return lambda flow: flow["flowLogVersion"] == version and all(flow[key] == value for key, value in values.items())


SUBJECTS: Final[Mapping[str, Callable[[Flow], bool]]] = {
    **{f"version {version}": of(version) for version in (1, 2, 4)},
    **{f"version {version}, denied": of(version, decision="deny") for version in (1, 2, 4)},
    **{f"version 2, {state}": of(2, flowState=state) for state in ("begin", "continue", "end")},
    **{f"version 4, {state}": of(4, flowState=state) for state in ("begin", "continue", "end", "deny")},
    "IPv6": lambda flow: ":" in str(flow["srcIp"]),
    "ICMP": lambda flow: flow["protocol"] == 1,
    "ICMPv6": lambda flow: flow["protocol"] == 58,
    "encryption denied": lambda flow: flow["decision"] == "deny" and str(flow["encryption"]).startswith("NX_"),
}
"""What must be among the events that were validated."""


@pytest.mark.parametrize(
    ("schema", "more"),
    [
        ("ocsf", {}),
        ("ecs", {"FLOWLOG_EVENT_FORMAT": "records", "FLOWLOG_EVENT_COMPRESSION": "gzip"}),
        ("asim", {"FLOWLOG_EVENT_FORMAT": "json"}),
    ],
)
def test_every_event_of_a_schema_arrives_once_and_is_valid(
    storage: Azurite, hub: EventHub, schema: SchemaName, more: dict[str, str]
) -> None:
    publisher = PUBLISHERS[schema]
    faults: list[str] = []
    validated = Counter[str]()
    written: dict[str, Flow] = {}

    def expect(append: Expected) -> None:
        written.update({str(flow["id"]): flow for flow in append.flows})
        flows = [{key: flow[key] for key in publisher.places} for flow in append.flows]
        reader.comparison.expect(replace(append, flows=flows))

    def validate(stored: StoredEvent) -> list[Flow]:
        events: list[dict[str, Any]] = [dict(event) for event in body_of(stored)]
        found = [publisher.values_of(event) for event in events]
        assert stored.properties["schema"] == publisher.schema
        for event, values in zip(events, found, strict=True):
            faults.extend(publisher.faults(event) + json_schema_faults(schema, event))
            flow = written[values["id"]]
            validated.update(subject for subject, has in SUBJECTS.items() if has(flow))
        return found

    reader = Reader(hub, validate)
    settings = settings_for(storage, hub, FLOWLOG_SCHEMA=schema, **more)
    with WorkerProcess(APP, settings=settings, poll_seconds=0.2), writer(storage, expect) as watcher:
        for _ in range(10):
            watcher.minute()
        reader.wait()

    assert reader.verdict() == []
    assert faults == []
    assert set(validated) == set(SUBJECTS)
    assert validated["version 1"] + validated["version 2"] + validated["version 4"] == len(written) > 4_000
