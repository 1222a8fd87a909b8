"""Events account for every byte range once, hold every flow once, and are never larger than allowed."""

import gzip
import json
import random
import sys
import zlib
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.amqp import AmqpMessageProperties
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlog_core.decode.formats import decode
from flowlog_core.decode.scanner import Record
from flowlog_core.errors import EventLimitError
from flowlog_core.events.body import _deflate
from flowlog_core.events.packer import (
    MIN_EVENT_BYTES,
    Event,
    EventCompression,
    EventFormat,
    EventOptions,
    PackedRange,
    Packer,
)
from flowlog_core.flow.formatter import EncodedRecord, Encoder
from flowlog_core.flow.schema import DEFAULT_FIELDS
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, vnet_record

STANDARD_BYTES = 1024 * 1024
"""What a hub of the standard tier takes."""

FORMATS: tuple[EventFormat, ...] = get_args(EventFormat)
COMPRESSIONS: tuple[EventCompression, ...] = get_args(EventCompression)
LONGEST = SourceBlob("a" * 24, "c" * 63, "🗼東é" * 341 + "x")
"""Name of 1,024 characters, most of them of several bytes."""

Input = tuple[int, EncodedRecord]
"""A record's end, and its flows."""


def encoded(records: Iterable[bytes], blob: SourceBlob = VNET, fields: Sequence[str] = DEFAULT_FIELDS) -> list[Input]:
    """Encode records that stand one after another in a blob, separated by commas."""
    encoder, start, inputs = Encoder(fields), 12, []
    for raw in records:
        value = json.loads(raw)
        record = Record(start, raw, value)
        inputs.append((record.end, encoder.encode(blob, record, decode(raw, value))))
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
    ranges = [each for end, record in inputs for each in packer.add(end, record)]
    return ranges + packer.flush()


def events_of(ranges: Iterable[PackedRange]) -> list[Event]:
    return [event for each in ranges for event in each.events]


def packer(
    format_: EventFormat = "ndjson", compression: EventCompression = "none", max_bytes: int = 65_536, **more: Any
) -> Packer:
    options = EventOptions(format_, compression, max_bytes, more.pop("fields", DEFAULT_FIELDS))
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


def sent_bytes(event: Event, partition_key: str = "0" * 128) -> int:
    """Size of an event in a batch, as the client reckons it."""
    data = EventData(event.body)
    data.raw_amqp_message.properties = AmqpMessageProperties(  # type: ignore[no-untyped-call]  # the client's lack
        content_type=event.content_type, content_encoding=event.content_encoding
    )
    data.properties = {
        name: {"TYPE": "LONG", "VALUE": value} if isinstance(value, int) else value
        for name, value in event.properties.items()
    }
    batch = EventDataBatch(max_size_in_bytes=4 * STANDARD_BYTES, partition_key=partition_key)
    before = batch.size_in_bytes
    batch.add(data)
    return batch.size_in_bytes - before


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
        start = each.end


both_forms = pytest.mark.parametrize("compression", COMPRESSIONS)
all_formats = pytest.mark.parametrize("format_", FORMATS)


@all_formats
@both_forms
def test_every_flow_is_sent_once_in_order_and_ranges_tile(format_: EventFormat, compression: EventCompression) -> None:
    inputs = encoded(vnet_record(count, number=number) for number, count in enumerate([1, 200, 0, 30, 3, 90, 0]))
    ranges = pack(inputs, packer(format_, compression, 20_000, range_start=5))
    check_ranges(ranges, inputs, 5)
    assert [line for event in events_of(ranges) for line in lines(event)] == [
        line for _, record in inputs for line in record.lines
    ]


@all_formats
@both_forms
def test_an_event_tells_what_the_contract_says(format_: EventFormat, compression: EventCompression) -> None:
    inputs = encoded([vnet_record(1)])
    [[event]] = [each.events for each in pack(inputs, packer(format_, compression, generation=3))]
    assert event.content_type == ("application/x-ndjson" if format_ == "ndjson" else "application/json")
    assert event.content_encoding == ("gzip" if compression == "gzip" else None)
    first = json.loads(inputs[0][1].lines[0])["id"]
    assert event.properties == {
        "schema": "flow/1",
        "blob": VNET.path,
        "generation": 3,
        "rangeStart": 0,
        "rangeEnd": inputs[0][0],
        "part": 0,
        "parts": 1,
        "flows": 1,
        "quarantined": 0,
        "firstId": first,
        "lastId": first,
    }


def test_a_replay_and_a_choice_of_fields_are_told_where_there_are_some() -> None:
    inputs = encoded([vnet_record(1)], fields=["srcIp", "blob"])
    [event] = events_of(pack(inputs, packer(replay="again", fields=("srcIp", "blob"))))
    assert event.properties["replay"] == "again"
    assert event.properties["fields"] == "srcIp,blob"


@all_formats
@both_forms
def test_first_and_last_id_are_those_of_the_body_whatever_the_fields(
    format_: EventFormat, compression: EventCompression
) -> None:
    records = [vnet_record(count, number=number) for number, count in enumerate([40, 1, 100, 3])]
    records[1] = records[1].replace(b"10.0.0.4", b"10.0.0.400")
    records[2] = records[2].replace(b",443,6,O,B", b",443,6,O,Z", 3)
    complete, some = encoded(records), encoded(records, fields=["srcPort"])
    ids = iter([json.loads(line)["id"] for _, record in complete for line in record.lines])
    for event in events_of(pack(some, packer(format_, compression, MIN_EVENT_BYTES, fields=("srcPort",)))):
        flows = [next(ids) for _ in lines(event)]
        assert (event.properties["firstId"], event.properties["lastId"]) == (flows[0], flows[-1])
        assert event.properties["flows"] == len(flows)
    assert next(ids, None) is None


def test_json_is_one_flow_an_event_and_each_is_a_part() -> None:
    inputs = encoded([vnet_record(5), vnet_record(2, number=1)])
    ranges = pack(inputs, packer("json"))
    assert [len(each.events) for each in ranges] == [5, 2]
    assert [lines(event) for event in events_of(ranges)] == [[line] for _, record in inputs for line in record.lines]


@all_formats
@both_forms
def test_a_small_append_is_one_event(format_: EventFormat, compression: EventCompression) -> None:
    count = 1 if format_ == "json" else 20
    inputs = encoded([vnet_record(count), vnet_record(0, number=1)])
    assert [len(each.events) for each in pack(inputs, packer(format_, compression, 262_144))] == [1]


@both_forms
def test_records_without_flows_give_no_event_and_their_bytes_belong_to_the_next(compression: EventCompression) -> None:
    none, some, more = encoded([vnet_record(0), vnet_record(1, number=1), vnet_record(0, number=2)])
    first = packer("ndjson", compression)
    assert pack([none], first) == []
    assert first.range_start == 0
    [each] = pack([some, more], first)
    assert (each.events[0].properties["rangeStart"], each.end) == (0, some[0])
    assert first.range_start == some[0]


# Sizes


lengths = st.lists(st.lists(st.integers(2, 9_000) | st.integers(2, 60), max_size=12), max_size=8)


@settings(max_examples=80, deadline=None)
@given(lengths, st.sampled_from(FORMATS), st.sampled_from(COMPRESSIONS), st.none() | st.integers(0, 3))
def test_no_event_is_larger_than_allowed_whatever_the_flows(
    lengths: list[list[int]], format_: EventFormat, compression: EventCompression, seed: int | None
) -> None:
    inputs = made_up(lengths, seed=seed)
    ranges = pack(inputs, packer(format_, compression, MIN_EVENT_BYTES))
    check_ranges(ranges, inputs)
    assert [line for event in events_of(ranges) for line in lines(event)] == [
        line for _, record in inputs for line in record.lines
    ]
    assert all(sent_bytes(event) <= MIN_EVENT_BYTES for event in events_of(ranges))


@all_formats
@both_forms
@pytest.mark.parametrize("fields", [DEFAULT_FIELDS, ("srcIp", "destIp"), (*DEFAULT_FIELDS, "blob", "category")])
def test_names_of_full_length_with_characters_of_several_bytes_fit_the_smallest_event(
    format_: EventFormat, compression: EventCompression, fields: tuple[str, ...]
) -> None:
    inputs = encoded([vnet_record(60)], LONGEST, fields)
    events = events_of(
        pack(inputs, packer(format_, compression, MIN_EVENT_BYTES, blob=LONGEST, fields=fields, replay="r" * 64))
    )
    assert len(LONGEST.name) == 1024
    assert sum(len(lines(event)) for event in events) == 60
    assert all(sent_bytes(event) <= MIN_EVENT_BYTES for event in events)


@all_formats
@both_forms
def test_the_longest_flow_that_is_promised_to_fit_does_fit(format_: EventFormat, compression: EventCompression) -> None:
    longest = packer(format_, compression, MIN_EVENT_BYTES).max_flow_bytes
    for seed in (None, 1):
        events = events_of(
            pack(made_up([[longest], [longest, 2, longest]], seed=seed), packer(format_, compression, MIN_EVENT_BYTES))
        )
        assert sum(len(lines(event)) for event in events) == 4
        assert all(sent_bytes(event) <= MIN_EVENT_BYTES for event in events)
    assert longest > MIN_EVENT_BYTES * 0.9


@both_forms
def test_the_smaller_of_the_hubs_and_the_settings_limit_holds(compression: EventCompression) -> None:
    for hub_bytes, max_bytes in ((20_000, 262_144), (262_144, 20_000)):
        inputs = encoded(vnet_record(100, number=number) for number in range(20))
        events = events_of(pack(inputs, packer("ndjson", compression, max_bytes, hub_bytes=hub_bytes)))
        assert max(sent_bytes(event) for event in events) <= 20_000


@pytest.mark.parametrize("hub_bytes", [0, 1, 4096])
def test_a_limit_that_leaves_no_room_for_flows_is_refused(hub_bytes: int) -> None:
    with pytest.raises(EventLimitError, match=rf"^events of {hub_bytes} bytes leave no room for flows; 16384 are"):
        packer(hub_bytes=hub_bytes)


# How full events are


def busy_record(seed: int, tuples: int) -> bytes:
    """A record of traffic that differs from tuple to tuple, as real traffic does."""
    chance = random.Random(seed)  # test data

    def address() -> str:
        return f"10.{chance.randrange(20)}.{chance.randrange(256)}.{chance.randrange(256)}"

    value = json.loads(vnet_record(0, number=seed))
    value["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"] = [
        f"{1795000000000 + chance.randrange(60_000)},{address()},{address()},{chance.randrange(65536)},443,6,O,E,NX,"
        f"{chance.randrange(10_000)},{chance.randrange(10**7)},{chance.randrange(10_000)},{chance.randrange(10**7)}"
        for _ in range(tuples)
    ]
    return json.dumps(value).encode()


def fill(events: Sequence[Event], limit: int) -> float:
    return sum(sent_bytes(event) for event in events) / len(events) / limit


@pytest.mark.parametrize("limit", [65_536, 262_144])
@pytest.mark.parametrize("format_", ["ndjson", "records"])
@both_forms
@pytest.mark.parametrize("tuples", [20, 330])
def test_events_of_a_backlog_are_nearly_full(
    format_: EventFormat, compression: EventCompression, tuples: int, limit: int
) -> None:
    records = {"none": 12, "gzip": 60}[compression] * 330 // tuples
    inputs = encoded(busy_record(seed, tuples) for seed in range(records))
    events = events_of(pack(inputs, packer(format_, compression, limit)))[:-1]
    assert len(events) > 2
    assert fill(events, limit) >= 0.9


@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_bodies_are_gzip_and_full_with_either_library(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)  # as where there is no wheel of it
    _deflate.cache_clear()
    inputs = encoded(busy_record(seed, 330) for seed in range(60))
    events = events_of(pack(inputs, packer("ndjson", "gzip", 65_536)))
    _deflate.cache_clear()

    assert [line for event in events for line in lines(event)] == [
        line for _, record in inputs for line in record.lines
    ]
    assert fill(events[:-1], 65_536) >= 0.9


@pytest.mark.parametrize("format_", ["ndjson", "records"])
def test_every_byte_is_compressed_once(format_: EventFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    compressed = 0

    class Counting:
        def __init__(self, *arguments: Any) -> None:
            self._compressor = zlib.compressobj(*arguments)

        def compress(self, data: bytes) -> bytes:
            nonlocal compressed
            compressed += len(data)
            return self._compressor.compress(data)

        def flush(self, mode: int = zlib.Z_FINISH) -> bytes:
            return self._compressor.flush(mode)

    monkeypatch.setattr("flowlog_core.events.body._deflate", lambda: SimpleNamespace(compressobj=Counting))
    inputs = encoded(busy_record(seed, 330) for seed in range(40))
    events = events_of(pack(inputs, packer(format_, "gzip", MIN_EVENT_BYTES)))

    assert compressed == sum(len(gzip.decompress(event.body)) for event in events)


def test_a_line_that_no_event_takes_is_refused() -> None:
    used = packer()
    with pytest.raises(ValueError, match="where an event takes"):
        used.add(*made_up([[used.max_flow_bytes + 1]])[0])


def turning(first: list[Input], second: list[Input], limit: int) -> list[Event]:
    """Give the later half of the events that flows of one kind, and then flows of another, make."""
    inputs = [(1000 * number, record) for number, (_, record) in enumerate(first + second, 1)]
    ranges = pack(inputs, packer("ndjson", "gzip", limit))
    check_ranges(ranges, inputs)
    events = events_of(ranges)
    assert sum(len(lines(event)) for event in events) == sum(len(record.lines) for _, record in inputs)
    assert all(sent_bytes(event) <= limit for event in events)
    return events[len(events) // 2 : -1]


@pytest.mark.parametrize("limit", [MIN_EVENT_BYTES, 65_536, 262_144])
def test_events_become_nearly_full_again_after_flows_suddenly_compress_badly(limit: int) -> None:
    well = encoded(busy_record(seed, 330) for seed in range(10))
    badly = made_up([[800] * 400] * (limit // 16_384 + 2), seed=1)
    assert fill(turning(well, badly, limit), limit) >= 0.86  # properties are a twentieth of the smallest event


@pytest.mark.parametrize("limit", [MIN_EVENT_BYTES, 65_536])
def test_events_become_nearly_full_again_after_flows_suddenly_compress_well(limit: int) -> None:
    badly = made_up([[800] * 100], seed=1)
    well = encoded(busy_record(seed, 330) for seed in range(limit // 1000))
    assert fill(turning(badly, well, limit), limit) >= 0.86  # properties are a twentieth of the smallest event


# What is in quarantine


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What a scanner may find, in order: flows, or so many records and tuples for quarantine."""
    return draw(st.lists(st.tuples(st.sampled_from(["flows", "aside"]), st.integers(0, 40)), max_size=12))


@settings(max_examples=120, deadline=None)
@given(steps(), st.sampled_from(FORMATS), st.integers(0, 5))
def test_what_is_in_quarantine_is_told_with_the_range_in_which_it_stands(
    steps: list[tuple[str, int]], format_: EventFormat, pending: int
) -> None:
    used = packer(format_, "none", MIN_EVENT_BYTES, range_start=10, quarantined=pending)
    aside = {10: pending}
    ranges = []
    for number, (kind, count) in enumerate(steps):
        end = 1000 * (number + 1)
        if kind == "aside":
            used.put_aside(count)
            aside[end] = count
        else:
            ranges += used.add(end, EncodedRecord(f"k-{number}-c-", ['"' + "x" * 998 + '"'] * count, range(count), ()))
    ranges += used.flush()
    starts = [10, *(each.end for each in ranges)]
    for start, each in zip(starts, ranges, strict=False):
        expected = sum(count for place, count in aside.items() if start < place <= each.end or place == start == 10)
        assert [event.properties["quarantined"] for event in each.events] == [expected] * len(each.events)
    told = sum(int(each.events[0].properties["quarantined"]) for each in ranges)
    assert used.quarantined == sum(aside.values()) - told
    assert used.range_start == starts[-1]


def test_what_comes_behind_the_last_flow_is_kept_for_the_next_packer() -> None:
    [flows] = made_up([[100]])
    used = packer()
    used.put_aside(2)
    used.add(*flows)
    used.put_aside(3)
    [event] = events_of(used.flush())
    assert event.properties["quarantined"] == 2
    assert (used.range_start, used.quarantined) == (1000, 3)
    assert used.flush() == []
    assert used.quarantined == 3


@both_forms
def test_a_packer_that_goes_on_where_another_stopped_tiles_with_it(compression: EventCompression) -> None:
    inputs = encoded(vnet_record(30, number=number) for number in range(6))
    first = packer("ndjson", compression)
    ranges = pack(inputs[:3], first)
    second = packer("ndjson", compression, range_start=first.range_start, quarantined=first.quarantined)
    ranges += pack(inputs[3:], second)
    check_ranges(ranges, inputs)
    ends = [key for key, _ in groupby(event.properties["rangeEnd"] for event in events_of(ranges))]
    assert all(int(before) < int(after) for before, after in pairwise(ends))
