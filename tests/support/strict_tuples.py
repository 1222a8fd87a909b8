"""The layouts of tuples, read column by column and without any care for time: what fits, and why not."""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

type Check = Callable[[str], bool]


def _matches(pattern: str) -> Check:
    return lambda text: re.fullmatch(pattern, text, re.ASCII) is not None


def _number_to(limit: int) -> Check:
    return lambda text: re.fullmatch(r"0|[1-9]\d*", text, re.ASCII) is not None and int(text) <= limit


def _is_address(text: str) -> bool:
    if re.fullmatch(r"[0-9A-Fa-f.:]+", text) is None:
        return False
    try:
        return IPv6Address(text).scope_id is None if ":" in text else bool(IPv4Address(text).packed)
    except AddressValueError:
        return False


def _is_counter(text: str) -> bool:
    return not text or _number_to(2**63 - 1)(text)


_HEAD: Final[list[tuple[str, Check]]] = [
    ("time stamp", _matches(r"[1-9]\d{9}(\d{3})?")),
    ("source address", _is_address),
    ("destination address", _is_address),
    ("source port", _number_to(65535)),
    ("destination port", _number_to(65535)),
]
_NSG: Final = [
    *_HEAD,
    ("protocol", _matches("[TU]")),
    ("direction", _matches("[IO]")),
    ("decision", _matches("[AD]")),
]
_COUNTERS: Final[list[tuple[str, Check]]] = [
    (f"{what} from {whom}", _is_counter) for whom in ("source", "destination") for what in ("packets", "bytes")
]
_LAYOUTS: Final = {
    ("nsg", 1): _NSG,
    ("nsg", 2): [*_NSG, ("flow state", _matches("[BCE]")), *_COUNTERS],
    ("vnet", 4): [
        *_HEAD,
        ("protocol", _number_to(255)),
        ("direction", _matches("[IO]")),
        ("flow state", _matches("[BCED]")),
        ("encryption", _matches("X|NX(_[A-Z0-9_]+)?")),
        *_COUNTERS,
    ],
}
_DECISION: Final = 7


def reason_for(kind: str, version: int, text: object) -> str | None:
    """Say why a tuple doesn't fit its layout, or return None."""
    columns = _LAYOUTS[kind, version]
    if not isinstance(text, str):
        return "not a string"
    parts = text.split(",")
    if len(parts) != len(columns):
        return f"{len(parts)} columns where {kind} version {version} has {len(columns)}"
    return next((f"no {name}" for (name, fits), part in zip(columns, parts, strict=True) if not fits(part)), None)


def is_denied(text: str) -> bool:
    """Whether a tuple that fits its layout is of a denied flow."""
    return text.split(",")[_DECISION] == "D"
