"""Small flow logs for tests: records with a given number of tuples, and documents made of them."""

import json
from typing import Any

from flowlog_core.decode.formats import FlowRecord, decode
from flowlog_core.source.blob import SourceBlob

OPENER = b'{"records":['
CLOSER = b"]}"

VNET = SourceBlob(
    "logs",
    "insights-logs-flowlogflowevent",
    "flowLogResourceID=/0_NETWORKWATCHERRG/NETWORKWATCHER_WESTUS_NET/"
    "y=2026/m=11/d=20/h=23/m=00/macAddress=00155D123456/PT1H.json",
)


def vnet_record(tuples: int, *, number: int = 0, rule: str = "DefaultRule_AllowVnetOutBound") -> bytes:
    """A VNet record whose tuples all differ, from each other and from those of other numbers."""
    value: dict[str, Any] = {
        "time": f"2026-11-20T23:{number % 60:02d}:30.1234567Z",
        "flowLogVersion": 4,
        "flowLogGUID": "6f2b6d5c-2d6e-4a9c-9d5e-000000000001",
        "macAddress": "00155D123456",
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/NW/PROVIDERS/M.N/NETWORKWATCHERS/W/FLOWLOGS/L",
        "targetResourceID": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net",
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {
            "flows": [
                {
                    "aclID": "5d0c7e52-91b4-4f0e-8a36-2f7d1c9be041",
                    "flowGroups": [{"rule": rule, "flowTuples": [vnet_tuple(number, each) for each in range(tuples)]}],
                }
            ]
        },
    }
    return json.dumps(value, separators=(",", ":")).encode()


def vnet_tuple(number: int, each: int) -> str:
    time = 1795000000000 + number * 60000 + each
    return f"{time},10.0.0.4,10.1.{each // 250}.{each % 250},{1024 + number},443,6,O,B,NX,0,0,0,0"


def nsg_record(tuples: list[str], *, version: object = 2) -> bytes:
    value = {
        "time": "2026-11-20T23:05:30.1234567Z",
        "systemId": "6f2b6d5c-2d6e-4a9c-9d5e-000000000002",
        "macAddress": "00155D123456",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/NSG",
        "operationName": "NetworkSecurityGroupFlowEvents",
        "properties": {
            "Version": version,
            "flows": [{"rule": "UserRule_x", "flows": [{"mac": "00155D123456", "flowTuples": tuples}]}],
        },
    }
    return json.dumps(value, separators=(",", ":")).encode()


def decoded(raw: bytes) -> FlowRecord:
    """Decode a record that has no fault itself."""
    record = decode(raw, json.loads(raw))
    assert isinstance(record, FlowRecord)
    return record


def document(records: list[bytes]) -> bytes:
    return OPENER + b",".join(records) + CLOSER
