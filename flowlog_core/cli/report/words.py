"""A traffic report in words and figures: its notes and its tables, as a terminal, a page and JSON have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowlog_core.cli.output.plain_text import counted
from flowlog_core.cli.output.terminal import Align, joined, sized
from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES
from flowlog_core.operations.report.report import Coverage
from flowlog_core.operations.report.tally import Total
from flowlog_core.operations.report.traffic import Summary, Table

UNKNOWN: Final = "-"
"""What stands where the logs do not tell packets and bytes, which is not to say that there were none."""

_MOST_REASONS: Final = 5
_HEADS: Final[Mapping[str, str]] = {
    "srcIp": "source",
    "srcPort": "src port",
    "destIp": "destination",
    "destPort": "dest port",
}
_TITLES: Final[Mapping[str, str]] = {"denied": "Denied traffic", "conversations": "Conversations"}
_BYTES_OF_ALL: Final = ("flows", "denied", "packets", "bytes", "sent", "received")
_FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "denied": ("flows", "first", "last"),
    "conversations": ("flows", "packets", "bytes", "sent", "received"),
}


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table as text.

    Attributes:
        title: What it shows.
        columns: Name and alignment of each.
        rows: Its cells.
        more: How many rows there are beside these.

    """

    title: str
    columns: tuple[tuple[str, Align], ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


def written(name: str, table: Table) -> WrittenTable:
    """Write a table for a person."""
    keys = table.grouping.keys
    figures = _FIGURES.get(name, _BYTES_OF_ALL)
    heads: list[tuple[str, Align]] = [(_HEADS.get(key, key), "left") for key in keys]
    heads += [(figure, "right") for figure in figures]
    rows = []
    for values, total in table.rows:
        cells = [_cell(key, value) for key, value in zip(keys, values, strict=True)]
        rows.append((*cells, *(_figure(figure, total) for figure in figures)))
    title = _TITLES.get(name) or f"Traffic by {joined([head for head, align in heads if align == 'left'])}"
    return WrittenTable(title, tuple(heads), tuple(rows), table.size - len(rows))


def headline(summary: Summary, coverage: Coverage) -> str:
    """Say in one line what the report is about."""
    total = summary.total
    logs = f"{counted(coverage.logs, 'log')} ({sized(coverage.bytes)})"
    if total is None:
        return f"{logs}: no flows"
    amount = f"{total.packets:,} packets, {total.bytes:,} bytes" if total.counted else "packets and bytes not known"
    span = f"{_second(total.first)} to {_second(total.last)}"
    return f"{logs}, {span}: {counted(total.flows, 'flow')}, {total.denied:,} denied; {amount}"


def notes(summary: Summary, coverage: Coverage) -> list[str]:
    """Say what must be known to read the figures right, a sentence each."""
    total = summary.total
    first = summary.versions.get(("nsg", 1), 0)
    silent = total.flows - total.counted - first if total else 0
    conversations, size_twice = summary.twice
    left_out = f"{counted(coverage.left_out, 'NSG flow log')} ({sized(coverage.left_out_bytes)})"
    twice = f"{counted(conversations, 'conversation')}, with {size_twice:,} bytes of these totals"
    sentences = (
        (coverage.left_out, f"Left out, as VNet flow logs tell of the same interfaces and hours: {left_out}."),
        (first, f"Of version 1, which logs no packets and bytes: {counted(first, 'flow')}."),
        (silent, f"Without counters, as where one begins or is denied: {counted(silent, 'flow')}."),
        (conversations, f"Logged at both of their ends, and counted at both: {twice}."),
        (sum(summary.undecoded.values()), f"Not decoded, and in no total: {_undecoded(summary.undecoded)}."),
        (
            coverage.archived,
            f"Archived, and not read before they are rehydrated: {counted(coverage.archived, 'blob')}.",
        ),
        (coverage.gone, f"Deleted meanwhile: {counted(coverage.gone, 'blob')}."),
        (coverage.no_logs, f"No flow log, or not to be read: {coverage.no_logs:,}."),
    )
    return [sentence for count, sentence in sentences if count]


def document(summary: Summary, coverage: Coverage) -> dict[str, object]:
    """Give the report for JSON; what is not known is null."""
    return {
        "logs": {
            "counted": coverage.logs,
            "bytes": coverage.bytes,
            "leftOut": coverage.left_out,
            "leftOutBytes": coverage.left_out_bytes,
            "archived": coverage.archived,
            "gone": coverage.gone,
            "noLogs": coverage.no_logs,
        },
        "versions": [
            {"flowLogType": kind, "flowLogVersion": version, "flows": flows}
            for (kind, version), flows in sorted(summary.versions.items())
        ],
        "undecoded": dict(summary.undecoded),
        "loggedAtBothEnds": {"conversations": summary.twice[0], "bytes": summary.twice[1]},
        "notes": notes(summary, coverage),
        "total": _fields(summary.total) if summary.total else None,
        "tables": {
            name: {
                "size": table.size,
                "rows": [
                    {**dict(zip(table.grouping.keys, values, strict=True)), **_fields(total)}
                    for values, total in table.rows
                ],
            }
            for name, table in summary.tables.items()
        },
    }


def _undecoded(reasons: Mapping[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    told = [f"{reason} ({count:,})" for reason, count in ordered[:_MOST_REASONS]]
    if len(ordered) > _MOST_REASONS:
        told.append(counted(len(ordered) - _MOST_REASONS, "more reason"))
    return f"{sum(reasons.values()):,} records and tuples: {'; '.join(told)}"


def _cell(key: str, value: str | int | None) -> str:
    if key == "protocol" and isinstance(value, int):
        return PROTOCOL_NAMES.get(value, str(value))
    return UNKNOWN if value is None else str(value)


def _figure(name: str, total: Total) -> str:
    if name in {"first", "last"}:
        return _second(getattr(total, name))
    attribute = {"sent": "bytes_out", "received": "bytes_back"}.get(name, name)
    known = name in {"flows", "denied"} or total.counted
    return f"{getattr(total, attribute):,}" if known else UNKNOWN


def _second(time: str) -> str:
    return f"{time[:19]}Z"


def _fields(total: Total) -> dict[str, object]:
    counters = {
        "packets": total.packets,
        "bytes": total.bytes,
        "packetsSrcToDest": total.packets_out,
        "bytesSrcToDest": total.bytes_out,
        "packetsDestToSrc": total.packets_back,
        "bytesDestToSrc": total.bytes_back,
    }
    return {
        "flows": total.flows,
        "denied": total.denied,
        "withoutCounters": total.flows - total.counted,
        **(counters if total.counted else dict.fromkeys(counters)),
        "first": total.first,
        "last": total.last,
    }
