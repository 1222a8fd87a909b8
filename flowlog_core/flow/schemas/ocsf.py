"""OCSF 1.8.0: class Network Activity (4001) with the profiles cloud and security_control.

Attributes: https://schema.ocsf.io/1.8.0/classes/network_activity. Counters are `traffic`, since they are of the time
since the tuple before, and not `cumulative_traffic`.
"""

from typing import Final

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES
from flowlog_core.flow.schemas.by_state import by_decision, by_direction, by_ip_version, by_state
from flowlog_core.flow.tree import Fixed, Node, Object, Schema, Table, Value, Where

_VERSION: Final = "1.8.0"
_CLASS: Final = 4001
_OPEN, _CLOSE, _REFUSE, _TRAFFIC = 1, 2, 5, 6


def _activity(base: int) -> Table:
    return by_state(
        begin=base + _OPEN, going_on=base + _TRAFFIC, end=base + _CLOSE, unknown=base + _TRAFFIC, deny=base + _REFUSE
    )


def _end(ip: str, port: str, direction: str) -> Object:
    """Return one end of a flow, which is the interface where the flow has this direction."""
    return Object(
        {
            "ip": Value(ip),
            "port": Value(port),
            "mac": Where("direction", direction, Value("macAddress", "mac with colons")),
            "vpc_uid": Where("direction", direction, Value("virtualNetworkId")),
        }
    )


_METADATA: Final[dict[str, Node]] = {
    "uid": Value("id"),
    "version": Fixed(_VERSION),
    "profiles": Fixed(["cloud", "security_control"]),
    "product": Object(
        {
            "name": Fixed("Network Watcher"),
            "vendor_name": Fixed("Microsoft"),
            "feature": Object(
                {"name": Table(("flowLogType",), {("nsg",): "NSG flow logs", ("vnet",): "VNet flow logs"})}
            ),
        }
    ),
    "log_name": Value("flowLogType"),
    "log_version": Value("flowLogVersion", "text"),
    "logged_time": Value("recordTime", "milliseconds"),
    "original_time": Value("recordTime", "time"),
}
_CONNECTION: Final[dict[str, Node]] = {
    "direction_id": by_direction(1, 2),
    "protocol_num": Value("protocol"),
    "protocol_name": Table(("protocolName",), {(name,): name.lower() for name in PROTOCOL_NAMES.values()}),
    "protocol_ver_id": by_ip_version(4, 6),
    "community_uid": Value("communityId"),
}
_TRAFFIC_OF_FLOW: Final[dict[str, Node]] = {
    "bytes_out": Value("bytesSrcToDest"),
    "bytes_in": Value("bytesDestToSrc"),
    "bytes": Value("bytes"),
    "packets_out": Value("packetsSrcToDest"),
    "packets_in": Value("packetsDestToSrc"),
    "packets": Value("packets"),
}
_UNMAPPED: Final[dict[str, Node]] = {
    "targetResourceId": Value("targetResourceId"),
    "flowLogResourceId": Value("flowLogResourceId"),
    "flowState": Value("flowState"),
    "encryption": Value("encryption"),
}

OCSF: Final = Schema(
    f"ocsf/{_VERSION}",
    Object(
        {
            "class_uid": Fixed(_CLASS),
            "category_uid": Fixed(4),
            "activity_id": _activity(0),
            "type_uid": _activity(_CLASS * 100),
            "severity_id": by_decision(1, 2),
            "status_id": by_decision(1, 2),
            "action_id": by_decision(1, 2),
            "disposition_id": by_decision(1, 2),
            "observation_point_id": by_direction(2, 1),
            "time": Value("time", "milliseconds"),
            "metadata": Object(_METADATA),
            "src_endpoint": _end("srcIp", "srcPort", "outbound"),
            "dst_endpoint": _end("destIp", "destPort", "inbound"),
            "connection_info": Object(_CONNECTION),
            "traffic": Object(_TRAFFIC_OF_FLOW),
            "firewall_rule": Object({"name": Value("rule"), "uid": Value("aclId"), "type": Value("ruleType")}),
            "cloud": Object({"provider": Fixed("Azure"), "account": Object({"uid": Value("subscriptionId")})}),
            "unmapped": Object(_UNMAPPED),
        }
    ),
    nulls=False,
)
