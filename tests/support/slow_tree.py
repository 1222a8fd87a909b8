"""A schema's tree, interpreted node by node over a flow in ``flow/1`` that has all keys: nothing is compiled."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flowlog_core.flow.tree import Distinct, Fixed, Form, Node, Object, Schema, Table, Value, Where

type Flow = Mapping[str, Any]

_ABSENT: Final = object()
_NETWORK_PARTS: Final = 9  # "", subscriptions, …, resourceGroups, …, providers, Microsoft.Network, virtualNetworks, …
_LONGEST_NETWORK: Final = 1024
_NETWORK: Final = ["subscriptions", "resourcegroups", "providers", "microsoft.network", "virtualnetworks"]


def interpret(schema: Schema, flat: Flow) -> Any:
    """Return the flow as the schema has it."""
    return _node(schema.tree, flat, nulls=schema.nulls)


def _node(node: Node, flat: Flow, *, nulls: bool) -> Any:
    match node:
        case Object(members):
            written = {key: _node(member, flat, nulls=nulls) for key, member in members.items()}
            there = {key: value for key, value in written.items() if value is not _ABSENT}
            return there or _ABSENT
        case Fixed(value):
            return value
        case Value(name, form):
            found = _value(name, form, flat)
        case Table(names, values):
            found = values.get(tuple(flat[name] for name in names))
        case Distinct(first, second):
            return list(dict.fromkeys((flat[first], flat[second])))
        case Where(name, word, Value(value, form)):
            found = _value(value, form, flat) if flat[name] == word else None
    return _ABSENT if found is None and not nulls else found


def _value(name: str, form: Form, flat: Flow) -> Any:
    value = _virtual_network(flat["targetResourceId"]) if name == "virtualNetworkId" else flat[name]
    return None if value is None else _FORMS[form](value)


def _moment(text: str) -> datetime | None:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?", text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _mac(text: str, separator: str) -> str | None:
    digits = re.sub("[:-]", "", text).upper()
    return separator.join(re.findall("..", digits)) if re.fullmatch("[0-9A-F]{12}", digits) else None


def _virtual_network(resource_id: str) -> str | None:
    parts = resource_id.split("/")[:_NETWORK_PARTS]
    named = [part.lower() for part in (*parts[1:4:2], *parts[5:8])]
    if len(parts) != _NETWORK_PARTS or not all(parts[2::2]) or named != _NETWORK:
        return None
    network = "/".join(parts)
    return network if len(network) <= _LONGEST_NETWORK else None


def _time(text: str) -> str | None:
    moment = None if re.search(r"\.\d{10}", text) else _moment(text)
    if moment is None:
        return None
    offset = datetime.fromisoformat(text).utcoffset() or timedelta(0)
    return text if abs(offset) <= timedelta(hours=18) else None


def _milliseconds(text: str) -> int | None:
    moment = _moment(text)
    return None if moment is None else (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


_FORMS: Final[Mapping[Form, Callable[[Any], Any]]] = {
    "plain": lambda value: value,
    "text": str,
    "time": _time,
    "milliseconds": _milliseconds,
    "mac with colons": lambda text: _mac(text, ":"),
    "mac with hyphens": lambda text: _mac(text, "-"),
}
