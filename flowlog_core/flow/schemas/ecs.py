"""Elastic Common Schema 9.4.0: one document for a flow.

Fields: https://www.elastic.co/docs/reference/ecs. An interface sees traffic as a host does, so `network.direction` is
ingress or egress, and `event.type` has the words that the schema expects of the category network. What ECS has no field
for is below ``azure.flow_log``; ``azure.resource`` and ``azure.subscription_id`` are Elastic's own names.
"""

from typing import Final

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES
from flowlog_core.flow.schemas.by_state import by_decision, by_direction, by_ip_version, by_state
from flowlog_core.flow.tree import Distinct, Fixed, Node, Object, Schema, Table, Value, Where


def _end(ip: str, port: str, bytes_sent: str, packets_sent: str, direction: str) -> Object:
    """Return one end of a flow, which is the interface where the flow has this direction."""
    return Object(
        {
            "ip": Value(ip),
            "address": Value(ip),
            "port": Value(port),
            "mac": Where("direction", direction, Value("macAddress", "mac with hyphens")),
            "bytes": Value(bytes_sent),
            "packets": Value(packets_sent),
        }
    )


_EVENT: Final[dict[str, Node]] = {
    "id": Value("id"),
    "kind": Fixed("event"),
    "category": Fixed(["network"]),
    "type": by_state(
        begin=["connection", "allowed", "start"],
        going_on=["connection", "allowed"],
        end=["connection", "allowed", "end"],
        unknown=["connection", "allowed"],
        deny=["connection", "denied"],
    ),
    "action": by_state(
        begin="flow-begin", going_on="flow-continue", end="flow-end", unknown="flow-allow", deny="flow-deny"
    ),
    "outcome": by_decision("success", "failure"),
    "created": Value("recordTime", "time"),
    "module": Fixed("azure"),
    "dataset": Fixed("azure.flow_log"),
    "provider": Fixed("network_watcher"),
}
_NETWORK: Final[dict[str, Node]] = {
    "direction": by_direction("ingress", "egress"),
    "iana_number": Value("protocol", "text"),
    "transport": Table(("protocolName",), {(name,): name.lower() for name in PROTOCOL_NAMES.values()}),
    "type": by_ip_version("ipv4", "ipv6"),
    "community_id": Value("communityId"),
    "bytes": Value("bytes"),
    "packets": Value("packets"),
}
_AZURE: Final[dict[str, Node]] = {
    "flow_log": Object(
        {
            "type": Value("flowLogType"),
            "version": Value("flowLogVersion"),
            "resource_id": Value("flowLogResourceId"),
            "target_resource_id": Value("targetResourceId"),
            "acl_id": Value("aclId"),
            "state": Value("flowState"),
            "encryption": Value("encryption"),
        }
    ),
    "subscription_id": Value("subscriptionId"),
    "resource": Object(
        {
            "id": Value("targetResourceId"),
            "group": Value("resourceGroup"),
            "provider": Value("resourceType"),
            "name": Value("resourceName"),
        }
    ),
}

ECS: Final = Schema(
    "ecs/9.4.0",
    Object(
        {
            "@timestamp": Value("time"),
            "ecs": Object({"version": Fixed("9.4.0")}),
            "event": Object(_EVENT),
            "source": _end("srcIp", "srcPort", "bytesSrcToDest", "packetsSrcToDest", "outbound"),
            "destination": _end("destIp", "destPort", "bytesDestToSrc", "packetsDestToSrc", "inbound"),
            "network": Object(_NETWORK),
            "observer": Object(
                {
                    "vendor": Fixed("Microsoft"),
                    "product": Fixed("Azure Network Watcher"),
                    "type": Fixed("network-flow-log"),
                }
            ),
            "rule": Object({"name": Value("rule"), "ruleset": Value("aclId"), "category": Value("ruleType")}),
            "cloud": Object(
                {
                    "provider": Fixed("azure"),
                    "service": Object({"name": Fixed("network_watcher")}),
                    "account": Object({"id": Value("subscriptionId")}),
                }
            ),
            "related": Object({"ip": Distinct("srcIp", "destIp")}),
            "azure": Object(_AZURE),
        }
    ),
    nulls=False,
)
