"""The schema ``flow/1`` for readers: the tables of keys in flow.md, and the JSON Schema in schemas/flow-1.json.

Keys and their order come from `flow.schemas.flow_1`, the values of a tuple's keys from the layouts of
`decode.formats`. Only the meanings, and the values that don't come from a tuple, are written down here.
"""

# ruff: noqa: INP001  # beside the pages that it writes, and no package
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from docs.json_text import json_text
from flowlog_core.decode.formats import COUNTERS, LAYOUTS, Column, Layout
from flowlog_core.flow.schemas.flow_1 import FLOW, KEYS, Key

type Fragment = dict[str, Any]
"""A part of a JSON Schema: what a value must be."""

_MOST_LISTED: Final = 8  # values; more are no enumeration but a text

_STRING: Final[Fragment] = {"type": "string"}
_OPTIONAL: Final[Fragment] = {"type": ["string", "null"]}
_NULL: Final[Fragment] = {"type": "null"}
_ADDRESS: Final[Fragment] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
_ID: Final[Fragment] = {"type": "string", "pattern": "^[0-9a-f]{16}-(0|[1-9][0-9]*)-[0-9a-f]{8}-(0|[1-9][0-9]*)$"}
_TIME: Final[Fragment] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}

NUMBER_LIMITS: Final[Mapping[str, int]] = {
    "srcPort": 65_535,
    "destPort": 65_535,
    "protocol": 255,
    **{key: 2**63 - 1 for column in COUNTERS for key in column.gives},
}
"""The greatest value of each key that is a number; a test compares them with the layouts' patterns."""

_TEXTS: Final[Mapping[str, Fragment]] = {
    "srcIp": _ADDRESS,
    "destIp": _ADDRESS,
    "encryption": {"type": "string", "pattern": "^(X|NX(_[A-Z0-9_]+)?)$"},
}


def _sum_in(layout: Layout) -> Fragment:
    """Return what a sum of counters must be."""
    known = "bytesSrcToDest" in layout.columns_by_key
    return {"type": ["integer", "null"], "minimum": 0, "maximum": 2**63 - 1} if known else _NULL


_NOT_IN_TUPLES: Final[Mapping[str, Callable[[Layout], Fragment]]] = {
    "id": lambda _: _ID,
    "time": lambda _: _TIME,
    "recordTime": lambda _: _STRING,
    "flowLogType": lambda layout: {"enum": [layout.type]},
    "flowLogVersion": lambda layout: {"enum": [layout.version]},
    "macAddress": lambda _: _STRING,
    "flowLogResourceId": lambda layout: _NULL if layout.type == "nsg" else _OPTIONAL,
    "targetResourceId": lambda _: _STRING,
    "aclId": lambda _: _STRING,
    "rule": lambda _: _STRING,
    "category": lambda _: _OPTIONAL,
    "operationName": lambda _: _OPTIONAL,
    "flowLogGuid": lambda _: _OPTIONAL,
    "subscriptionId": lambda _: _OPTIONAL,
    "resourceGroup": lambda _: _OPTIONAL,
    "resourceType": lambda _: _OPTIONAL,
    "resourceName": lambda _: _OPTIONAL,
    "ruleType": lambda _: {"enum": ["default", "user", "platform", None]},
    "blob": lambda _: _STRING,
    "ipVersion": lambda _: {"enum": [4, 6]},
    "bytes": _sum_in,
    "packets": _sum_in,
    "communityId": lambda _: {"type": ["string", "null"], "pattern": "^1:[A-Za-z0-9+/]{27}=$"},
}

MEANINGS: Final[Mapping[str, str]] = {
    "id": "Identifies the flow by blob, offset, checksum and ordinal.",
    "time": "The time stamp of the tuple, in UTC with milliseconds.",
    "recordTime": "The `time` of the record, as written.",
    "flowLogType": "The kind of flow log: of a network security group or of a virtual network.",
    "flowLogVersion": "The version of its format.",
    "macAddress": "The MAC address of the network interface, as written.",
    "flowLogResourceId": "The resource id of the flow log.",
    "targetResourceId": "The resource id of what is logged; NSG: of the network security group.",
    "aclId": "What the rule belongs to; NSG: the resource id of the group; VNet: `aclID`, a GUID or a resource id.",
    "rule": "The name of the rule that decided.",
    "srcIp": "The source address, IPv4 or IPv6, as written.",
    "destIp": "The destination address, IPv4 or IPv6, as written.",
    "srcPort": "The source port.",
    "destPort": "The destination port.",
    "protocol": "The number of the IP protocol, as IANA assigns it: TCP is 6, UDP is 17.",
    "direction": "Whether the interface received the flow or sent it.",
    "decision": "Whether the rule allowed the flow.",
    "flowState": "Whether the flow begins, continues, ends, or is denied.",
    "encryption": "`X`: encrypted; `NX`: not encrypted; `NX_…`: why not, as written.",
    "packetsSrcToDest": "Packets from source to destination since the flow's tuple before.",
    "bytesSrcToDest": "Bytes from source to destination since the flow's tuple before.",
    "packetsDestToSrc": "Packets from destination to source since the flow's tuple before.",
    "bytesDestToSrc": "Bytes from destination to source since the flow's tuple before.",
    "category": "The `category` of the record.",
    "operationName": "The `operationName` of the record.",
    "flowLogGuid": "The GUID of the flow log; NSG: `systemId`.",
    "subscriptionId": "The subscription in `targetResourceId`.",
    "resourceGroup": "The resource group in `targetResourceId`.",
    "resourceType": "The type in `targetResourceId`, such as `Microsoft.Network/virtualNetworks`.",
    "resourceName": "The name in `targetResourceId`; of a child resource `parent/child`.",
    "ruleType": "Who made the rule, by its prefix: `DefaultRule_`, `UserRule_` or `PlatformRule`.",
    "protocolName": "The keyword of the protocol, as IANA assigns it, such as `TCP`; null for a number without one.",
    "blob": "`account/container/name` of the source blob.",
    "ipVersion": "The version of IP: 4 or 6, by the source address.",
    "bytes": "Bytes in both directions since the flow's tuple before; null also where the sum is over 2⁶³ - 1.",
    "packets": "Packets in both directions since the flow's tuple before; null also where the sum is over 2⁶³ - 1.",
    "communityId": "The Community ID, version 1 and seed 0: the same in both directions, at both ends. Null for ICMP "
    "and ICMPv6: it takes their type and code, which no log has.",
}
"""What each key says, in one sentence."""


def key_table(*, default: bool) -> str:
    """Write the keys that a flow has by default, or those that it has on request, as a table in Markdown."""
    rows = [_row(key) for key in KEYS if key.default == default]
    return "\n".join(["| key | type | values | null in | meaning |", "|---|---|---|---|---|", *rows]) + "\n"


def json_schema() -> Fragment:
    """Return the JSON Schema (draft 2020-12) of a flow: all default keys, and any of those on request.

    What is the same in every layout stands above; what differs stands in one branch for each layout.
    """
    fragments = {key.name: [value_fragment(key.name, layout) for layout in LAYOUTS] for key in KEYS}
    shared = {name: each[0] for name, each in fragments.items() if all(one == each[0] for one in each)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `make docs` from flowlog_core/flow/schemas/flow_1.py and flowlog_core/decode/formats.",
        "title": FLOW.name,
        "description": "A flow with all default keys, and any of those on request.",
        "type": "object",
        "properties": {key.name: {"description": MEANINGS[key.name], **shared.get(key.name, {})} for key in KEYS},
        "required": [key.name for key in KEYS if key.default],
        "additionalProperties": False,
        "oneOf": [
            {
                "title": _layout_name(layout),
                "properties": {name: each[number] for name, each in fragments.items() if name not in shared},
            }
            for number, layout in enumerate(LAYOUTS)
        ],
    }


def json_schema_page() -> str:
    """Write schemas/flow-1.json."""
    return json_text(json_schema()) + "\n"


def _layout_name(layout: Layout) -> str:
    return f"{'NSG' if layout.type == 'nsg' else 'VNet'} {layout.version}"


def value_fragment(name: str, layout: Layout) -> Fragment:
    """Return what the value of a key of ``flow/1`` must be where a tuple has this layout."""
    if name in _NOT_IN_TUPLES:
        return _NOT_IN_TUPLES[name](layout)
    _, column = layout.columns_by_key.get(name, (None, None))
    return _NULL if column is None else _column_fragment(name, column)


def _column_fragment(name: str, column: Column) -> Fragment:
    form = column.gives[name]
    if form == "text":
        return _TEXTS[name]
    if isinstance(form, str):
        kind = "integer" if form == "number" else ["integer", "null"]
        return {"type": kind, "minimum": 0, "maximum": NUMBER_LIMITS[name]}
    values = list(dict.fromkeys(json.loads(text) for text in form.values()))
    return {"enum": values} if len(values) <= _MOST_LISTED else _OPTIONAL


def _row(key: Key) -> str:
    fragments = {_layout_name(layout): value_fragment(key.name, layout) for layout in LAYOUTS}
    kinds = list(dict.fromkeys(kind for each in fragments.values() for kind in _types(each) if kind != "null"))
    cells = [
        f"`{key.name}`",
        " or ".join(kinds),
        _by_layout({name: _values(each) for name, each in fragments.items()}),
        _nulls(fragments),
        MEANINGS[key.name],
    ]
    return f"| {' | '.join(cells)} |"


def _types(fragment: Fragment) -> Sequence[str]:
    if "enum" in fragment:
        names = {str: "string", int: "integer", type(None): "null"}
        return [names[type(value)] for value in fragment["enum"]]
    return [fragment["type"]] if isinstance(fragment["type"], str) else list(fragment["type"])


def _values(fragment: Fragment) -> str:
    """Write down the values of a key, where they are listed or have a limit."""
    if "enum" in fragment:
        return ", ".join(f"`{value}`" for value in fragment["enum"] if value is not None)
    if "maximum" in fragment:
        limit = fragment["maximum"]
        return f"0 to {'2⁶³ - 1' if limit == 2**63 - 1 else limit}"
    return ""


def _by_layout(texts: Mapping[str, str]) -> str:
    """Join what may differ from layout to layout; layouts that have nothing to say are left out."""
    grouped: dict[str, list[str]] = {}
    for name, text in texts.items():
        if text:
            grouped.setdefault(text, []).append(name)
    if len(grouped) == 1:
        return next(iter(grouped))
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in grouped.items())


def _nulls(fragments: Mapping[str, Fragment]) -> str:
    """Say in which logs a key is null always, and in which it may be."""
    always = [name for name, each in fragments.items() if each == _NULL]
    maybe = [name for name, each in fragments.items() if each != _NULL and "null" in _types(each)]
    parts = [", ".join(always)] if always else []
    if maybe:
        where = "any" if len(maybe) == len(fragments) else ", ".join(maybe)
        parts.append(f"{where}, where not known")
    return "; ".join(parts)
