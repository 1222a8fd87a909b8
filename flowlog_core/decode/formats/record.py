"""A decoded record as values, and the reading of JSON shapes that formats share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flowlog_core.decode.formats.layout import Layout
from flowlog_core.errors import ShapeError

Json = dict[str, Any]
"""A parsed JSON object, of which nothing is known yet."""


@dataclass(frozen=True, slots=True)
class FlowGroup:
    """Tuples of one rule.

    Attributes:
        mac_address: MAC address of the network interface.
        acl_id: Resource that the rule belongs to.
        rule: Name of the rule.
        tuples: As written; nothing of them is checked yet.

    """

    mac_address: str
    acl_id: str
    rule: str
    tuples: list[object]


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """A record of a known layout.

    Attributes:
        layout: Layout of its tuples.
        time: The record's time, as written.
        target_resource_id: Resource whose traffic is logged.
        flow_log_resource_id: The flow log's own id, where the format has it.
        category: As written, or None.
        operation_name: As written, or None.
        flow_log_guid: GUID of the flow log (NSG: ``systemId``), or None.
        groups: Its flow groups, in order.

    """

    layout: Layout
    time: str
    target_resource_id: str
    flow_log_resource_id: str | None
    category: str | None
    operation_name: str | None
    flow_log_guid: str | None
    groups: list[FlowGroup]


def text(value: Mapping[str, Any], key: str) -> str:
    """Read a string that must be there."""
    found = value.get(key)
    if not isinstance(found, str):
        raise ShapeError(f"{key} is not a string" if key in value else f"no {key}")
    return found


def text_or_none(value: Mapping[str, Any], key: str) -> str | None:
    """Read a string that may be missing or null."""
    return None if value.get(key) is None else text(value, key)


def objects(value: Mapping[str, Any], key: str) -> list[Json]:
    """Read an array of objects that must be there."""
    found = array(value, key)
    if not all(isinstance(element, dict) for element in found):
        raise ShapeError(f"{key} holds something that is no object")
    return found


def array(value: Mapping[str, Any], key: str) -> list[Any]:
    """Read an array that must be there."""
    found = value.get(key)
    if not isinstance(found, list):
        raise ShapeError(f"{key} is not an array" if key in value else f"no {key}")
    return found


_VERSION: Final = re.compile(r"(\d{1,9})(?:\.0+)?", re.ASCII)


def version(value: Mapping[str, Any], key: str) -> int:
    """Read a format's version: a number, or a string such as ``"2"`` or ``"1.0"``."""
    found = value.get(key)
    if isinstance(found, (int, float, str)) and not isinstance(found, bool):
        match = _VERSION.fullmatch(str(found))
        if match is not None:
            return int(match.group(1))
    raise ShapeError(f"{key} is no version" if key in value else f"no {key}")
