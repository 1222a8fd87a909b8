"""The values of a flow that are the same in a complete record, or in a complete flow group."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from flowlog_core.decode.formats import FlowGroup, FlowRecord
from flowlog_core.flow.tree import Value
from flowlog_core.source.blob import SourceBlob

_RESOURCE_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)/?", re.IGNORECASE
)
_VIRTUAL_NETWORK: Final = re.compile(
    r"(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+)(?:/.*)?",
    re.IGNORECASE | re.DOTALL,
)
_MAC_DIGITS: Final = re.compile("[0-9A-Fa-f]{12}")
_NOT_READ: Final = re.compile(r"\.[0-9]{10}|[+-](?:18:(?!00)|19:|2[0-9]:)")
"""What Elasticsearch doesn't read: over nine digits of a second, an offset of over 18 hours (java.time's limits)."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_KEPT_LENGTH: Final = 1024
_RULE_TYPES: Final = (("DefaultRule_", "default"), ("UserRule_", "user"), ("PlatformRule", "platform"))


def _rule_type(group: FlowGroup) -> str | None:
    return next((kind for prefix, kind in _RULE_TYPES if group.rule.startswith(prefix)), None)


def _resource_parts(resource_id: str) -> tuple[str | None, str | None, str | None, str | None]:
    """See `_split`; few resources have many records, so the parts of ids of a usual length are kept."""
    return (_split if len(resource_id) <= _KEPT_LENGTH else _split.__wrapped__)(resource_id)


@lru_cache(maxsize=1024)
def _split(resource_id: str) -> tuple[str | None, str | None, str | None, str | None]:
    """Split a resource id into subscription, resource group, type and name.

    Type and name of a child resource are joined by slashes, as Resource Manager writes them:
    ``Microsoft.Network/virtualNetworks/subnets`` and ``net/subnet``.
    """
    match = _RESOURCE_ID.fullmatch(resource_id)
    if match is None:
        return None, None, None, None
    subscription, group, provider, path = match.groups()
    names = path.split("/")[1:]
    return subscription, group, "/".join([provider, *names[::2]]), "/".join(names[1::2])


def _time(record: FlowRecord) -> str | None:
    return None if record.moment is None or _NOT_READ.search(record.time) else record.time


def _milliseconds(record: FlowRecord) -> int | None:
    return None if record.moment is None else (record.moment - _EPOCH) // timedelta(milliseconds=1)


def _virtual_network(record: FlowRecord) -> str | None:
    match = _VIRTUAL_NETWORK.fullmatch(record.target_resource_id)
    return match[1] if match is not None and len(match[1]) <= _KEPT_LENGTH else None


def _pairs(separator: str) -> Callable[[FlowGroup], str | None]:
    def write(group: FlowGroup) -> str | None:
        digits = group.mac_address.replace(":", "").replace("-", "")
        if _MAC_DIGITS.fullmatch(digits) is None:
            return None
        return separator.join(digits[start : start + 2] for start in range(0, len(digits), 2)).upper()

    return write


RECORD_VALUES: Final[Mapping[Value, Callable[[SourceBlob, FlowRecord], str | int | None]]] = {
    Value("recordTime"): lambda _, record: record.time,
    Value("recordTime", "time"): lambda _, record: _time(record),
    Value("recordTime", "milliseconds"): lambda _, record: _milliseconds(record),
    Value("flowLogType"): lambda _, record: record.layout.type,
    Value("flowLogVersion"): lambda _, record: record.layout.version,
    Value("flowLogVersion", "text"): lambda _, record: str(record.layout.version),
    Value("flowLogResourceId"): lambda _, record: record.flow_log_resource_id,
    Value("targetResourceId"): lambda _, record: record.target_resource_id,
    Value("category"): lambda _, record: record.category,
    Value("operationName"): lambda _, record: record.operation_name,
    Value("flowLogGuid"): lambda _, record: record.flow_log_guid,
    Value("subscriptionId"): lambda _, record: _resource_parts(record.target_resource_id)[0],
    Value("resourceGroup"): lambda _, record: _resource_parts(record.target_resource_id)[1],
    Value("resourceType"): lambda _, record: _resource_parts(record.target_resource_id)[2],
    Value("resourceName"): lambda _, record: _resource_parts(record.target_resource_id)[3],
    Value("virtualNetworkId"): lambda _, record: _virtual_network(record),
    Value("blob"): lambda blob, _: blob.path,
}
GROUP_VALUES: Final[Mapping[Value, Callable[[FlowGroup], str | None]]] = {
    Value("macAddress"): lambda group: group.mac_address,
    Value("macAddress", "mac with colons"): _pairs(":"),
    Value("macAddress", "mac with hyphens"): _pairs("-"),
    Value("aclId"): lambda group: group.acl_id,
    Value("rule"): lambda group: group.rule,
    Value("ruleType"): _rule_type,
}
NULLABLE: Final = frozenset(
    {
        Value("recordTime", "time"),
        Value("recordTime", "milliseconds"),
        Value("macAddress", "mac with colons"),
        Value("macAddress", "mac with hyphens"),
        *map(Value, ("flowLogResourceId", "category", "operationName", "flowLogGuid", "ruleType", "virtualNetworkId")),
        *map(Value, ("subscriptionId", "resourceGroup", "resourceType", "resourceName")),
    }
)
"""Those of both that may be None."""

BOUNDED: Final = frozenset(
    {
        Value("macAddress", "mac with colons"),
        Value("macAddress", "mac with hyphens"),
        Value("virtualNetworkId"),
    }
)
"""Those of them whose length is bounded, so that some flows of a group may have them and others not."""
