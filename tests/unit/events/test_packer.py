"""Events account for every byte range once, and hold every flow once."""

import json
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.event_properties import PRODUCER
from flowlog_core.events.packer import MIN_EVENT_BYTES, EventCompression, EventFormat, PackedRange
from tests.support.flow_logs import VNET, vnet_record
from tests.unit.events.packing import (
    FORMATS,
    all_formats,
    both_forms,
    check_ranges,
    encoded,
    events_of,
    lines,
    pack,
    packer,
)


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
        "producer": PRODUCER,
        "blob": VNET.path,
        "generation": 3,
        "rangeStart": 0,
        "rangeEnd": inputs[0][0],
        "part": 0,
        "parts": 1,
        "flows": 1,
        "tuples": 1,
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


# What is in quarantine


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What a scanner may find, in order: a record of so many flows, or of so many tuples for quarantine."""
    return draw(st.lists(st.tuples(st.sampled_from(["flows", "aside"]), st.integers(0, 40)), max_size=12))


@given(steps(), st.sampled_from(FORMATS), st.integers(0, 5))
def test_what_a_range_holds_is_told_on_each_of_its_events_and_adds_up(
    steps: list[tuple[str, int]], format_: EventFormat, before: int
) -> None:
    used = packer(format_, "none", MIN_EVENT_BYTES, range_start=10)
    pending = TupleCounts(before, before)
    aside = {10: before}
    ranges: list[PackedRange] = []
    for number, (kind, count) in enumerate(steps):
        end = 1000 * (number + 1)
        if kind == "aside":
            aside[end] = count
            pending += TupleCounts(count, count)
        else:
            record = EncodedRecord(f"k-{number}-c-", ['"' + "x" * 998 + '"'] * count, range(count), ())
            pending += TupleCounts(count)
            for each in used.add(end, record, pending):
                pending -= each.counts
                ranges.append(each)
    ranges += used.flush()
    starts = [10, *(each.end for each in ranges)]
    for start, each in zip(starts, ranges, strict=False):
        expected = sum(count for place, count in aside.items() if start < place <= each.end or place == start == 10)
        assert each.counts == TupleCounts(each.flows + expected, expected)
        counts = [(event.properties["tuples"], event.properties["quarantined"]) for event in each.events]
        assert counts == [(each.flows + expected, expected)] * len(each.events)
    assert used.range_start == starts[-1]


@both_forms
def test_a_packer_that_goes_on_where_another_stopped_tiles_with_it(compression: EventCompression) -> None:
    inputs = encoded(vnet_record(30, number=number) for number in range(6))
    first = packer("ndjson", compression)
    ranges = pack(inputs[:3], first)
    second = packer("ndjson", compression, range_start=first.range_start)
    ranges += pack(inputs[3:], second)
    check_ranges(ranges, inputs)
    ends = [key for key, _ in groupby(event.properties["rangeEnd"] for event in events_of(ranges))]
    assert all(int(before) < int(after) for before, after in pairwise(ends))
