"""Packing records of flows, and reading the events as a consumer does."""

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import pytest

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.items import Record
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.packer import Event, EventCompression, EventFormat, EventOptions, PackedRange, Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, flow_schema
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, decoded

STANDARD_BYTES = 1024 * 1024
"""What a hub of the standard tier takes."""

FORMATS: tuple[EventFormat, ...] = get_args(EventFormat)
COMPRESSIONS: tuple[EventCompression, ...] = get_args(EventCompression)

Input = tuple[int, EncodedRecord]
"""A record's end, and its flows."""


def encoded(records: Iterable[bytes], blob: SourceBlob = VNET, fields: Sequence[str] = DEFAULT_FIELDS) -> list[Input]:
    """Encode records that stand one after another in a blob, separated by commas."""
    encoder, start, inputs = Encoder(flow_schema(fields)), 12, []
    for raw in records:
        record = Record(start, raw, json.loads(raw))
        inputs.append((record.end, encoder.encode(blob, record, decoded(raw))))
        start = record.end + 1
    return inputs


def made_up(lengths: Iterable[Sequence[int]], *, seed: int | None = None) -> list[Input]:
    """Records of 1,000 bytes with lines of these lengths; of random characters where a seed is given."""
    chance = random.Random(seed)  # test data
    inputs = []
    for number, record in enumerate(lengths):
        lines = []
        for length in record:
            text = "a" * (length - 2) if seed is None else "".join(chance.choices(PRINTABLE, k=length - 2))
            lines.append(f'"{text}"')
        inputs.append((1000 * (number + 1), EncodedRecord(f"key-{number}-crc-", lines, range(len(lines)), ())))
    return inputs


PRINTABLE = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')


def pack(inputs: Iterable[Input], packer: Packer) -> list[PackedRange]:
    ranges: list[PackedRange] = []
    pending = TupleCounts()
    for end, record in inputs:
        pending += TupleCounts(len(record.lines) + len(record.bad), len(record.bad))
        for each in packer.add(end, record, pending):
            pending -= each.counts
            ranges.append(each)
    return ranges + packer.flush()


def events_of(ranges: Iterable[PackedRange]) -> list[Event]:
    return [event for each in ranges for event in each.events]


def packer(
    format_: EventFormat = "ndjson", compression: EventCompression = "none", max_bytes: int = 65_536, **more: Any
) -> Packer:
    options = EventOptions(format_, compression, max_bytes, flow_schema(more.pop("fields", DEFAULT_FIELDS)))
    return Packer(more.pop("blob", VNET), options, max_event_bytes=more.pop("hub_bytes", STANDARD_BYTES), **more)


def lines(event: Event) -> list[str]:
    """Read an event's body as a consumer does."""
    body = event.body
    if event.content_encoding == "gzip":
        body = gzip.decompress(body)
    text = body.decode("ascii")
    if event.content_type == "application/x-ndjson":
        assert not text.endswith("\n")
        return text.split("\n")
    if text.startswith('{"records":'):
        assert json.loads(text).keys() == {"records"}
        return [json.dumps(flow, separators=(",", ":")) for flow in json.loads(text)["records"]]
    return [text]


def check_ranges(ranges: Sequence[PackedRange], inputs: Sequence[Input], start: int = 0) -> None:
    """Assert that ranges tile, end behind records, and that their events number their parts."""
    ends = [end for end, record in inputs if record.lines]
    assert [each.end for each in ranges] == sorted({each.end for each in ranges})
    assert {each.end for each in ranges} <= set(ends)
    assert [each.end for each in ranges][-1:] == ends[-1:]
    for each in ranges:
        for part, event in enumerate(each.events):
            told = event.properties
            assert (told["rangeStart"], told["rangeEnd"]) == (start, each.end)
            assert (told["part"], told["parts"]) == (part, len(each.events))
        assert each.flows == sum(len(lines(event)) for event in each.events)
        assert each.flows + each.counts.quarantined == each.counts.tuples
        start = each.end


both_forms = pytest.mark.parametrize("compression", COMPRESSIONS)
all_formats = pytest.mark.parametrize("format_", FORMATS)
