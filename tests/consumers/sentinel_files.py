"""The files of consumers/sentinel, as the workspace has them."""

import json
import re
from pathlib import Path

from tests.support.kusto import Database

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "consumers" / "sentinel"
PAGE = ROOT / "docs" / "consumers" / "sentinel.md"
FILTERING = "vimNetworkSessionFlowLogs"
PLAIN = "ASimNetworkSessionFlowLogs"
RULES = ("denied-burst", "new-outbound-port", "port-scan")

# learn.microsoft.com, azure/azure-monitor/reference/tables/asimnetworksessionlogs (2026-07-31): what we write of it.
NATIVE = {
    "TimeGenerated": "datetime",
    "EventCount": "int",
    "EventStartTime": "datetime",
    "EventEndTime": "datetime",
    "EventType": "string",
    "EventSubType": "string",
    "EventResult": "string",
    "EventSeverity": "string",
    "EventVendor": "string",
    "EventProduct": "string",
    "EventSchemaVersion": "string",
    "EventOriginalUid": "string",
    "EventOriginalType": "string",
    "EventOriginalSubType": "string",
    "Dvc": "string",
    "DvcId": "string",
    "DvcIdType": "string",
    "DvcMacAddr": "string",
    "DvcAction": "string",
    "DvcOriginalAction": "string",
    "DvcSubscriptionId": "string",
    "SrcIpAddr": "string",
    "SrcPortNumber": "int",
    "SrcMacAddr": "string",
    "SrcBytes": "long",
    "SrcPackets": "long",
    "DstIpAddr": "string",
    "DstPortNumber": "int",
    "DstMacAddr": "string",
    "DstBytes": "long",
    "DstPackets": "long",
    "NetworkBytes": "long",
    "NetworkPackets": "long",
    "NetworkDirection": "string",
    "NetworkProtocol": "string",
    "NetworkProtocolVersion": "string",
    "NetworkRuleName": "string",
    "AdditionalFields": "dynamic",
}


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def custom_columns() -> dict[str, str]:
    """Return the types of the columns of FlowLogs_CL, as the template creates them."""
    return {column["name"]: column["type"] for column in json.loads(text_of("FlowLogs_CL.columns.json"))}


def function_of(name: str) -> tuple[str, str]:
    """Return a parser's parameters and body."""
    text = text_of(f"{name}.kql")
    parameters = re.search(r"^// Parameters: (.*)$", text, re.MULTILINE)
    assert parameters is not None
    return f"({parameters[1]})", f"{{\n{text}}}"


def unifying(body: str) -> tuple[str, str]:
    """Return a stand-in for the built-in parser `_Im_NetworkSession`, which our parser or the table feeds."""
    return function_of(FILTERING)[0], body


def workspace() -> Database:
    """Return what queries may name in the workspace."""
    columns = ", ".join(f"{name}: {kind}" for name, kind in custom_columns().items())
    native = ", ".join(f"{name}: {kind}" for name, kind in NATIVE.items())
    return Database(
        tables={
            "source": "(TimeGenerated: datetime, RawData: string, Properties: dynamic)",
            "FlowLogs_CL": f"({columns})",
            "ASimNetworkSessionLogs": f"({native})",
        },
        functions={
            FILTERING: function_of(FILTERING),
            "_Im_NetworkSession": unifying(f"{{ {FILTERING}(starttime, endtime) }}"),
        },
    )
