"""The command ``quarantine``: its actions, and the first of them, which lists what is there."""

import argparse
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from flowlog_core.adapters.storage.quarantine_store import quarantine_store
from flowlog_core.cli.input.arguments import Subparsers, add_command, read_settings
from flowlog_core.cli.output.plain_text import counted, safe_line
from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.rows import utc
from flowlog_core.cli.output.streams import OUT, complain
from flowlog_core.cli.output.terminal import console, show, table
from flowlog_core.cli.quarantine.item_selection import add_item_selection, item_selection, written_name
from flowlog_core.cli.quarantine.replay import add_replay
from flowlog_core.cli.quarantine.show import add_show
from flowlog_core.decode.overflow import REASON, StoredOverflow
from flowlog_core.operations.quarantine.listing import Stored, UnreadableItem, select_items

ALL_WELL: Final = 0
SOMETHING_THERE: Final = 1

_MOST_ROWS: Final = 1000  # of the table, which is in memory completely
_MOST_REASONS: Final = 20
_MOST_INSIDE: Final = 3  # reasons of its tuples that are shown beside an item's own
_COLUMNS: Final = (
    ("hour", "left"),
    ("mac", "left"),
    ("offset", "right"),
    ("count", "right"),
    ("since", "left"),
    ("reason", "left"),
)

_OVERVIEW: Final = """\
exit status: 0 all is well; 1 something is in quarantine, or remains there; 2 the command could
not do its work
"""
_EXAMPLES: Final = """\
examples:
  flowlog quarantine list
  flowlog quarantine list --since '2d ago' --reason 'is not known'
  flowlog quarantine list --names | xargs -r flowlog quarantine show --

COUNT is the number of records and tuples that an item stands for: of a sound record the tuples
that fit no layout, else 1. HOUR and MAC are those of the blob; SINCE is when the item was found.
--names writes each name so that no part of it is an option, or a word of its own: all but letters,
digits and /=-._~ is percent-encoded, and show and replay read it so.

exit status: 0 nothing is there; 1 something is; 2 it could not be told
"""


def add(commands: Subparsers) -> None:
    """Add the command, with its actions."""
    parser = commands.add_parser(
        "quarantine",
        help="list, show and replay what could not be decoded",
        description="Work with what could not be decoded and was put in quarantine.",
        epilog=_OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list(actions)
    add_show(actions)
    add_replay(actions)


def _add_list(actions: Subparsers) -> None:
    parser = add_command(
        actions,
        "list",
        summary="what is there, and why",
        description="List what is in quarantine, and why; without --since, all of it.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_list)
    add_item_selection(parser)
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    shape.add_argument("--names", action="store_true", help="print the items' names alone, one a line, percent-encoded")


@dataclass(slots=True)
class _Totals:
    """What was listed."""

    items: int = 0
    unreadable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, found: Iterable[Stored | UnreadableItem], tell: Callable[[str], None]) -> Iterator[Stored]:
        """Count what passes, and complain of what can't be read; give the others."""
        for each in found:
            if isinstance(each, UnreadableItem):
                self.unreadable += 1
                complain(each.reason)
            else:
                self.items += 1
                self.reasons.update(each.reason_counts)
                yield each
            tell(f"{self.items:,} items read")

    def fields(self) -> dict[str, object]:
        """Give them for JSON."""
        reasons = dict(self.reasons.most_common())
        count = self.reasons.total()
        return {"totals": {"items": self.items, "unreadable": self.unreadable, "count": count, "reasons": reasons}}


def _list(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    chosen = item_selection(options, settings)
    totals = _Totals()
    shown: list[Stored] = []
    with progress() as tell:
        found = totals.count(select_items(quarantine_store(settings.state), chosen), tell)
        if options.json:
            OUT.write_json_rows("items", map(_fields, found), totals.fields)
        elif options.names:
            for each in found:
                OUT.write_line(written_name(each.name))
        else:
            shown += islice(found, _MOST_ROWS)
            deque(found, maxlen=0)  # counted, where the table has no room
    if not (options.json or options.names):
        _print(shown, totals)
    return SOMETHING_THERE if totals.items or totals.unreadable else ALL_WELL


def _print(shown: list[Stored], totals: _Totals) -> None:
    out = console()
    if shown:
        items = table(_COLUMNS)
        for each in shown:
            items.add_row(*_cells(each))
        show(out, items)
        if totals.items > len(shown):
            out.print(f"and {totals.items - len(shown):,} more; --json and --names have all")
        reasons = table((("count", "right"), ("reason", "left")))
        for reason, count in totals.reasons.most_common(_MOST_REASONS):
            reasons.add_row(f"{count:,}", safe_line(reason))
        out.print()
        show(out, reasons)
        if len(totals.reasons) > _MOST_REASONS:
            out.print(f"and {len(totals.reasons) - _MOST_REASONS:,} more reasons; --json has all")
        out.print()
    out.print(f"{counted(totals.items, 'item')}, for {totals.reasons.total():,} records and tuples")


def _cells(stored: Stored) -> tuple[str, ...]:
    blob, own = stored.blob, _reason(stored)
    inside = [reason for reason in stored.reason_counts if reason != own]
    more = [f"{len(inside) - _MOST_INSIDE} more"] if len(inside) > _MOST_INSIDE else []
    reason = f"{own}: {', '.join(inside[:_MOST_INSIDE] + more)}" if inside else own
    return (
        f"{blob.hour:%Y-%m-%dT%H:%MZ}" if blob.hour else "unknown",
        safe_line(blob.mac_address or "/".join(blob.name.split("/")[-2:])),
        str(_place(stored)[0]),
        f"{sum(stored.reason_counts.values()):,}",
        utc(stored.time),
        safe_line(reason),
    )


def _fields(stored: Stored) -> dict[str, object]:
    blob = stored.blob
    offset, length, crc = _place(stored)
    fields: dict[str, object] = {
        "name": stored.name,
        "blob": blob.path,
        "hour": utc(blob.hour) if blob.hour else None,
        "macAddress": blob.mac_address,
        "offset": offset,
        "length": length,
        "crc": f"{crc:08x}",
        "byReference": isinstance(stored, StoredOverflow) or stored.item.raw is None,
        "time": utc(stored.time),
        "count": sum(stored.reason_counts.values()),
        "reason": _reason(stored),
        "reasons": stored.reason_counts,
    }
    if isinstance(stored, StoredOverflow):
        fields["entries"] = len(stored.overflow.entries)
    return fields


def _reason(stored: Stored) -> str:
    return REASON if isinstance(stored, StoredOverflow) else stored.item.reason


def _place(stored: Stored) -> tuple[int, int, int]:
    """Return offset, length, and checksum: of an overflow item that of the first thing that it stood for."""
    if isinstance(stored, StoredOverflow):
        overflow = stored.overflow
        return overflow.offset, overflow.end - overflow.offset, overflow.crc
    return stored.item.offset, stored.item.length, stored.item.crc
