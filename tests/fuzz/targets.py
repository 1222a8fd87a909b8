"""What is fuzzed: any bytes between the records of a log, and as an event's body, and what must hold of them.

The limits are lowered, so that inputs of some kilobytes reach them: see `lowered`.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final
from unittest.mock import patch
from zlib import crc32

import orjson

from flowlog_core.cli.output.flow_display import JsonLines, PlainLines
from flowlog_core.cli.output.streams import ERR, OUT
from flowlog_core.cli.tail import Tail
from flowlog_core.decode import open_range, scanner
from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.errors import FlowLogError
from flowlog_core.events import body_reader
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.tree import Schema
from flowlog_core.operations.audit.bodies import body_fault
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.operations.tail.flow_filter import FlowFilter
from flowlog_core.source.blob import ByteRange
from tests.support.flow_logs import CLOSER, OPENER, VNET, nsg_record, vnet_record
from tests.support.hostile import harm_in

RECORD_BYTES: Final = 1024
BODY_BYTES: Final = 8 * 1024
FLOW_BYTES: Final = 1024
_MOST_INPUT: Final = 1200  # of bytes between records, repeated
_MOST_BODY: Final = 64 * 1024  # of a body, unpacked
_LONGER: Final = 3  # times as long as it was may JSON be that is written again: 1e9 is
_MOST_PRINTED: Final = 3  # rejects of an input
_LONGEST_REASON: Final = 1000

_NOW: Final = datetime(2026, 11, 20, 23, 7, tzinfo=UTC)
_ENCODER: Final = Encoder()
_FIRST: Final = vnet_record(1)
_LAST: Final = nsg_record(["1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"])
_CHUNKS: Final = (1_000_000, 1_000_000, 1_000_000, 1_000_000, 30, 150, 400, 1000)
_TYPES: Final = ("application/x-ndjson", "application/json", None, "text/plain")
_SCHEMAS: Final = tuple(SCHEMAS.values())
_FIRST_ID: Final = f"{VNET.key}-12-{crc32(_FIRST):08x}-0"
_ANNOUNCED: Final = (1, 2, 1_000_000, 0)
_WANTED: Final = FlowFilter(rule="x", networks=(ip_network("10.0.0.0/8"),), port=443)
_ALL: Final = FlowFilter()


@contextmanager
def lowered() -> Iterator[None]:
    """Lower the limits of the product, so that small inputs reach them."""
    with (
        patch.object(scanner, "MAX_RECORD_BYTES", RECORD_BYTES),
        patch.object(open_range, "MAX_RECORD_BYTES", RECORD_BYTES),
        patch.object(body_reader, "MOST_BODY_BYTES", BODY_BYTES),
        patch.object(body_reader, "MOST_FLOW_BYTES", FLOW_BYTES),
        patch.object(body_reader, "_PIECE", 1024),
    ):
        yield


# Decoding: the input stands between two sound records.


def decode(data: bytes) -> None:
    """Put bytes between two sound records: both are decoded, whatever stands between, and in whatever chunks it comes.

    The first byte says whether and how often the rest is repeated, and the chunks.
    """
    if not data:
        return
    flags, middle = data[0], data[1:]
    middle = (middle * (1 << (flags >> 4)))[:_MOST_INPUT] if flags & 8 else middle
    log = OPENER + _FIRST + b"," + middle + b"," + _LAST + CLOSER
    items = list(_decoded(log, _CHUNKS[0]))
    _check_items(log, items)
    chunk = _CHUNKS[flags & 7]
    if chunk < len(log):
        assert [_essence(item) for item in _decoded(log, chunk)] == [_essence(item) for item in items]


def _decoded(log: bytes, chunk: int) -> Iterator[DecodedItem]:
    reader = LogReader(VNET, _ENCODER)
    return reader.read(log[start : start + chunk] for start in range(0, len(log), chunk))


def _essence(item: DecodedItem) -> tuple[object, ...]:
    lines = item.encoded.lines if item.encoded is not None else None
    return item.end, item.counts, item.rejected, lines, item.gap


def _check_items(log: bytes, items: list[DecodedItem]) -> None:
    ends = [item.end for item in items]
    assert ends == sorted(set(ends))
    assert ends[-1] <= len(log)
    sound = {item.end for item in items if item.encoded is not None and not item.encoded.bad}
    assert len(OPENER) + len(_FIRST) in sound, "the record before is lost"
    assert len(log) - len(CLOSER) in sound, "the record after is lost"
    for item in items:
        flows = item.encoded.lines if item.encoded is not None else []
        assert len(flows) + item.counts.quarantined == item.counts.tuples
        for line in flows:
            assert line.isascii()
            assert line.isprintable()
            orjson.loads(line)
        rejected = item.rejected
        if rejected is None:
            assert item.counts.quarantined == 0
            continue
        assert rejected.count == item.counts.quarantined
        assert len(rejected.reason) < _LONGEST_REASON
        assert rejected.reason.isprintable()
        raw = log[rejected.offset : rejected.offset + rejected.length]
        assert rejected.crc == crc32(raw)
        assert rejected.raw in {None, raw}
        assert len(rejected.raw or b"") <= RECORD_BYTES, "more bytes are kept than a record may have"
        assert (rejected.raw is None) == (rejected.length > RECORD_BYTES)
    _check_printable(lambda: _print_rejects(items))


def _print_rejects(items: list[DecodedItem]) -> None:
    rejected = [item.rejected for item in items if item.rejected is not None]
    for each in rejected[:_MOST_PRINTED]:
        ERR.write_json_line(json.loads(each.document(_NOW)))


# Events: the input is a body.


def event(data: bytes) -> None:
    """Read bytes as an event's body, as `tail` and `audit` do: one error or flows, in bounded memory, and printable.

    The first two bytes say what the event says of itself, whether the body is packed, and how often it is repeated; of
    one that isn't repeated, the second chooses the schema.
    """
    if len(data) < 2:  # the two
        return
    flags, repeats, body = data[0], data[1], data[2:]
    if flags & 0x80:
        prefix, body = body[: repeats >> 4], body[repeats >> 4 :]
        unit = body if flags & 3 else body + b"\n"  # lines, where the body is to be lines
        body = prefix + (unit * (1 << (repeats & 15)))[:_MOST_BODY]
    schema = _SCHEMAS[0 if flags & 0x80 else repeats % len(_SCHEMAS)]
    encoding = None
    if flags & 0x40:
        encoding, body = "gzip", gzip.compress(body, 1) if flags & 0x20 else body
    read = ReceivedEvent(
        partition="0",
        sequence=1,
        enqueued=_NOW,
        body=body,
        content_type=_TYPES[flags & 3],
        content_encoding=encoding,
        properties=_properties(body, schema, _ANNOUNCED[flags >> 2 & 3]),
    )
    _check_bounds(read)
    _check_printable(lambda: _tail(read, as_json=bool(flags & 0x10)))
    if read.properties is not None:
        body_fault(read, read.properties, VNET.key)


def _properties(body: bytes, schema: Schema, announced: int) -> EventProperties | None:
    """Return sound properties, or those that the body holds as JSON."""
    if body.startswith(b'{"schema"'):
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return EventProperties.read({key: value for key, value in told.items() if isinstance(value, str | int)})
    return EventProperties(
        blob=VNET.path,
        generation=0,
        byte_range=ByteRange(0, 100),
        part=0,
        parts=1,
        flows=announced,
        quarantined=0,
        first_id=_FIRST_ID,
        last_id=_FIRST_ID,
        fields=schema.keys,
        schema=schema.name,
    )


def _check_bounds(read: ReceivedEvent) -> None:
    """Ensure that no more is read of a packed body than it may unpack to."""
    size = 0
    try:
        for flow in read.flows():
            size += len(orjson.dumps(flow))
            limit = BODY_BYTES if read.content_encoding else len(read.body)
            assert size <= _LONGER * limit + FLOW_BYTES, "more is read than a body may hold"
    except FlowLogError as error:
        if len(str(error)) > _LONGEST_REASON:
            raise AssertionError("the error is too long to be read") from error


def _tail(read: ReceivedEvent, *, as_json: bool) -> None:
    tail = Tail(_ALL if len(read.body) % 2 else _WANTED, None, as_written=as_json, verbose=True)
    tail.show(read, JsonLines() if as_json else PlainLines(None, OUT))
    OUT.write_line(tail.totals())


def _check_printable(write: Callable[[], None]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        write()
    for text in (out.getvalue(), err.getvalue()):
        if not text.replace("\n", "").isprintable():
            raise AssertionError(f"written as it is: {harm_in(text)}")


TARGETS: Final = {"decode": decode, "events": event}
