"""The flows of a body that was received: as they were packed, or a fault, in bounded memory whatever it unpacks to."""

import gzip
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.events import body_reader
from flowlog_core.events.body import MOST_BODY_BYTES, MOST_FLOW_BYTES
from flowlog_core.events.body_reader import read_flows
from flowlog_core.events.packer import EventCompression, EventFormat
from tests.unit.events.packing import STANDARD_BYTES, all_formats, both_forms, events_of, made_up, pack, packer

NDJSON, JSON = "application/x-ndjson", "application/json"
NASTY = ['x},{"id":"y', '},{"id":', "]}", "{", '"', "\\", '\\"', "},{", "\n", "é\x1b", ""]
TEXTS = st.lists(st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)).map("".join)
NESTED = st.dictionaries(st.sampled_from("ab"), TEXTS, max_size=2)
FLOWS = st.lists(
    st.builds(lambda text, number, more: {"id": text, "n": number, **more}, TEXTS, st.integers(0, 2**63 - 1), NESTED),
    min_size=1,
    max_size=8,
)


def packed(
    flows: list[dict[str, Any]], format_: EventFormat, compression: EventCompression
) -> Iterator[dict[str, Any]]:
    lines = [json.dumps(flow, separators=(",", ":")) for flow in flows]
    record = EncodedRecord("key-0-crc-", lines, range(len(lines)), ())
    for event in events_of(pack([(1000, record)], packer(format_, compression))):
        yield from read_flows(event.body, event.content_type, event.content_encoding)


@both_forms
@all_formats
@given(flows=FLOWS, size=st.sampled_from([1, 2, 7, 100_000]))
def test_flows_are_read_as_they_were_packed_in_whatever_pieces(
    format_: EventFormat, compression: EventCompression, flows: list[dict[str, Any]], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_reader, "_PIECE", size)
        patch.setattr(body_reader, "_PACKED_PIECE", size)

        assert list(packed(flows, format_, compression)) == flows


def test_flows_with_objects_and_arrays_in_them_are_told_apart() -> None:
    flows = [{"time": 1, "source": {"ip": "a", "deep": {"x": [{"y": 1}, {"z": "},{"}]}}}, {"time": 2, "source": {}}]

    for format_ in ("ndjson", "records", "json"):
        assert list(packed(flows, format_, "gzip")) == flows


def read(body: bytes, content_type: str | None = NDJSON, encoding: str | None = "gzip") -> list[dict[str, Any]]:
    return list(read_flows(body, content_type, encoding))


SOUND = b'{"id":"a","n":1}\n{"id":"b","n":2}'
RECORDS = b'{"records":[{"id":"a","n":1},{"id":"b","n":2}]}'


@pytest.mark.parametrize(("text", "content_type"), [(SOUND, NDJSON), (RECORDS, JSON), (b'{"id":"a"}', JSON)])
def test_a_body_that_was_cut_anywhere_or_goes_on_is_a_fault(text: bytes, content_type: str) -> None:
    body = gzip.compress(text)
    assert read(body, content_type) == read(text, content_type, None)

    for end in range(len(body)):
        with pytest.raises(ValueError, match=r"."):
            read(body[:end], content_type)
    for end in set(range(len(text))) - {text.find(b"\n")}:
        with pytest.raises(ValueError, match=r"."):
            read(text[:end], content_type, None)
    for more in (b"\x00", body, b"x" * 100_000):
        with pytest.raises(ValueError, match="after the end of its compressed ones"):
            read(body + more, content_type)
    for more in (b"}", b"]}", b",", b"\n1", text):
        with pytest.raises(ValueError, match=r"."):
            read(text + more, content_type, None)


@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        b"",
        b"[]",
        b"5",
        b'["a"]',
        b'{"records":5}',
        b'{"records":[5]}',
        b'{"records":["a"]}',
        b'{"records":[{}]}',
        b'{"records":[{"id":"a"},5]}',
        b'{"records":[{"id":"a"},]}',
        b'{"records":[{"id":"a"}],"more":[]}',
        b'{"records":[{"id":"a"}{"id":"b"}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_holds_no_flows_is_a_fault(body: bytes) -> None:
    for content_type in (NDJSON, JSON, None):
        with pytest.raises(ValueError, match=r"."):
            read(body, content_type, None)


def test_an_encoding_that_is_not_the_forwarders_is_a_fault() -> None:
    with pytest.raises(ValueError, match="its encoding is br"):
        read(SOUND, NDJSON, "br")


def test_an_array_of_no_records_holds_no_flows() -> None:
    assert read(b'{"records":[]}', JSON, None) == []


def bomb(begin: bytes, repeated: bytes, size: int = 50_000_000) -> bytes:
    """Compress so many bytes, to a thousandth of them."""
    return gzip.compress(begin + repeated * (size // len(repeated)), compresslevel=1)


@pytest.mark.parametrize(
    ("begin", "repeated", "content_type"),
    [
        (b"", b"\x00", NDJSON),
        (b"", b" ", NDJSON),
        (b'{"a":"', b"x", NDJSON),
        (b"", b"[", JSON),
        (b'{"a":"', b"x", JSON),
        (b'{"records":[', b" ", JSON),
        (b'{"records":[{"a":"', b"x", JSON),
        (b'{"records":[{"a":1}]}', b" ", JSON),
    ],
)
def test_a_bomb_is_given_up_before_much_of_it_is_unpacked(begin: bytes, repeated: bytes, content_type: str) -> None:
    body = bomb(begin, repeated)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"."):
            read(body, content_type)
        assert tracemalloc.get_traced_memory()[1] < 6 * MOST_FLOW_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("begin", "flow", "content_type"), [(b"", b'{"a":1}\n', NDJSON), (RECORDS[:-2], b",{}", JSON)])
def test_of_a_bomb_of_flows_no_more_are_in_memory_than_one_piece_has(
    begin: bytes, flow: bytes, content_type: str
) -> None:
    body = bomb(begin, flow.replace(b"{}", b'{"id":1}'))
    tracemalloc.start()
    try:
        flows = read_flows(body, content_type, "gzip")
        assert sum(1 for _ in itertools.islice(flows, 200_000)) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 6 * MOST_FLOW_BYTES
    finally:
        tracemalloc.stop()


def test_a_body_that_unpacks_to_more_than_the_forwarder_packs_is_given_up() -> None:
    line = b'{"a":"' + b"x" * (MOST_FLOW_BYTES - 10) + b'"}'
    flows = read_flows(gzip.compress(b"\n".join([line] * 70), compresslevel=1), NDJSON, "gzip")

    assert sum(len(flow["a"]) for flow in itertools.islice(flows, 63)) < MOST_BODY_BYTES
    with pytest.raises(ValueError, match=f"unpacks to over {MOST_BODY_BYTES} bytes"):
        list(flows)


def test_what_is_packed_stays_within_what_is_read() -> None:
    """Lines that compress a thousand times, so that a small event has room for very many."""
    line = json.dumps("x" * 500_000)
    flows = [(1000, EncodedRecord("key-0-crc-", [line] * 160, range(160), ())), *made_up([[500_000] * 8] * 10)]
    large = packer("ndjson", "gzip", 20 * STANDARD_BYTES, hub_bytes=20 * STANDARD_BYTES)
    assert large.max_flow_bytes == MOST_FLOW_BYTES

    ranges = pack(flows, packer("ndjson", "gzip", STANDARD_BYTES))

    sizes = [len(gzip.decompress(event.body)) for event in events_of(ranges)]
    assert max(sizes) <= MOST_BODY_BYTES
    assert (len(sizes), sum(each.flows for each in ranges)) == (2, 240)
    assert all(event.properties["flows"] for event in events_of(ranges))
