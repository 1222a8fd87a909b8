"""Items of the quarantine: their documents are read as they were written, by this version and the first one."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.source.blob import SourceBlob

BLOB = SourceBlob("account", "container", "flowLogResourceID=/NET/PT1H.json")
NOW = datetime(2026, 11, 20, 23, 0, 1, 250_000, tzinfo=UTC)
NAME = "account/container/flowLogResourceID=/NET/PT1H.json/12-00000abc.json"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = TEXTS.filter(bool)
OFFSETS = st.integers(0, 2**63 - 1)
CRCS = st.integers(0, 2**32 - 1)
TUPLES = st.lists(
    st.builds(RejectedTuple, OFFSETS, TEXTS, st.none() | TEXTS) | st.builds(RejectedTuple, st.none(), TEXTS, TEXTS),
    max_size=3,
).map(tuple)
RAW = st.none() | st.binary(max_size=40) | TEXTS.map(str.encode)
TIMES = st.integers(0, 10**12).map(lambda count: datetime(2020, 1, 1, tzinfo=UTC) + count * timedelta(milliseconds=1))


@st.composite
def items(draw: st.DrawFn) -> QuarantineItem:
    blob = SourceBlob(draw(st.text("a0", min_size=3)), draw(st.text("a-0", min_size=3)), draw(NAMES))
    piece = st.builds(QuarantineItem, st.just(blob), OFFSETS, OFFSETS, CRCS, TEXTS, st.none(), TUPLES)
    remains = tuple(draw(st.lists(piece, max_size=2)))
    return QuarantineItem(blob, draw(OFFSETS), draw(OFFSETS), draw(CRCS), draw(TEXTS), draw(RAW), draw(TUPLES), remains)


@given(item=items(), time=TIMES)
def test_a_document_is_read_as_it_was_written(item: QuarantineItem, time: datetime) -> None:
    assert StoredItem.read(item.name, item.document(time)) == StoredItem(item.name, item, time)


# Documents as version 0.1.0 wrote them.
RECORD = b"""{"reason":"1 of 2 tuples give no flow","blob":"account/container/flowLogResourceID=/NET/PT1H.json",\
"offset":12,"length":8,"crc":"00000abc","raw":"{\\"a\\":\xc3\xbc}","rawEncoding":"utf-8",\
"tuples":[{"ordinal":1,"reason":"the source port is none"}],"time":"2026-11-20T23:00:01.250+00:00"}"""
BYTES = b"""{"reason":"not valid JSON","blob":"account/container/flowLogResourceID=/NET/PT1H.json","offset":12,\
"length":2,"crc":"00000abc","raw":"//4=","rawEncoding":"base64","tuples":[],"time":"2026-11-20T23:00:01.250+00:00"}"""
REFERENCE = b"""{"reason":"over 4 MiB","blob":"account/container/flowLogResourceID=/NET/PT1H.json","offset":12,\
"length":5000000,"crc":"00000abc","raw":null,"rawEncoding":null,"tuples":[],"time":"2026-11-20T23:00:01.250+00:00"}"""
RECOVERED = b"""{"reason":"not valid JSON","blob":"account/container/flowLogResourceID=/NET/PT1H.json","offset":12,\
"length":2,"crc":"00000abc","raw":"{}","rawEncoding":"utf-8","tuples":[],"time":"2026-11-20T23:00:01.250+00:00",\
"remains":[{"reason":"not valid JSON","offset":13,"length":1,"crc":"00000def","tuples":[]}]}"""


@pytest.mark.parametrize(
    ("document", "item"),
    [
        (
            RECORD,
            QuarantineItem(
                BLOB,
                12,
                8,
                0xABC,
                "1 of 2 tuples give no flow",
                '{"a":ü}'.encode(),
                (RejectedTuple(1, "the source port is none"),),
            ),
        ),
        (BYTES, QuarantineItem(BLOB, 12, 2, 0xABC, "not valid JSON", b"\xff\xfe")),
        (REFERENCE, QuarantineItem(BLOB, 12, 5_000_000, 0xABC, "over 4 MiB", None)),
        (
            RECOVERED,
            QuarantineItem(
                BLOB,
                12,
                2,
                0xABC,
                "not valid JSON",
                b"{}",
                remains=(QuarantineItem(BLOB, 13, 1, 0xDEF, "not valid JSON", None),),
            ),
        ),
    ],
    ids=["record", "bytes", "reference", "recovered"],
)
def test_what_the_first_version_stored_is_read_and_still_written_so(document: bytes, item: QuarantineItem) -> None:
    assert StoredItem.read(NAME, document) == StoredItem(NAME, item, NOW)
    assert (item.name, item.document(NOW)) == (NAME, document)


def test_a_tuple_below_a_level_with_a_fault_is_written_with_the_levels_pointer() -> None:
    tuples = (RejectedTuple(0, "no rule", "/properties/flows/1"), RejectedTuple(None, "no flowTuples", "/x"))
    item = QuarantineItem(BLOB, 12, 8, 0xABC, "2 of 3 tuples give no flow", b"{}", tuples)

    written = json.loads(item.document(NOW))["tuples"]

    assert written == [
        {"ordinal": 0, "reason": "no rule", "pointer": "/properties/flows/1"},
        {"ordinal": None, "reason": "no flowTuples", "pointer": "/x"},
    ]
    assert (item.count, item.reasons) == (2, ("no rule", "no flowTuples"))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"blob":"no-container","raw":null,"rawEncoding":null}',
        RECORD.replace(b"utf-8", b"utf-7"),
        RECORD.replace(b'"crc":"00000abc",', b""),
        RECORD.replace(b'"ordinal":1', b'"ordinal":null'),
    ],
)
def test_a_document_that_is_no_item_is_told_by_its_name(document: bytes) -> None:
    with pytest.raises(QuarantineUnreadableError, match=r"^account/container/a/1-0\.json: not an item"):
        StoredItem.read("account/container/a/1-0.json", document)
