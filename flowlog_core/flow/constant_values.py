"""The values of a flow that are the same in a complete record, or in a complete flow group."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from flowlog_core.decode.formats import FlowGroup, FlowRecord
from flowlog_core.source.blob import SourceBlob

_RESOURCE_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)/?", re.IGNORECASE
)
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


RECORD_VALUES: Final[Mapping[str, Callable[[SourceBlob, FlowRecord], str | int | None]]] = {
    "recordTime": lambda _, record: record.time,
    "flowLogType": lambda _, record: record.layout.type,
    "flowLogVersion": lambda _, record: record.layout.version,
    "flowLogResourceId": lambda _, record: record.flow_log_resource_id,
    "targetResourceId": lambda _, record: record.target_resource_id,
    "category": lambda _, record: record.category,
    "operationName": lambda _, record: record.operation_name,
    "flowLogGuid": lambda _, record: record.flow_log_guid,
    "subscriptionId": lambda _, record: _resource_parts(record.target_resource_id)[0],
    "resourceGroup": lambda _, record: _resource_parts(record.target_resource_id)[1],
    "resourceType": lambda _, record: _resource_parts(record.target_resource_id)[2],
    "resourceName": lambda _, record: _resource_parts(record.target_resource_id)[3],
    "blob": lambda blob, _: blob.path,
}
GROUP_VALUES: Final[Mapping[str, Callable[[FlowGroup], str | None]]] = {
    "macAddress": lambda group: group.mac_address,
    "aclId": lambda group: group.acl_id,
    "rule": lambda group: group.rule,
    "ruleType": _rule_type,
}
NULLABLE: Final = frozenset(
    {
        "flowLogResourceId",
        "category",
        "operationName",
        "flowLogGuid",
        "subscriptionId",
        "resourceGroup",
        "resourceType",
        "resourceName",
        "ruleType",
    }
)
"""Those of both that may be None."""
