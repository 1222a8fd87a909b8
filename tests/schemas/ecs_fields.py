"""The fields of the Elastic Common Schema that the product writes, and what ECS says of each.

Names, types and allowed values are those of ECS 9.4.0 (github.com/elastic/ecs at v9.4.0, generated/ecs/ecs_flat.yml).
ECS has no fields for Azure: `azure.subscription_id` and `azure.resource.*` are what Elastic's own integrations write
(github.com/elastic/integrations, packages/azure), and `azure.flow_log.*` are the product's.
"""

from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = "9.4.0"

Type = Literal["keyword", "date", "ip", "long"]
"""Elasticsearch's type of the field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        type: Its type.
        array: Whether it must be an array.
        allowed: The values that ECS allows or expects; none where it says nothing.
        pattern: A regular expression that ECS has for it.
        custom: Whether it is none of ECS.

    """

    type: Type
    array: bool = False
    allowed: frozenset[str] = frozenset()
    pattern: str = ""
    custom: bool = False


_KEYWORD: Final = Field("keyword")
_CUSTOM: Final = Field("keyword", custom=True)
_LONG: Final = Field("long")
_DATE: Final = Field("date")
_IP: Final = Field("ip")
_MAC: Final = Field("keyword", pattern="^[A-F0-9]{2}(-[A-F0-9]{2}){5,}$")

NETWORK_TYPES: Final = frozenset({"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"})
"""The types (`event.type`) that ECS expects of an event of the category `network`."""

FIELDS: Final = {
    "@timestamp": _DATE,
    "ecs.version": Field("keyword", allowed=frozenset({VERSION})),
    "event.kind": Field(
        "keyword",
        allowed=frozenset({"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}),
    ),
    "event.category": Field("keyword", array=True, allowed=frozenset({"network"})),
    "event.type": Field("keyword", array=True, allowed=NETWORK_TYPES),
    "event.action": _KEYWORD,
    "event.outcome": Field("keyword", allowed=frozenset({"failure", "success", "unknown"})),
    "event.id": _KEYWORD,
    "event.created": _DATE,
    "event.module": _KEYWORD,
    "event.dataset": _KEYWORD,
    "event.provider": _KEYWORD,
    "source.ip": _IP,
    "source.port": _LONG,
    "source.address": _KEYWORD,
    "source.mac": _MAC,
    "source.bytes": _LONG,
    "source.packets": _LONG,
    "destination.ip": _IP,
    "destination.port": _LONG,
    "destination.address": _KEYWORD,
    "destination.mac": _MAC,
    "destination.bytes": _LONG,
    "destination.packets": _LONG,
    "network.bytes": _LONG,
    "network.packets": _LONG,
    "network.iana_number": _KEYWORD,
    "network.transport": _KEYWORD,
    "network.type": _KEYWORD,
    "network.direction": Field(
        "keyword",
        allowed=frozenset({"ingress", "egress", "inbound", "outbound", "internal", "external", "unknown"}),
    ),
    "network.community_id": _KEYWORD,
    "observer.vendor": _KEYWORD,
    "observer.product": _KEYWORD,
    "observer.type": _KEYWORD,
    "rule.name": _KEYWORD,
    "rule.ruleset": _KEYWORD,
    "rule.category": _KEYWORD,
    "cloud.provider": _KEYWORD,
    "cloud.account.id": _KEYWORD,
    "cloud.service.name": _KEYWORD,
    "related.ip": Field("ip", array=True),
    "azure.subscription_id": _CUSTOM,
    "azure.resource.id": _CUSTOM,
    "azure.resource.group": _CUSTOM,
    "azure.resource.provider": _CUSTOM,
    "azure.resource.name": _CUSTOM,
    "azure.flow_log.type": _CUSTOM,
    "azure.flow_log.version": Field("long", custom=True),
    "azure.flow_log.resource_id": _CUSTOM,
    "azure.flow_log.target_resource_id": _CUSTOM,
    "azure.flow_log.acl_id": _CUSTOM,
    "azure.flow_log.state": _CUSTOM,
    "azure.flow_log.encryption": _CUSTOM,
}
"""Field to what it must be."""

REQUIRED: Final = frozenset(
    {"@timestamp", "ecs.version", "event.kind", "event.category", "source.ip", "destination.ip"}
)
"""What every event has: what ECS demands of all, and what it demands of a connection."""
