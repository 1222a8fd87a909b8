"""The action ``quarantine show``: items in full."""

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from typing import Final

import orjson

from flowlog_core.adapters.storage.quarantine_store import quarantine_store
from flowlog_core.cli.input.arguments import Subparsers, add_command, add_settings, read_settings
from flowlog_core.cli.output.command_log import CommandLog
from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.rows import utc
from flowlog_core.cli.output.streams import OUT, complain
from flowlog_core.cli.quarantine.item_selection import add_names, items_by_name, parse_path
from flowlog_core.decode.formats import decode
from flowlog_core.decode.overflow import REASON, OverflowEntry, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import ShapeError, UsageError
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.operations.quarantine.listing import Stored, UnreadableItem, items_of
from flowlog_core.operations.quarantine.replay import bytes_of
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import ItemName
from flowlog_core.wiring import Services, connect

SHOWN: Final = 0
DISAGREES: Final = 1
NOT_DONE: Final = 2

_EXAMPLES: Final = """\
examples:
  flowlog quarantine show ACCOUNT/CONTAINER/…/PT1H.json/4711-0a1b2c3d.json
  flowlog quarantine show --blob ACCOUNT/CONTAINER/…/PT1H.json --offset 4711
  flowlog quarantine show --raw NAME > record.json
  flowlog quarantine list --names | xargs -r flowlog quarantine show --

Items hold addresses: treat them as you treat the flow logs. Of an item that is kept by reference
--raw reads the bytes from the flow log, if they are still there unchanged. It writes them as they
are, and so never to a terminal. In a NAME, % begins a percent-encoded character, as in a URL.

exit status: 0 shown; 1 shown, and the name and the content of an item disagree; 2 there is no such
item, or it can't be read
"""


def add_show(actions: Subparsers) -> None:
    """Add the action."""
    parser = add_command(
        actions,
        "show",
        summary="items in full",
        description="Show items in full: the reason, the place, the tuples with their reasons, and the record.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=_show)
    add_settings(parser)
    add_names(parser)
    parser.add_argument("--blob", metavar="PATH", help="the items of this blob: account/container/name")
    parser.add_argument("--offset", type=int, metavar="N", help="of these, only the one at this offset")
    parser.add_argument("--raw", action="store_true", help="write the bytes of one item, and nothing else")


def _show(options: argparse.Namespace) -> int:
    if bool(options.names) == bool(options.blob) or (options.offset is not None and not options.blob):
        raise UsageError("say which items: their names, or --blob PATH, to which --offset N may be added")
    settings = read_settings(options)
    services = connect(settings, CommandLog(verbose=options.verbose))
    found = _asked_for(quarantine_store(settings.state), options)
    if options.raw:
        return _write_raw(services, found)
    shown, status = 0, SHOWN
    for each in found:
        stored = each.content if isinstance(each, UnreadableItem) else each
        if stored is not None:
            OUT.write(("\n" if shown else "") + _page(stored))
            shown += 1
        if isinstance(each, UnreadableItem):
            complain(each.reason)
            status = max(status, NOT_DONE if stored is None else DISAGREES)
    if not shown and status == SHOWN:
        raise UsageError("quarantine has nothing of this blob, or nothing at this offset")
    return status


def _write_raw(services: Services, found: Iterator[Stored | UnreadableItem]) -> int:
    if OUT.is_terminal:
        raise UsageError("--raw writes bytes as they are, which might command a terminal: send them elsewhere, > FILE")
    items = list(islice(found, 2))
    if len(items) != 1:
        raise UsageError(f"--raw takes one item, and there {'are more' if items else 'is none'}")
    if isinstance(items[0], UnreadableItem):
        raise UsageError(items[0].reason)
    if isinstance(items[0], StoredOverflow):
        raise UsageError(f"{items[0].name}: an overflow item has no bytes; its entries are places in the flow log")
    item = items[0].item
    if item.raw is None and (refusal := services.gate.refusal(item.blob)) is not None:
        raise UsageError(f"{items[0].name}: kept by reference, and its blob is not read: {refusal}")
    OUT.write_bytes(bytes_of(item, services.source))
    return SHOWN


def _asked_for(store: QuarantineStore, options: argparse.Namespace) -> Iterator[Stored | UnreadableItem]:
    if options.names:
        yield from items_by_name(store, options.names)
        return
    for found in items_of(store, SourceBlob(*parse_path(options.blob))):
        name = ItemName.read(found.name)
        if options.offset is None or (name is not None and name.offset == options.offset):
            yield found


def _page(stored: Stored) -> str:
    """Write an item for a person; nothing in it can command a terminal."""
    lines = _overflow_lines(stored) if isinstance(stored, StoredOverflow) else _item_lines(stored)
    return "".join(f"{safe_line(line)}\n" for line in lines)


def _overflow_lines(stored: StoredOverflow) -> list[str]:
    overflow = stored.overflow
    lines = [
        f"name    {stored.name}",
        f"blob    {overflow.blob.path}",
        f"place   offset {overflow.offset}, generation {overflow.generation}",
        f"since   {utc(stored.time)}",
        f"reason  {REASON}; {overflow.count:,} records and tuples, which the flow log has at:",
    ]
    return lines + [_entry_line(entry) for entry in overflow.entries]


def _entry_line(entry: OverflowEntry) -> str:
    what = "all of it" if entry.ordinals is None else f"tuples {', '.join(map(str, entry.ordinals))}"
    if entry.coarse:
        what = f"{entry.count:,} records and tuples somewhere in it"
    return f"entry   offset {entry.start}, {entry.end - entry.start:,} bytes: {what}"


def _item_lines(stored: StoredItem) -> list[str]:
    item = stored.item
    texts = _tuple_texts(item)
    lines = [
        f"name    {stored.name}",
        f"blob    {item.blob.path}",
        f"place   offset {item.offset}, {item.length:,} bytes, CRC-32 {item.crc:08x}",
        f"since   {utc(stored.time)}",
        f"reason  {item.reason}",
        *(f"{_tuple_line(each)}: {texts.get(each.ordinal, '')}".rstrip(": ") for each in item.tuples),
    ]
    for piece in item.remains:
        lines.append(f"remains offset {piece.offset}, {piece.length:,} bytes: {piece.reason}")
        lines += map(_tuple_line, piece.tuples)
    lines += [f"reason  {reason}: {count:,} records" for reason, count in item.merged]
    return [*lines, "", *_record(item.raw)]


def _tuple_line(rejected: RejectedTuple) -> str:
    fault_at = f"{rejected.pointer}: " if rejected.pointer else ""
    ordinal = f"{rejected.ordinal}: " if rejected.ordinal is not None else ""
    return f"{'tuple' if ordinal else 'tuples':8}{ordinal}{fault_at}{rejected.reason}"


def _tuple_texts(item: QuarantineItem) -> dict[int | None, str]:
    """Return the tuples of a record as written, by their ordinals."""
    if item.raw is None or not item.tuples:
        return {}
    try:
        groups = decode(item.raw, orjson.loads(item.raw)).groups
    except (orjson.JSONDecodeError, ShapeError):
        return {}
    texts = [text for group in groups for text in group.tuples or ()]
    return {ordinal: text if isinstance(text, str) else json.dumps(text) for ordinal, text in enumerate(texts)}


def _record(raw: bytes | None) -> list[str]:
    if raw is None:
        return ["kept by reference: --raw reads it from the flow log, if it is still there"]
    try:
        return json.dumps(orjson.loads(raw), indent=2, ensure_ascii=False).split("\n")
    except orjson.JSONDecodeError:
        return raw.decode(errors="backslashreplace").split("\n")
