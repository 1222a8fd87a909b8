"""ASIM NetworkSession 0.2.7: columns of Microsoft Sentinel's table `ASimNetworkSessionLogs`, and no others.

Schema: https://learn.microsoft.com/azure/sentinel/normalization-schema-network; columns of the table, which has no
aliases: https://learn.microsoft.com/azure/azure-monitor/reference/tables/asimnetworksessionlogs.
"""

from typing import Final

from flowlog_core.flow.schemas.by_state import by_decision, by_direction, by_ip_version, by_state
from flowlog_core.flow.tree import Fixed, Node, Object, Schema, Table, Value, Where, Word

_VERSION: Final = "0.2.7"
_ORIGINAL_ACTIONS: Final[dict[tuple[Word, ...], str]] = {
    **{("nsg", "allow", state): "A" for state in ("begin", "continue", "end", None)},
    **{("nsg", "deny", state): "D" for state in ("begin", "continue", "end", None)},
    ("vnet", "allow", "begin"): "B",
    ("vnet", "allow", "continue"): "C",
    ("vnet", "allow", "end"): "E",
    ("vnet", "deny", "deny"): "D",
}
"""The letter that the tuple has for it."""

_EVENT: Final[dict[str, Node]] = {
    "TimeGenerated": Value("time"),
    "EventCount": Fixed(1),
    "EventStartTime": Value("time"),
    "EventEndTime": Value("time"),
    "EventType": Fixed("NetworkSession"),
    "EventSubType": by_state(begin="Start", going_on=None, end="End", unknown=None, deny=None),
    "EventResult": by_decision("Success", "Failure"),
    "EventSeverity": by_decision("Informational", "Low"),
    "EventVendor": Fixed("Microsoft"),
    "EventProduct": Table(("flowLogType",), {("nsg",): "NSGFlow", ("vnet",): "VNetFlow"}),
    "EventSchemaVersion": Fixed(_VERSION),
    "EventOriginalUid": Value("id"),
    "EventOriginalType": Table(
        ("flowLogType", "flowLogVersion"), {("nsg", 1): "nsg/1", ("nsg", 2): "nsg/2", ("vnet", 4): "vnet/4"}
    ),
    "EventOriginalSubType": Value("flowState"),
}
_DEVICE: Final[dict[str, Node]] = {
    "Dvc": Value("targetResourceId"),
    "DvcId": Value("targetResourceId"),
    "DvcIdType": Fixed("AzureResourceId"),
    "DvcSubscriptionId": Value("subscriptionId"),
    "DvcMacAddr": Value("macAddress", "mac with colons"),
    "DvcAction": by_decision("Allow", "Deny"),
    "DvcOriginalAction": Table(("flowLogType", "decision", "flowState"), _ORIGINAL_ACTIONS),
}
_ENDS: Final[dict[str, Node]] = {
    "SrcIpAddr": Value("srcIp"),
    "SrcPortNumber": Value("srcPort"),
    "SrcMacAddr": Where("direction", "outbound", Value("macAddress", "mac with colons")),
    "SrcBytes": Value("bytesSrcToDest"),
    "SrcPackets": Value("packetsSrcToDest"),
    "DstIpAddr": Value("destIp"),
    "DstPortNumber": Value("destPort"),
    "DstMacAddr": Where("direction", "inbound", Value("macAddress", "mac with colons")),
    "DstBytes": Value("bytesDestToSrc"),
    "DstPackets": Value("packetsDestToSrc"),
}
_NETWORK: Final[dict[str, Node]] = {
    "NetworkBytes": Value("bytes"),
    "NetworkPackets": Value("packets"),
    "NetworkDirection": by_direction("Inbound", "Outbound"),
    "NetworkProtocol": Value("protocolName"),
    "NetworkProtocolVersion": by_ip_version("IPv4", "IPv6"),
    "NetworkRuleName": Value("rule"),
}
_ADDITIONAL: Final[dict[str, Node]] = {
    "aclId": Value("aclId"),
    "protocol": Value("protocol"),
    "flowLogResourceId": Value("flowLogResourceId"),
    "recordTime": Value("recordTime", "time"),
    "encryption": Value("encryption"),
}

ASIM: Final = Schema(
    f"asim/{_VERSION}",
    Object(_EVENT | _DEVICE | _ENDS | _NETWORK | {"AdditionalFields": Object(_ADDITIONAL)}),
    nulls=False,
)
