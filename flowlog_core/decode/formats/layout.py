"""Tuple layouts as data: what each comma-separated column takes, and which keys of a flow it gives.

A layout becomes one regular expression that validates and splits every tuple of a flow group at once. What it doesn't
match is looked at column by column, so that the reason names the column.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, Literal

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES

Row = tuple[str, ...]
"""A tuple's captured parts: one a column, but two for a time stamp (seconds, milliseconds or "")."""

Form = Literal["text", "number", "number or null"]
"""How a part is written as JSON: quoted, as it is, or as it is where it is not empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of a tuple.

    Attributes:
        name: What the column is, for a reason.
        pattern: What it takes: a regular expression with one group for each part.
        gives: Key of a flow to how the key's value is written, or to a table from the column's text to JSON text.

    """

    name: str
    pattern: str
    gives: Mapping[str, Form | Mapping[str, str]]


def at_most(limit: int) -> str:
    """Write a regular expression for the plain decimal numbers 0 to `limit`, without leading zeros."""
    digits = str(limit)
    ways = []
    for index, digit in enumerate(digits):
        lowest = 1 if index == 0 else 0
        if int(digit) > lowest:
            rest = len(digits) - index - 1
            ways.append(rf"{digits[:index]}[{lowest}-{int(digit) - 1}]" + (rf"\d{{{rest}}}" if rest else ""))
    shorter = [rf"[1-9]\d{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    return "|".join([*shorter, "0", *ways, digits])


def _json_texts(table: Mapping[str, str]) -> dict[str, str]:
    return {letter: f'"{word}"' for letter, word in table.items()}


_OCTET: Final = f"(?:{at_most(255)})"
_IPV4: Final = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_IPV6: Final = r"[0-9A-Fa-f.]*+:[0-9A-Fa-f:.]++"  # the letters only; `_is_address` has the last word
_IPV6_LENGTH: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_DENIED: Final = "D"  # as a decision and as a flow state
_STATES: Final = {"B": "begin", "C": "continue", "E": "end"}
_PROTOCOL_TEXTS: Final = {
    str(number): f'"{PROTOCOL_NAMES[number]}"' if number in PROTOCOL_NAMES else "null" for number in range(256)
}

TIME: Final = Column("time stamp", r"([1-9]\d{9})(\d{3})?", {})
"""Seconds (10 digits) or milliseconds (13 digits) since 1970, in any format. Its key is the encoder's own."""

SOURCE_ADDRESS: Final = Column("source address", f"({_IPV4}|{_IPV6})", {"srcIp": "text"})
DESTINATION_ADDRESS: Final = Column("destination address", f"({_IPV4}|{_IPV6})", {"destIp": "text"})
SOURCE_PORT: Final = Column("source port", f"({at_most(65535)})", {"srcPort": "number"})
DESTINATION_PORT: Final = Column("destination port", f"({at_most(65535)})", {"destPort": "number"})
LETTER_PROTOCOL: Final = Column(
    "protocol", "([TU])", {"protocol": {"T": "6", "U": "17"}, "protocolName": {"T": '"TCP"', "U": '"UDP"'}}
)
NUMBER_PROTOCOL: Final = Column(
    "protocol", f"({at_most(255)})", {"protocol": "number", "protocolName": _PROTOCOL_TEXTS}
)
DIRECTION: Final = Column("direction", "([IO])", {"direction": _json_texts({"I": "inbound", "O": "outbound"})})
DECISION: Final = Column("decision", "([AD])", {"decision": _json_texts({"A": "allow", "D": "deny"})})
STATE: Final = Column("flow state", "([BCE])", {"flowState": _json_texts(_STATES)})
STATE_OR_DENIED: Final = Column(
    "flow state",
    "([BCED])",
    {
        "flowState": _json_texts({**_STATES, "D": "deny"}),
        "decision": _json_texts({**dict.fromkeys(_STATES, "allow"), "D": "deny"}),
    },
)
ENCRYPTION: Final = Column("encryption", "(X|NX(?:_[A-Z0-9_]+)?)", {"encryption": "text"})
COUNTERS: Final = tuple(
    Column(name, f"({at_most(2**63 - 1)}|)", {key: "number or null"})
    for name, key in (
        ("packets from source", "packetsSrcToDest"),
        ("bytes from source", "bytesSrcToDest"),
        ("packets from destination", "packetsDestToSrc"),
        ("bytes from destination", "bytesDestToSrc"),
    )
)
"""The four counters; an empty one is not known, which is not zero."""


def _is_address(text: str) -> bool:
    """Whether the text is an IPv6 address without a zone id (RFC 4291, section 2.2)."""
    return len(text) <= _IPV6_LENGTH and _is_ipv6(text)


@lru_cache(maxsize=65536)  # of texts that are short
def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except AddressValueError:
        return False


@dataclass(frozen=True, eq=False)
class Layout:
    """The layout of one format's tuples.

    Attributes:
        type: ``nsg`` or ``vnet``.
        version: Version of the format.
        columns: The columns, in order; the first is the time stamp.

    """

    type: Literal["nsg", "vnet"]
    version: int
    columns: tuple[Column, ...]
    _address_parts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        addresses = {SOURCE_ADDRESS.name, DESTINATION_ADDRESS.name}
        # A time stamp has two parts, so every later column's part is one further on.
        parts = tuple(index + 1 for index, column in enumerate(self.columns) if column.name in addresses)
        object.__setattr__(self, "_address_parts", parts)

    def count_denied(self, rows: Sequence[Row]) -> int:
        """Count the rows of denied flows."""
        part = self._decision_part
        return [row[part] for row in rows].count(_DENIED)

    @cached_property
    def _decision_part(self) -> int:
        return next(index + 1 for index, column in enumerate(self.columns) if "decision" in column.gives)

    @cached_property
    def _lines(self) -> re.Pattern[str]:
        return re.compile(rf"^{self._pattern}$", re.ASCII | re.MULTILINE)

    @cached_property
    def _pattern(self) -> str:
        return ",".join(column.pattern for column in self.columns)

    @cached_property
    def _column_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(column.pattern, re.ASCII) for column in self.columns)

    def split(self, tuples: Sequence[object]) -> tuple[Sequence[Row], dict[int, str]]:
        """Validate and split the tuples of a flow group.

        Returns:
            The rows of the tuples that fit, in order; and for each that doesn't, its index to the reason.

        """
        rows = self._split_sound(tuples)
        if rows is not None:
            return rows, {}
        rows, reasons = [], {}
        for index, text in enumerate(tuples):
            row = self._split_sound([text])
            if row is None:
                reasons[index] = self._reason(text)
            else:
                rows += row
        return rows, reasons

    def _split_sound(self, tuples: Sequence[object]) -> list[Row] | None:
        """Split tuples that all fit, or return None."""
        if not tuples:
            return []
        try:
            text = "\n".join(tuples)  # type: ignore[arg-type]  # anything else raises, and that is the check
        except TypeError:
            return None
        if text.count("\n") != len(tuples) - 1:
            return None
        rows: list[Row] = self._lines.findall(text)
        if len(rows) != len(tuples) or (":" in text and not self._have_addresses(rows)):
            return None
        return rows

    def _have_addresses(self, rows: list[Row]) -> bool:
        return all(":" not in row[part] or _is_address(row[part]) for row in rows for part in self._address_parts)

    def _reason(self, text: object) -> str:
        """Say why a tuple doesn't fit, without any of its content."""
        if not isinstance(text, str):
            return "not a string"
        columns = text.count(",") + 1
        if columns != len(self.columns):
            return f"{columns} columns where {self.type} version {self.version} has {len(self.columns)}"
        for column, pattern, part in zip(self.columns, self._column_patterns, text.split(","), strict=True):
            if pattern.fullmatch(part) is None:
                return f"no {column.name}"
            if "address" in column.name and ":" in part and not _is_address(part):
                return f"no {column.name}"
        raise AssertionError("a tuple whose every column fits was refused")
