"""The scanner finds every sound record, however the bytes are cut and whatever stands between."""

import json
import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowlog_core.decode.formats import RECORD_MARKER, decode
from flowlog_core.decode.items import MAX_RECORD_BYTES, MalformedRange, Record
from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.decode.scanner import Scanner
from flowlog_core.errors import ShapeError
from tests.support.flow_logs import CLOSER, OPENER, decoded, document
from tests.support.framing import (
    INNER_OPENER,
    SMALL_LIMIT,
    A,
    B,
    C,
    cut_lists,
    documents,
    every,
    feed,
    malformed_pieces,
    malformed_ranges,
    record_limit,
    records,
    scan,
    separators,
    sound_records,
)


@given(data=documents(), cuts=cut_lists, limit=st.sampled_from([300, SMALL_LIMIT, MAX_RECORD_BYTES]))
def test_any_cut_gives_the_same_items(data: bytes, cuts: list[int], limit: int) -> None:
    with record_limit(limit):
        assert scan(data, cuts) == scan(data)


@given(data=documents(), limit=st.sampled_from([300, MAX_RECORD_BYTES]))
def test_one_byte_at_a_time_gives_the_same_items(data: bytes, limit: int) -> None:
    with record_limit(limit):
        assert scan(data, every(1, data)) == scan(data)


@given(data=documents(), cuts=cut_lists, limit=st.sampled_from([300, MAX_RECORD_BYTES]))
def test_resuming_at_the_end_of_any_item_gives_the_remaining_items(data: bytes, cuts: list[int], limit: int) -> None:
    with record_limit(limit):
        items = scan(data)
        for number, item in enumerate(items, 1):
            assert scan(data, cuts, offset=item.end) == items[number:]


@given(data=documents(), cuts=cut_lists, limit=st.sampled_from([300, MAX_RECORD_BYTES]))
def test_offset_and_behind_belong_to_the_last_item_at_all_times(data: bytes, cuts: list[int], limit: int) -> None:
    with record_limit(limit):
        scanner = Scanner(RECORD_MARKER)
        for item in feed(scanner, data, 0, cuts):
            assert (scanner.offset, scanner.preceding) == (
                item.end,
                data[max(0, item.end - PRECEDING_BYTES) : item.end],
            )
        scanner, offset = Scanner(RECORD_MARKER), 0
        for start, end in pairwise(sorted({0, *cuts, len(data)} & set(range(len(data) + 1)))):
            scanner.feed(data[start:end])
            offset = max([offset, *(item.end for item in scanner.items())])
            assert (scanner.offset, scanner.preceding) == (offset, data[max(0, offset - PRECEDING_BYTES) : offset])


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
@pytest.mark.parametrize("piece", [b"{}", b'{"a":1}', b"{x}", b"null," + B, b" " * 300 + b"{}"])
def test_behind_spans_many_small_items(piece: bytes, chunk: int) -> None:
    data = document([piece] * (4000 // len(piece)))
    scanner, ends = Scanner(RECORD_MARKER), []
    for item in feed(scanner, data, 0, every(chunk, data)):
        assert scanner.preceding == data[max(0, item.end - PRECEDING_BYTES) : item.end]
        ends.append(item.end)
    assert len(ends) >= 4000 // len(piece)


@given(data=documents(), cuts=cut_lists)
def test_items_stand_in_order_and_hold_their_own_bytes(data: bytes, cuts: list[int]) -> None:
    items = scan(data, cuts)
    for item in items:
        assert item.raw == data[item.start : item.end]
        assert item.crc == zlib.crc32(data[item.start : item.end])
        assert item.start < item.end
        if isinstance(item, Record):
            assert item.value == json.loads(item.raw)
    for before, after in pairwise(items):
        between = data[before.end : after.start]
        assert not between.strip(b" \t\r\n,]}"), "bytes between items are separators and closers only"


@given(st.lists(sound_records(), max_size=5), separators, st.sampled_from([CLOSER, b"\n  ]\n}\n", b" ] } "]), cut_lists)
def test_every_record_of_a_sound_document_comes_out_in_its_place(
    written: list[bytes], separator: bytes, closer: bytes, cuts: list[int]
) -> None:
    opener = b'\xef\xbb\xbf{\r\n\t"records" :\n['
    data = opener + separator.join(written) + closer
    found = scan(data, cuts)
    places = [
        len(opener) + sum(len(each) + len(separator) for each in written[:index]) for index in range(len(written))
    ]
    assert [(item.start, item.raw) for item in found] == list(zip(places, written, strict=True))
    assert all(isinstance(item, Record) for item in found)


def test_an_empty_array_and_an_empty_input_give_nothing() -> None:
    assert scan(b'{"records":[]}') == []
    assert scan(b"") == []


@pytest.mark.parametrize("ending", [b"", b"]", b"]}", b"]} \n", b",", b"\n"])
def test_a_document_that_stops_behind_a_record_is_not_unfinished(ending: bytes) -> None:
    scanner = Scanner(RECORD_MARKER)
    assert records(list(feed(scanner, OPENER + A + ending, 0, ()))) == [A]
    assert not scanner.unfinished


@pytest.mark.parametrize("begun", [b"{", b'{"time', B[:-2], B[:100]])
def test_an_input_that_stops_inside_a_record_is_unfinished_and_the_offset_stays_before_it(begun: bytes) -> None:
    scanner = Scanner(RECORD_MARKER)
    data = OPENER + A + b"," + begun
    assert records(list(feed(scanner, data, 0, every(7, data)))) == [A]
    assert scanner.unfinished
    assert scanner.offset == len(OPENER + A)


# Malformed framing costs itself only


@given(before=sound_records(), piece=malformed_pieces, after=sound_records(), separator=separators, cuts=cut_lists)
def test_a_malformed_piece_is_one_malformed_range_and_the_records_around_it_come_out(
    before: bytes, piece: bytes, after: bytes, separator: bytes, cuts: list[int]
) -> None:
    start = len(OPENER + before + separator)
    data = OPENER + separator.join([before, piece, after]) + CLOSER
    first, malformed, last = scan(data, cuts)
    assert (first.raw, last.raw) == (before, after)
    assert isinstance(malformed, MalformedRange)
    assert malformed.start == start
    assert start + len(piece) <= malformed.end <= last.start


@given(sound_records(), malformed_pieces.filter(lambda piece: piece != INNER_OPENER), sound_records(), cut_lists)
def test_a_malformed_piece_at_the_end_leaves_the_end_of_the_document_to_the_next_append(
    before: bytes, piece: bytes, appended: bytes, cuts: list[int]
) -> None:
    """Network Watcher puts a new block before the last one, ``]}``: what an offset has behind it must stay as it is."""
    data = document([before, piece])
    scanner = Scanner(RECORD_MARKER)
    record, malformed = feed(scanner, data, 0, cuts)
    assert (record.raw, type(malformed), malformed.start) == (before, MalformedRange, len(OPENER + before) + 1)
    assert not scanner.unfinished
    offset = malformed.end
    assert offset <= len(data) - len(CLOSER)
    grown = data[: -len(CLOSER)] + b"," + appended + CLOSER
    assert records(scan(grown, cuts, offset=offset)) == [appended]


@given(st.lists(malformed_pieces, min_size=1, max_size=3), sound_records(), cut_lists)
def test_a_document_that_begins_with_malformed_pieces_gives_what_follows(
    piece: list[bytes], after: bytes, cuts: list[int]
) -> None:
    assert records(scan(document([*piece, after]), cuts)) == [after]


@pytest.mark.parametrize("cut", [None, 1, 1000])
def test_a_record_without_its_last_brace_costs_itself_only_in_a_document_larger_than_a_record_may_be(
    cut: int | None,
) -> None:
    data = document([A, B[:-1], *[C] * 20])
    with record_limit(SMALL_LIMIT):
        items = scan(data, every(cut, data) if cut else ())
    assert records(items) == [A, *[C] * 20]
    assert malformed_ranges(items, data) == [B[:-1] + b","]


def test_records_without_commas_are_no_fault() -> None:
    data = OPENER + A + B + b"\n" + C + CLOSER
    assert records(scan(data)) == [A, B, C]
    assert malformed_ranges(scan(data), data) == []


def test_records_inside_of_records_without_an_end_give_the_inner_records() -> None:
    data = OPENER + b'{"records":[' + A + B + b"," + C + CLOSER
    items = scan(data)
    assert records(items) == [A, B, C]
    assert malformed_ranges(items, data) == [b'{"records":[']


def test_records_inside_of_records_give_the_records_before_and_behind() -> None:
    data = document([A, document([B]), C])
    items = scan(data)
    assert items == scan(data, every(1, data))
    assert [item.raw for item in items if item.raw in {A, C}] == [A, C]


def test_bytes_behind_the_array_are_one_malformed_range_where_a_record_follows() -> None:
    data = document([A]) + b"tail " + B + b"]}"
    items = scan(data)
    assert records(items) == [A, B]
    assert malformed_ranges(items, data) == [b"tail "]


@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n}\t"])
def test_a_record_right_after_the_array_comes_out_with_nothing_malformed(between: bytes) -> None:
    data = document([A]) + between + B + b"\n" + C + CLOSER + between + A
    assert records(scan(data)) == [A, B, C, A]
    assert malformed_ranges(scan(data), data) == []
    for cut in range(len(data)):
        assert scan(data, [cut]) == scan(data)
    for item in scan(data):
        assert records(scan(data, offset=item.end)) == records(scan(data))[scan(data).index(item) + 1 :]


@pytest.mark.parametrize("between", [b",", b'{"a":1}', b'{"records":[', b"tail "])
def test_of_bytes_after_the_array_only_what_is_no_record_is_malformed(between: bytes) -> None:
    data = document([A]) + between + B + C
    assert records(scan(data)) == [A, B, C]
    assert malformed_ranges(scan(data), data) == [between]


@pytest.mark.parametrize("tail", [b"\x00", b"tail", b'{"records":[]}', b"x]}"])
def test_bytes_behind_the_array_are_no_item_as_the_offset_must_stay_before_the_closer(tail: bytes) -> None:
    scanner = Scanner(RECORD_MARKER)
    assert records(list(feed(scanner, document([A]) + tail, 0, ()))) == [A]
    assert scanner.offset == len(OPENER + A)
    assert scanner.unfinished  # they are not passed over in silence


def test_a_record_behind_the_array_that_does_not_end_is_unfinished() -> None:
    scanner = Scanner(RECORD_MARKER)
    assert records(list(feed(scanner, document([A]) + b"tail " + B + b"," + C[:50], 0, ()))) == [A, B]
    assert scanner.unfinished


def test_an_object_of_no_known_layout_is_a_record_with_objects_inside_that_look_like_records() -> None:
    unknown = b'{"a":{"time":1,"b":[{"category":{}}]}}'
    data = document([A, unknown, B])
    assert records(scan(data)) == [A, unknown, B]
    assert records(scan(data, every(1, data))) == [A, unknown, B]


def test_behind_a_malformed_piece_only_a_record_of_a_known_layout_is_trusted() -> None:
    future = json.dumps({**json.loads(A), "flowLogVersion": 5}).encode()
    data = document([b"null", future, B])
    items = scan(data)
    assert records(items) == [B]
    assert malformed_ranges(items, data) == [b"null," + future + b","]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_escapes_survive_every_cut(size: int) -> None:
    value = json.loads(A)
    value["operationName"] = 'a\\"b\\\\"}{\\'
    record = json.dumps(value).encode()
    data = document([record, B])
    for first in range(len(data)):
        assert records(scan(data, [first, first + size])) == [record, B]


def test_ten_thousand_levels_cost_themselves_only() -> None:
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    data = document([A, deep, B])
    items = scan(data)
    assert records(items) == [A, B]
    assert malformed_ranges(items, data) == [deep]
    assert scan(data, every(997, data)) == items


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":"\xc3"}', id="half a character"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"a":"\x00"}', id="NUL in a string"),
        pytest.param(b'{"a":1\x00}', id="NUL outside"),
        pytest.param(b'{"a":01}', id="leading zero"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b'{"a":[}', id="unmatched bracket"),
    ],
)
def test_what_is_no_json_is_one_malformed_range(piece: bytes) -> None:
    data = document([A, piece, B])
    items = scan(data)
    assert records(items) == [A, B]
    assert malformed_ranges(items, data) == [piece]
    assert [item.reason[:14] for item in items if isinstance(item, MalformedRange)] == ["not valid JSON"]


def test_a_nul_character_written_as_an_escape_is_sound() -> None:
    record = json.dumps({**json.loads(A), "category": "\x00"}).encode()
    [item] = scan(document([record]))
    assert isinstance(item, Record)
    assert item.value["category"] == "\x00"


@given(malformed_pieces, st.text("QXZ", min_size=6, max_size=8))  # no reason of ours has such a word
def test_a_reason_never_holds_content(piece: bytes, secret: str) -> None:
    hidden = piece.replace(b"10.0.0", secret.encode())
    for item in scan(document([A, b'{"%s"}' % secret.encode(), hidden, B])):
        assert not isinstance(item, MalformedRange) or secret not in item.reason


# A key twice


@pytest.mark.parametrize(
    "twice",
    [
        pytest.param(A.replace(b'"time":', b'"time":"2020-01-01T00:00:00Z","time":'), id="in the record"),
        pytest.param(A.replace(b'"rule":', b'"rule":"x","rule":'), id="in a group"),
        pytest.param(A.replace(b'"time":', b'"tim\\u0065":1,"time":'), id="written in another way"),
        pytest.param(A.replace(b'"flowRecords":', b'"flowRecords":{"flows":[]},"flowRecords":'), id="whole branches"),
        pytest.param(A[:-1] + b',"x":{"y":[{"z":1,"z":1}]}}', id="where nothing is read"),
        pytest.param(A[:-1] + b',"category":"a\\"b"}', id="among escaped quotes"),
    ],
)
def test_a_key_that_stands_twice_is_refused_as_a_parser_keeps_only_the_last(twice: bytes) -> None:
    [item] = scan(document([twice]))
    assert isinstance(item, Record)
    with pytest.raises(ShapeError, match=r"^a key stands twice in one object$"):
        decode(item.raw, item.value)


@given(sound_records())
def test_a_sound_record_has_no_key_twice(record: bytes) -> None:
    [item] = scan(document([record]))
    assert isinstance(item, Record)
    assert decoded(item.raw).time == json.loads(record)["time"]


@example([b"{" + A] * 3)
@given(st.lists(malformed_pieces | sound_records(), max_size=5))
def test_every_byte_is_in_an_item_or_a_separator_or_still_to_come(pieces: list[bytes]) -> None:
    data = document(pieces)
    scanner = Scanner(RECORD_MARKER)
    items = list(feed(scanner, data, 0, ()))
    ends = [len(OPENER), *(item.end for item in items)]
    starts = [*(item.start for item in items), len(data)]
    gaps = [data[end:start] for end, start in zip(ends, starts, strict=True)]
    assert not b"".join(gaps).strip(b" \t\r\n,]}") or scanner.unfinished
