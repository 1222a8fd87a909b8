"""Events are never larger than allowed, and those of a backlog are nearly full."""

import gzip
import json
import random
import sys
import zlib
from collections.abc import Sequence

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.amqp import AmqpMessageProperties
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import EventLimitError
from flowlog_core.events.body import fastest_compressor
from flowlog_core.events.packer import MIN_EVENT_BYTES, Event, EventCompression, EventFormat
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import vnet_record
from tests.unit.events.packing import (
    COMPRESSIONS,
    FORMATS,
    STANDARD_BYTES,
    Input,
    all_formats,
    both_forms,
    check_ranges,
    encoded,
    events_of,
    lines,
    made_up,
    pack,
    packer,
)

LONGEST = SourceBlob("a" * 24, "c" * 63, "🗼東é" * 341 + "x")
"""Name of 1,024 characters, most of them of several bytes."""


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


# Sizes


lengths = st.lists(st.lists(st.integers(2, 9_000) | st.integers(2, 60), max_size=12), max_size=8)


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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_bodies_are_gzip_and_full_with_either_library(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)  # as where there is no wheel of it
    inputs = encoded(busy_record(seed, 330) for seed in range(60))
    events = events_of(pack(inputs, packer("ndjson", "gzip", 65_536)))

    assert [line for event in events for line in lines(event)] == [
        line for _, record in inputs for line in record.lines
    ]
    assert fill(events[:-1], 65_536) >= 0.9


@pytest.mark.parametrize("format_", ["ndjson", "records"])
def test_every_byte_is_compressed_once(format_: EventFormat) -> None:
    compressed = 0

    class Counting:
        def __init__(self) -> None:
            self._compressor = fastest_compressor()

        def compress(self, data: bytes) -> bytes:
            nonlocal compressed
            compressed += len(data)
            return self._compressor.compress(data)

        def flush(self, mode: int = zlib.Z_FINISH) -> bytes:
            return self._compressor.flush(mode)

    inputs = encoded(busy_record(seed, 330) for seed in range(40))
    events = events_of(pack(inputs, packer(format_, "gzip", MIN_EVENT_BYTES, new_compressor=Counting)))

    assert compressed == sum(len(gzip.decompress(event.body)) for event in events)


def test_a_line_that_no_event_takes_is_refused() -> None:
    used = packer()
    with pytest.raises(ValueError, match="where an event takes"):
        used.add(*made_up([[used.max_flow_bytes + 1]])[0], TupleCounts(1))


def turning(first: list[Input], second: list[Input], limit: int) -> list[Event]:
    """Give the later half of the events that flows of one kind, and then flows of another, make."""
    inputs = [(1000 * number, record) for number, (_, record) in enumerate(first + second, 1)]
    ranges = pack(inputs, packer("ndjson", "gzip", limit))
    check_ranges(ranges, inputs)
    events = events_of(ranges)
    assert sum(len(lines(event)) for event in events) == sum(len(record.lines) for _, record in inputs)
    assert all(sent_bytes(event) <= limit for event in events)
    return events[len(events) // 2 : -1]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [MIN_EVENT_BYTES, 65_536, 262_144])
def test_events_become_nearly_full_again_after_flows_suddenly_compress_badly(limit: int) -> None:
    well = encoded(busy_record(seed, 330) for seed in range(10))
    badly = made_up([[800] * 400] * (limit // 16_384 + 2), seed=1)
    assert fill(turning(well, badly, limit), limit) >= 0.86  # properties are a twentieth of the smallest event


@pytest.mark.slow
@pytest.mark.parametrize("limit", [MIN_EVENT_BYTES, 65_536])
def test_events_become_nearly_full_again_after_flows_suddenly_compress_well(limit: int) -> None:
    badly = made_up([[800] * 100], seed=1)
    well = encoded(busy_record(seed, 330) for seed in range(limit // 1000))
    assert fill(turning(badly, well, limit), limit) >= 0.86  # properties are a twentieth of the smallest event
