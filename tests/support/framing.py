"""Bytes for the scanner: records as they may be written, what breaks framing, and documents made of both."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import strategies as st

from flowlog_core.decode import open_range as range_module
from flowlog_core.decode import scanner as scanner_module
from flowlog_core.decode.formats import RECORD_MARKER
from flowlog_core.decode.items import Item, MalformedRange, Record
from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.decode.scanner import Scanner
from tests.support.flow_logs import CLOSER, OPENER, nsg_record, vnet_record

A, B, C = (vnet_record(2, number=number) for number in range(3))
N = nsg_record(["1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A,B,,,,"])
INNER_OPENER = b'{"records":['
SMALL_LIMIT = 1500
"""A record limit under which every record of these tests fits, so that an oversized one need not be of 4 MiB."""

separators = st.sampled_from([b",", b"", b"\n", b" ,\r\n\t", b",,", b",\n    "])


def scan(data: bytes, cuts: Sequence[int] = (), *, offset: int = 0) -> list[Item]:
    """Feed the bytes from `offset` on, cut at these places, and end; give all items."""
    scanner = Scanner(RECORD_MARKER, offset=offset, preceding=data[max(0, offset - PRECEDING_BYTES) : offset])
    return list(feed(scanner, data, offset, cuts))


def feed(scanner: Scanner, data: bytes, offset: int, cuts: Sequence[int]) -> Iterator[Item]:
    for start, end in pairwise(sorted({offset, *(cut for cut in cuts if offset < cut < len(data)), len(data)})):
        scanner.feed(data[start:end])
        yield from scanner.items()
    scanner.end()
    yield from scanner.items()


def every(size: int, data: bytes) -> range:
    return range(0, len(data), size)


def records(items: Sequence[Item]) -> list[bytes]:
    return [item.raw for item in items if isinstance(item, Record)]


def malformed_ranges(items: Sequence[Item], data: bytes) -> list[bytes]:
    return [data[item.start : item.end] for item in items if isinstance(item, MalformedRange)]


@contextmanager
def record_limit(size: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (scanner_module, range_module):
            patch.setattr(module, "MAX_RECORD_BYTES", size)
        yield


STYLES: tuple[Callable[[object], str], ...] = (
    lambda value: json.dumps(value, separators=(",", ":")),
    lambda value: json.dumps(value, indent=2),
    lambda value: json.dumps(value, indent="\t", sort_keys=True),
    lambda value: json.dumps(value, separators=(" , ", "\r\n:\t"), ensure_ascii=False),
)
ODD_TEXTS = ('"', "\\", '\\"', "}", '{"time":', "]}", "\x00", "é", "\U0001f600", 'x\\\\"},{"time":{')


@st.composite
def sound_records(draw: st.DrawFn) -> bytes:
    """Records of a known layout, in any order of their keys, any whitespace, and with texts that look like framing."""
    value = json.loads(draw(st.sampled_from([A, B, N])))
    value["category"] = draw(st.sampled_from(ODD_TEXTS))
    value["operationName"] = draw(st.text(max_size=5))
    keys = draw(st.permutations(list(value)))
    style = draw(st.sampled_from(STYLES))
    return style({key: value[key] for key in keys}).encode()


def structure(record: bytes, marks: bytes) -> list[int]:
    """Places of these marks where they are JSON's own, and not in a text."""
    places = []
    for match in re.finditer(rb'"(?:[^"\\]|\\.)*"|[{}]', record):
        places += sorted({match.start(), match.end() - 1})
    return [place for place in places if record[place] in marks]


@st.composite
def shortened_records(draw: st.DrawFn) -> bytes:
    """Records that were cut off, or that lack a brace or a quote."""
    record = draw(sound_records())
    if draw(st.booleans()):
        return record[: draw(st.integers(1, len(record) - 1))]
    gone = draw(st.sampled_from(structure(record, draw(st.sampled_from([b"{}", b'"'])))[1:]))
    return record[:gone] + record[gone + 1 :]


NO_OBJECTS = (b"null", b"-1.5e3", b"true", b'"text"', b"[1,[2]]", b"[]", b"garbage", b"\xff\xfe")
NO_JSON = (b"{x}", b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\x00"}', b"{,}", b"{{{x", INNER_OPENER)

malformed_pieces = shortened_records() | st.sampled_from(NO_OBJECTS + NO_JSON)
"""What costs itself only, where a record should stand; none of it holds a complete record of a known layout."""


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Sound and malformed pieces, in any order."""
    parts = [
        draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n "])),
        draw(st.sampled_from([OPENER, b'{\n "records" : [\n'])),
    ]
    for piece in draw(st.lists(sound_records() | malformed_pieces | st.just(b'{"a":{"time":1}}'), max_size=6)):
        parts += [piece, draw(separators)]
    parts.append(draw(st.sampled_from([CLOSER, b"\n]\n}\n", b"", b"]}x", b"]},,", b"]}" + B, b"]}\n" + A + b"]}"])))
    return b"".join(parts)


cut_lists = st.lists(st.integers(0, 9000), max_size=8)
