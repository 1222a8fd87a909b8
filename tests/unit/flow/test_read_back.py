"""The values of a flow are read back from any schema, by the tree that wrote them."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.read_back import FlowReader
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.schemas.flow_1 import KEYS, flow_schema
from flowlog_core.flow.tree import Schema
from tests.support.flow_logs import VNET, decoded, vnet_record
from tests.unit.flow.records import flow_records

ALL = flow_schema([key.name for key in KEYS])
OTHERS = [schema for name, schema in SCHEMAS.items() if name != "flow"]
EXACT = {"id", "time", "srcIp", "destIp", "srcPort", "destPort", "protocol", "direction", "decision", "flowState"}
EXACT |= {"rule", "aclId", "encryption", "targetResourceId", "flowLogResourceId", "flowLogType", "flowLogVersion"}
EXACT |= {"packetsSrcToDest", "bytesSrcToDest", "packetsDestToSrc", "bytesDestToSrc", "bytes", "packets", "ipVersion"}
"""What every schema has as exactly as ``flow/1``."""


def flows(raw: bytes, schema: Schema) -> list[dict[str, Any]]:
    encoded = Encoder(schema).encode(VNET, Record(12, raw, json.loads(raw)), decoded(raw))
    return [json.loads(line) for line in encoded.lines]


def milliseconds(time: str) -> str:
    """Write a time as the number of milliseconds does that stands for it."""
    moment = datetime.fromisoformat(time).astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("schema", OTHERS, ids=lambda schema: str(schema.name))
@given(raw=flow_records())
def test_every_schema_has_the_values_of_a_flow(schema: Schema, raw: bytes) -> None:
    reader = FlowReader(schema)

    read = [reader.read(flow) for flow in flows(raw, schema)]

    for values, flat in zip(read, flows(raw, ALL), strict=True):
        assert {key: values.get(key) for key in EXACT} == {key: flat[key] for key in EXACT}
        known = {key: flat[key] for key in values if key not in {"macAddress", "recordTime", "virtualNetworkId"}}
        assert {key: values[key] for key in known} == known
        assert values.get("macAddress") in {None, re.sub("[:-]", "", flat["macAddress"]).upper()}
        time = values.get("recordTime", flat["recordTime"])
        assert time == flat["recordTime"] or time == milliseconds(flat["recordTime"])
        assert values.keys() <= reader.names


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ocsf", {"class_uid": 4002}),
        ("ocsf", {"activity_id": 7}),
        ("ocsf", {"action_id": "1"}),
        ("ocsf", {"time": "now"}),
        ("ocsf", {"time": 10**30}),
        ("ocsf", {"connection_info": 5}),
        ("ocsf", {"another": 1}),
        ("ecs", {"source": {"nat": {"ip": "10.0.0.4"}}}),
        ("ecs", {"event": {"outcome": "unknown"}}),
        ("ecs", {"network": {"iana_number": "tcp"}}),
        ("asim", {"EventSchemaVersion": "0.2.6"}),
        ("asim", {"SrcMacAddr": 5}),
        ("asim", {"NetworkDirection": None}),
    ],
)
def test_what_no_schema_writes_is_no_flow_of_it(name: Any, change: dict[str, Any]) -> None:
    schema = SCHEMAS[name]
    (flow,) = flows(vnet_record(1), schema)

    with pytest.raises(ValueError, match=f"not a flow of the schema {schema.name}"):
        FlowReader(schema).read(flow | change)
