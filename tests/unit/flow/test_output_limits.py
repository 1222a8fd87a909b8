"""What the flows of one record may take is bounded before they are formed, in linear memory."""

import json
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.formats import LAYOUTS, Layout
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, KEYS, flow_schema
from tests.support.faulty_records import VNET_TUPLE, group, vnet
from tests.support.flow_logs import VNET, decoded, nsg_record, vnet_record
from tests.unit.decode.sound_tuples import SOUND
from tests.unit.flow.records import flow_records

ALL_KEYS = tuple(key.name for key in KEYS)
MEBIBYTE = 1024 * 1024


def encode(
    raw: bytes,
    limits: OutputLimits = OutputLimits(),  # noqa: B008 # frozen
    fields: Sequence[str] = DEFAULT_FIELDS,
    *,
    max_flow_bytes: int | None = None,
    before_large: Callable[[], None] | None = None,
) -> EncodedRecord:
    return Encoder(flow_schema(fields), limits).encode(
        VNET,
        Record(12, raw, json.loads(raw)),
        decoded(raw),
        max_flow_bytes=max_flow_bytes,
        before_large=before_large,
    )


def peak_of(call: Callable[[], EncodedRecord]) -> tuple[EncodedRecord, int]:
    tracemalloc.start()
    try:
        made = call()
        return made, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(count=st.integers(0, 12), most=st.integers(0, 6000))
def test_flows_are_formed_up_to_the_first_that_there_is_no_room_for(count: int, most: int) -> None:
    raw = vnet_record(count)
    complete = encode(raw)
    fitting, size = 0, 0
    for line in complete.lines:
        size += len(line)
        if size > most:
            break
        fitting += 1

    encoded = encode(raw, OutputLimits(large=0, most=most))

    assert encoded.lines == complete.lines[:fitting]
    assert list(encoded.ordinals) == list(range(fitting))
    rejected = [(each.ordinal, each.reason, each.pointer) for each in encoded.bad]
    assert rejected == [(ordinal, "output too large", None) for ordinal in range(fitting, count)]


def test_a_tuple_that_is_too_large_leaves_no_room_for_those_after_it_in_other_groups() -> None:
    value = vnet({"aclID": "a", "flowGroups": [group("short", 2), group("l" * 5000, 1), group("short", 2)]})
    encoded = encode(json.dumps(value).encode(), OutputLimits(large=0, most=5000))
    assert list(encoded.ordinals) == [0, 1]
    assert [(each.ordinal, each.reason) for each in encoded.bad] == [(each, "output too large") for each in (2, 3, 4)]


def test_a_flow_that_no_event_takes_counts_for_nothing_and_what_fits_no_layout_keeps_its_reason() -> None:
    value = vnet({"aclID": "a", "flowGroups": [group("l" * 5000, 2), group("short", 2), group("short", 1)]})
    value["flowRecords"]["flows"][0]["flowGroups"][1]["flowTuples"].append("rubbish")
    raw = json.dumps(value).encode()
    complete = encode(raw)

    encoded = encode(raw, OutputLimits(large=0, most=len(complete.lines[2]) * 5 // 2), max_flow_bytes=2000)

    assert encoded.lines == complete.lines[2:4]
    long = f"a flow of {len(complete.lines[0])} bytes, where an event takes 2000"
    assert [each.reason for each in encoded.bad] == [
        long,
        long,
        "1 columns where vnet version 4 has 13",
        "output too large",
    ]


@given(raw=flow_records(), fields=st.lists(st.sampled_from(ALL_KEYS), min_size=1, unique=True))
def test_a_record_is_never_larger_than_was_expected_before_it_was_formed(raw: bytes, fields: Sequence[str]) -> None:
    complete = encode(raw, fields=fields)
    calls: list[None] = []
    size = sum(map(len, complete.lines))

    encoded = encode(raw, OutputLimits(large=size - 1), fields, before_large=lambda: calls.append(None))

    assert len(calls) == 1
    assert encoded == complete


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.type} {layout.version}")
@pytest.mark.parametrize("fields", [ALL_KEYS, *((key,) for key in ALL_KEYS)], ids=lambda fields: fields[-1])
def test_a_record_of_many_short_tuples_is_no_larger_than_was_expected_either(
    layout: Layout, fields: Sequence[str]
) -> None:
    raw = vnet_record(0) if layout.type == "vnet" else nsg_record([], version=layout.version)
    raw = raw.replace(b'"flowTuples":[]', b'"flowTuples":' + json.dumps([SOUND[layout]] * 500).encode())
    size = sum(map(len, encode(raw, fields=fields).lines))
    calls: list[None] = []

    encode(raw, OutputLimits(large=size - 1), fields, before_large=lambda: calls.append(None))

    assert len(calls) == 1


def test_a_record_of_usual_size_is_not_large() -> None:
    encode(vnet_record(300), before_large=lambda: pytest.fail("a record of 20 kB"))


def test_a_record_that_multiplies_is_formed_up_to_64_mebibytes_in_as_much_memory() -> None:
    raw = vnet_record(15_000, rule="r" * 100_000)
    record, value = Record(12, raw, json.loads(raw)), decoded(raw)

    encoded, peak = peak_of(lambda: Encoder().encode(VNET, record, value))

    size = sum(map(len, encoded.lines))
    assert 63.8 * MEBIBYTE < size <= 64 * MEBIBYTE
    assert len(encoded.lines) + len(encoded.bad) == 15_000
    assert peak < 70 * MEBIBYTE


def test_flows_that_no_event_takes_are_not_formed() -> None:
    raw = vnet_record(15_000, rule="r" * 100_000)
    record, value = Record(12, raw, json.loads(raw)), decoded(raw)

    encoded, peak = peak_of(lambda: Encoder().encode(VNET, record, value, max_flow_bytes=16_000))

    assert encoded.lines == []
    assert encoded.bad[-1].reason.startswith("a flow of 1006")
    assert peak < 8 * MEBIBYTE


@pytest.mark.parametrize("tuples", [0, 1])
def test_what_belongs_to_an_upper_level_is_not_written_again_for_each_lower_one(tuples: int) -> None:
    groups = [{"rule": "r", "flowTuples": [VNET_TUPLE] * tuples}] * 5_000
    raw = json.dumps(vnet({"aclID": "a" * 500_000, "flowGroups": groups})).encode()
    record, value = Record(12, raw, json.loads(raw)), decoded(raw)

    encoded, peak = peak_of(lambda: Encoder().encode(VNET, record, value))

    assert len(encoded.lines) == (64 * MEBIBYTE // 500_400 if tuples else 0)
    assert peak < (64 * tuples + 20) * MEBIBYTE


def test_a_tuple_of_many_columns_is_rejected_without_splitting_it() -> None:
    raw = vnet_record(1).replace(b"10.0.0.4", b"1," * 1_000_000)
    record, value = Record(12, raw, json.loads(raw)), decoded(raw)

    encoded, peak = peak_of(lambda: Encoder().encode(VNET, record, value))

    assert [each.reason for each in encoded.bad] == ["1000013 columns where vnet version 4 has 13"]
    assert peak < 10 * MEBIBYTE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1:" * 1_000_000, "no source address"),
        ("1." * 1_000_000, "no source address"),
        ("9" * 2_000_000, "no source address"),
    ],
    ids=["colons", "dots", "digits"],
)
def test_a_long_text_where_an_address_should_be_is_refused_in_little_memory(text: str, reason: str) -> None:
    raw = vnet_record(1).replace(b"10.0.0.4", text.encode())
    record, value = Record(12, raw, json.loads(raw)), decoded(raw)

    encoded, peak = peak_of(lambda: Encoder().encode(VNET, record, value))

    assert [each.reason for each in encoded.bad] == [reason]
    assert peak < 10 * MEBIBYTE


def test_addresses_that_all_differ_leave_nothing_in_memory() -> None:
    text = VNET_TUPLE.replace("10.0.0.4", "2001:db8::{:x}:{:x}")
    encoder = Encoder()

    def encode_many(number: int) -> EncodedRecord:
        tuples = [text.format(number, index) for index in range(2_000)]
        raw = json.dumps(vnet({"aclID": "a", "flowGroups": [{"rule": "r", "flowTuples": tuples}]})).encode()
        return encoder.encode(VNET, Record(12, raw, json.loads(raw)), decoded(raw))

    encode_many(0)
    tracemalloc.start()
    try:
        for number in range(1, 6):
            assert len(encode_many(number).lines) == 2_000
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 100_000
