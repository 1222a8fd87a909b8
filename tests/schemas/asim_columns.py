"""The columns of ASIM NetworkSession 0.2.7 that the product writes, and what Microsoft says of each.

Columns and types are those of the table ASimNetworkSessionLogs (learn.microsoft.com/azure/azure-monitor/reference/
tables/asimnetworksessionlogs, 2026-07-31). Classes, logical types and values are those of ASIM's own tester
(github.com/Azure/Azure-Sentinel, ASIM/dev/ASimTester/ASimTester.csv, rows of NetworkSession).
"""

from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = "0.2.7"

Type = Literal["datetime", "int", "long", "string", "dynamic"]
Class = Literal["Mandatory", "Recommended", "Optional", "Conditional"]
Logical = Literal["", "IP Address", "MAC address", "NetworkProtocol"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        type: Its type in the table.
        cls: Whether ASIM demands it.
        allowed: The values that ASIM's tester allows; none where it says nothing.
        logical: A further type, by which the tester looks at the text.
        of: The column that a conditional one belongs to.

    """

    type: Type
    cls: Class = "Optional"
    allowed: frozenset[str] = frozenset()
    logical: Logical = ""
    of: str = ""


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


_ADDRESS: Final = Column("string", "Recommended", logical="IP Address")
_MAC: Final = Column("string", logical="MAC address")
_TEXT: Final = Column("string")
_LONG: Final = Column("long")

NOT_IN_THE_TESTER: Final = {"EventProduct": frozenset({"VNetFlow"})}
"""Values beyond the tester's: it knows no product of VNet flow logs, and Microsoft's parser of them says NSGFlow."""

COLUMNS: Final = {
    "TimeGenerated": Column("datetime"),
    "EventCount": Column("int", "Mandatory"),
    "EventStartTime": Column("datetime", "Mandatory"),
    "EventEndTime": Column("datetime", "Mandatory"),
    "EventType": Column("string", "Mandatory", _of("NetworkSession|L2NetworkSession|EndpointNetworkSession|Flow")),
    "EventSubType": Column("string", allowed=_of("Start|End")),
    "EventResult": Column("string", "Mandatory", _of("Success|Partial|Failure|NA")),
    "EventSeverity": Column("string", "Mandatory", _of("Informational|Low|Medium|High")),
    "EventOriginalUid": _TEXT,
    "EventOriginalType": _TEXT,
    "EventOriginalSubType": _TEXT,
    "EventVendor": Column("string", "Mandatory", _of("AppGate|AWS|Check Point|Cisco|Corelight|Fortinet|Microsoft")),
    "EventProduct": Column("string", "Mandatory", _of("Azure Firewall|NSGFlow|VMConnection|VPC|WireData")),
    "EventSchemaVersion": Column("string", "Mandatory", frozenset({VERSION})),
    "Dvc": Column("string", "Mandatory"),
    "DvcId": _TEXT,
    "DvcIdType": Column("string", "Conditional", _of("AzureResourceId|AwsVpcId|VMConnectionId|Other"), of="DvcId"),
    "DvcSubscriptionId": _TEXT,
    "DvcMacAddr": _MAC,
    "DvcAction": Column(
        "string",
        "Recommended",
        _of("Allow|Deny|Drop|Drop ICMP|Reset|Reset Source|Reset Destination|Encrypt|Decrypt|VPNroute"),
    ),
    "DvcOriginalAction": _TEXT,
    "SrcIpAddr": _ADDRESS,
    "SrcPortNumber": Column("int"),
    "SrcMacAddr": _MAC,
    "SrcBytes": _LONG,
    "SrcPackets": _LONG,
    "DstIpAddr": _ADDRESS,
    "DstPortNumber": Column("int"),
    "DstMacAddr": _MAC,
    "DstBytes": _LONG,
    "DstPackets": _LONG,
    "NetworkBytes": _LONG,
    "NetworkPackets": _LONG,
    "NetworkDirection": Column("string", allowed=_of("Inbound|Outbound|Listen|Unknown|Local|External|NA")),
    "NetworkProtocol": Column("string", logical="NetworkProtocol"),
    "NetworkProtocolVersion": Column("string", allowed=_of("IPv4|IPv6")),
    "NetworkRuleName": _TEXT,
    "AdditionalFields": Column("dynamic"),
}
"""Column to what it must be; of long lists of vendors and products those about networks in a cloud."""

ALIASES: Final = {"Src": "SrcIpAddr", "Dst": "DstIpAddr", "Rule": "NetworkRuleName"}
"""What the tester demands and the table doesn't have: Microsoft's parser of the table adds it to each query."""
