"""Flows as rows below each other: which columns there are, and what stands in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.terminal import Align
from flowlog_core.events.body_reader import Flow

_NOTHING: Final = "-"
_PROTOCOLS: Final = {
    1: "ICMP",
    2: "IGMP",
    6: "TCP",
    17: "UDP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    132: "SCTP",
}
_DIRECTIONS: Final = {"inbound": "in", "outbound": "out"}

_STYLES: Final = {"deny": "red", "allow": "green"}

KEYS: Final = (
    "time",
    "srcIp",
    "srcPort",
    "destIp",
    "destPort",
    "protocol",
    "direction",
    "decision",
    "flowState",
    "bytesSrcToDest",
    "bytesDestToSrc",
    "rule",
)
"""The keys of a flow that are shown."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: What stands above it.
        width: Characters that it takes in a line; a longer cell takes more. A terminal has its own, see `flow_layout`.
        align: To which side.

    """

    name: str
    width: int
    align: Align = "left"


COLUMNS: Final = (
    Column("TIME", 12),
    Column("SOURCE", 27),
    Column("DESTINATION", 27),
    Column("PROTO", 6),
    Column("DIR", 3),
    Column("DECISION", 8),
    Column("STATE", 8),
    Column("BYTES", 12, "right"),
    Column("RULE", 30),
)


def cells(flow: Flow) -> tuple[str, ...]:
    """Give a flow's cells, in the order of the columns; ``-`` where it lacks a key, or its value is null."""
    sizes = [flow.get("bytesSrcToDest"), flow.get("bytesDestToSrc")]
    known = [size for size in sizes if isinstance(size, int)]
    return (
        _text(flow.get("time"))[11:23] or _NOTHING,
        _endpoint(flow.get("srcIp"), flow.get("srcPort")),
        _endpoint(flow.get("destIp"), flow.get("destPort")),
        _named(_PROTOCOLS, flow.get("protocol")),
        _named(_DIRECTIONS, flow.get("direction")),
        _text(flow.get("decision")),
        _text(flow.get("flowState")),
        f"{sum(known):,}" if known else _NOTHING,
        _text(flow.get("rule")),
    )


def style(flow: Flow) -> str:
    """Give the colour of a flow's row."""
    return _STYLES.get(str(flow.get("decision")), "")


def line(columns: Sequence[Column], words: Sequence[str]) -> str:
    """Write words below each other's columns; none is cut off."""
    padded = [
        word.rjust(column.width) if column.align == "right" else word.ljust(column.width)
        for column, word in zip(columns, words, strict=True)
    ]
    return " ".join(padded).rstrip()


def _text(value: object) -> str:
    return _NOTHING if value is None else safe_line(str(value))


def _named(names: Mapping[Any, str], value: object) -> str:
    return (names.get(value) if isinstance(value, int | str) else None) or _text(value)


def _endpoint(address: object, port: object) -> str:
    host = _text(address)
    if port is None:
        return host
    return f"[{host}]:{_text(port)}" if ":" in host else f"{host}:{_text(port)}"
