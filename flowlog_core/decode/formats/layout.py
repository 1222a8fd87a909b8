"""Tuple layouts as data: what each comma-separated column takes, and which keys of a flow it gives.

A layout becomes one regular expression that validates every tuple of a flow group at once. What it doesn't match is
looked at column by column, so that the reason names the column.

Patterns are possessive: what a part has matched, it never gives up. Each column has only one way to be read, and a
tuple that doesn't fit is refused after one look at each of its characters.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from socket import AF_INET6, inet_pton
from typing import Final, Literal, cast

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES

Form = Literal["text", "number", "number or null"]
"""How a column is written as JSON: quoted, as it is, or as it is where it is not empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of a tuple.

    Attributes:
        name: What the column is, for a reason.
        pattern: What it takes: a possessive regular expression without capturing groups.
        gives: Key of a flow to how the key's value is written, or to a table from the column's text to JSON text.

    """

    name: str
    pattern: str
    gives: Mapping[str, Form | Mapping[str, str]]


def at_most(limit: int) -> str:
    """Write a regular expression for the plain decimal numbers 0 to `limit`, without leading zeros."""
    digits = str(limit)
    ways = ["0", _at_most(digits, "1")] if limit else ["0"]
    return f"(?:{'|'.join(ways)})"


def _at_most(digits: str, lowest: str) -> str:
    """Write one for numbers up to these digits whose first digit is `lowest` or more."""
    first, rest = digits[0], digits[1:]
    if not rest:
        return _digits(lowest, first)
    ways = []
    if first > lowest:
        ways.append(_digits(lowest, chr(ord(first) - 1)) + _any_digits(len(rest)))
    ways.append(f"{first}(?:{_at_most(rest, '0')})?+")
    if first < "9":
        ways.append(_digits(chr(ord(first) + 1), "9") + _any_digits(len(rest) - 1))
    return "|".join(ways)


def _digits(lowest: str, highest: str) -> str:
    return lowest if lowest == highest else f"[{lowest}-{highest}]"


def _any_digits(most: int) -> str:
    return rf"[0-9]{{0,{most}}}+" if most else ""


def _json_texts(table: Mapping[str, str]) -> dict[str, str]:
    return {letter: f'"{word}"' for letter, word in table.items()}


_OCTET: Final = at_most(255)
_IPV4: Final = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_IPV6: Final = r"[0-9A-Fa-f.]*+:[0-9A-Fa-f:.]++"  # the letters only; `_is_ipv6` has the last word
_IPV6_LENGTH: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_ADDRESS: Final = rf"(?:{_IPV4}|{_IPV6})"
_ADDRESSES: Final = slice(1, 3)  # the columns, in every layout
_STATES: Final = {"B": "begin", "C": "continue", "E": "end"}
_PROTOCOL_TEXTS: Final = {
    str(number): f'"{PROTOCOL_NAMES[number]}"' if number in PROTOCOL_NAMES else "null" for number in range(256)
}

TIME: Final = Column("time stamp", r"[1-9][0-9]{9}(?:[0-9]{3})?+", {})
"""Seconds (10 digits) or milliseconds (13 digits) since 1970, in any format. Its key is the encoder's own."""

SOURCE_ADDRESS: Final = Column("source address", _ADDRESS, {"srcIp": "text"})
DESTINATION_ADDRESS: Final = Column("destination address", _ADDRESS, {"destIp": "text"})
SOURCE_PORT: Final = Column("source port", at_most(65535), {"srcPort": "number"})
DESTINATION_PORT: Final = Column("destination port", at_most(65535), {"destPort": "number"})
LETTER_PROTOCOL: Final = Column(
    "protocol", "[TU]", {"protocol": {"T": "6", "U": "17"}, "protocolName": {"T": '"TCP"', "U": '"UDP"'}}
)
NUMBER_PROTOCOL: Final = Column("protocol", at_most(255), {"protocol": "number", "protocolName": _PROTOCOL_TEXTS})
DIRECTION: Final = Column("direction", "[IO]", {"direction": _json_texts({"I": "inbound", "O": "outbound"})})
DECISION: Final = Column("decision", "[AD]", {"decision": _json_texts({"A": "allow", "D": "deny"})})
STATE: Final = Column("flow state", "[BCE]", {"flowState": _json_texts(_STATES)})
STATE_OR_DENIED: Final = Column(
    "flow state",
    "[BCED]",
    {
        "flowState": _json_texts({**_STATES, "D": "deny"}),
        "decision": _json_texts({**dict.fromkeys(_STATES, "allow"), "D": "deny"}),
    },
)
ENCRYPTION: Final = Column("encryption", "(?:X|NX(?:_[A-Z0-9_]++)?+)", {"encryption": "text"})
COUNTERS: Final = tuple(
    Column(name, f"{at_most(2**63 - 1)}?+", {key: "number or null"})
    for name, key in (
        ("packets from source", "packetsSrcToDest"),
        ("bytes from source", "bytesSrcToDest"),
        ("packets from destination", "packetsDestToSrc"),
        ("bytes from destination", "bytesDestToSrc"),
    )
)
"""The four counters; an empty one is not known, which is not zero."""


def _is_ipv6(text: str) -> bool:
    """Whether a text of the letters of one is an IPv6 address (RFC 4291, section 2.2)."""
    if len(text) > _IPV6_LENGTH:
        return False
    try:
        inet_pton(AF_INET6, text)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class CheckedTuples:
    """The tuples of a flow group, checked.

    Attributes:
        sound: Those that fit their layout, in order.
        reasons: Index of each other one to what is wrong with it, without any of its content.
        denied: How many of the sound ones are of denied flows.

    """

    sound: Sequence[str]
    reasons: Mapping[int, str]
    denied: int


@dataclass(frozen=True, eq=False)
class Layout:
    """The layout of one format's tuples.

    Attributes:
        type: ``nsg`` or ``vnet``.
        version: Version of the format.
        columns: The columns, in order; the first is the time stamp, and source and destination address come next.

    """

    type: Literal["nsg", "vnet"]
    version: int
    columns: tuple[Column, ...]

    def check(self, tuples: Sequence[object]) -> CheckedTuples:
        """Check the tuples of a flow group."""
        text = self._join_sound(tuples)
        if text is not None:
            return CheckedTuples(cast("Sequence[str]", tuples), {}, self._count_denied(text))
        each = [self._join_sound([one]) for one in tuples]
        sound = [text for text in each if text is not None]
        reasons = {index: self._reason(tuples[index]) for index, text in enumerate(each) if text is None}
        return CheckedTuples(sound, reasons, self._count_denied("\n".join(sound)))

    @cached_property
    def columns_by_key(self) -> Mapping[str, tuple[int, Column]]:
        """For each key that a column gives, the column's index, and the column."""
        return {key: (index, column) for index, column in enumerate(self.columns) for key in column.gives}

    @cached_property
    def _lines(self) -> re.Pattern[str]:
        line = ",".join(column.pattern for column in self.columns)
        return re.compile(rf"{line}(?:\n{line})*+")

    @cached_property
    def _column_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(column.pattern) for column in self.columns)

    def _count_denied(self, lines: str) -> int:
        """Count the tuples of denied flows: nothing but a decision, or the state that stands for it, is a ``D``."""
        last = "decision" in self.columns[-1].gives
        return f"{lines}\n".count(",D\n") if last else lines.count(",D,")

    def _join_sound(self, tuples: Sequence[object]) -> str | None:
        """Return the tuples as lines if all of them fit."""
        if not tuples:
            return ""
        try:
            text = "\n".join(tuples)  # type: ignore[arg-type]  # anything else raises, and that is the check
        except TypeError:
            return None
        if text.count("\n") != len(tuples) - 1 or self._lines.fullmatch(text) is None:
            return None
        if ":" in text and not _have_addresses(cast("Sequence[str]", tuples)):
            return None
        return text

    def _reason(self, text: object) -> str:
        """Say why a tuple doesn't fit, without any of its content."""
        if not isinstance(text, str):
            return "not a string"
        columns = text.count(",") + 1
        if columns != len(self.columns):
            return f"{columns} columns where {self.type} version {self.version} has {len(self.columns)}"
        for column, pattern, part in zip(self.columns, self._column_patterns, text.split(","), strict=True):
            if pattern.fullmatch(part) is None or (":" in part and not _is_ipv6(part)):
                return f"no {column.name}"
        raise AssertionError("a tuple whose every column fits was refused")


def _have_addresses(tuples: Iterable[str]) -> bool:
    """Whether what has the letters of an IPv6 address in tuples that match their pattern is one."""
    with_colon = [each for each in tuples if ":" in each]
    addresses = {address for each in with_colon for address in each.split(",", _ADDRESSES.stop)[_ADDRESSES]}
    return all(_is_ipv6(address) for address in addresses if ":" in address)
