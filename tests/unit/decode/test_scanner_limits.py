"""The scanner's limits: of a record, of the header, of memory, and of work."""

import re
import sys
import tracemalloc
import zlib
from collections.abc import Buffer as Buffered
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self, SupportsIndex

import orjson
import pytest

from flowlog_core.decode import object_walk as walk_module
from flowlog_core.decode import open_range as range_module
from flowlog_core.decode import scan_buffer as buffer_module
from flowlog_core.decode import scanner as scanner_module
from flowlog_core.decode.formats import RECORD_MARKER
from flowlog_core.decode.items import MAX_RECORD_BYTES, MalformedRange, Record
from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.decode.scanner import HEADER_BYTES, Scanner
from flowlog_core.errors import NotAFlowLogError
from tests.support.flow_logs import CLOSER, OPENER, document
from tests.support.framing import A, B, C, every, feed, record_limit, records, scan


def test_a_record_over_the_limit_is_passed_over_by_reference_in_bounded_memory() -> None:
    big = A[:-1] + b',"x":"' + b"a" * (6 * MAX_RECORD_BYTES) + b'"}'
    data = document([A, big, B])
    scanner = Scanner(RECORD_MARKER)
    chunk = 256 * 1024
    tracemalloc.start()
    try:
        items = list(feed(scanner, data, 0, every(chunk, data)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    first, piece, last = items
    assert (first.raw, last.raw) == (A, B)
    assert piece == MalformedRange(
        len(OPENER + A) + 1,
        len(OPENER + A) + 1 + len(big),
        zlib.crc32(big),
        None,
        f"record over {MAX_RECORD_BYTES} bytes",
    )
    assert peak < 4 * MAX_RECORD_BYTES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        pytest.param(b"", b" ", id="whitespace"),
        pytest.param(b"", b",", id="commas"),
        pytest.param(b"", b"x", id="garbage"),
        pytest.param(b'{"a":"', b"a", id="a string"),
        pytest.param(b'x{"time":"', b"a", id="a string in what may be a record"),
        pytest.param(b"", b'{"a":"' + b"a" * 100, id="strings without an end"),
        pytest.param(b"", b"{", id="braces"),
        pytest.param(b"", b'{"time":', id="beginnings of records"),
        pytest.param(b"", b"]}", id="ends of the document"),
    ],
)
def test_memory_is_bounded_by_the_record_limit_and_not_by_the_input(begin: bytes, endless: bytes) -> None:
    limit, chunk = 16 * 1024, endless * (8192 // len(endless))
    scanner = Scanner(RECORD_MARKER)
    with record_limit(limit):
        scanner.feed(OPENER + A)
        assert records(list(scanner.items())) == [A]
        scanner.feed(begin)
        assert list(scanner.items()) == []
        tracemalloc.start()
        try:
            for _ in range(40):
                scanner.feed(chunk)
                assert list(scanner.items()) == []
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5 * limit
    assert scanner.preceding == (OPENER + A)[-PRECEDING_BYTES:]
    assert scanner.offset == len(OPENER + A)


@pytest.mark.parametrize("over", [0, 1])
def test_the_limit_is_exact(over: int) -> None:
    data = document([A, B, C])
    with record_limit(len(B) - over):
        for cuts in ((), every(1, data), every(len(B), data)):
            items = scan(data, cuts)
            assert [item.raw for item in items] == ([None] * 3 if over else [A, B, C])
            assert {type(item) for item in items} == {MalformedRange if over else Record}


@pytest.mark.parametrize(
    "filler", [b"", b" ", b"x", b'{"records":', b'{"records" [', b'"record":[', b'{"x":"\\"records\\":["'], ids=repr
)
def test_without_an_array_of_records_it_is_no_flow_log(filler: bytes) -> None:
    data = b"{" + filler * (HEADER_BYTES // max(1, len(filler)) + 1)
    for cuts in ((), every(1000, data)):
        with pytest.raises(NotAFlowLogError, match='no "records":\\[ in the first'):
            scan(data, cuts)


def test_an_input_without_an_array_that_has_not_ended_is_waited_for_up_to_the_limit() -> None:
    scanner = Scanner(RECORD_MARKER)
    for _ in range(HEADER_BYTES // 1024 - 1):
        scanner.feed(b" " * 1024)
        assert list(scanner.items()) == []
    scanner.feed(b" " * 1024)
    with pytest.raises(NotAFlowLogError):
        list(scanner.items())


@pytest.mark.parametrize(("room", "found"), [(0, True), (1, False)])
def test_the_array_must_begin_within_the_first_64_kib(room: int, *, found: bool) -> None:
    data = b" " * (HEADER_BYTES - len(OPENER) + room) + OPENER + A + CLOSER
    for cuts in ((), every(1000, data)):
        if found:
            assert records(scan(data, cuts)) == [A]
        else:
            with pytest.raises(NotAFlowLogError):
                scan(data, cuts)


class Meter:
    """Counts the bytes that the scanner has its tools look through or copy, and their calls."""

    def __init__(self) -> None:
        self.work = 0

    def attach(self, patch: pytest.MonkeyPatch) -> None:
        """Put a counter before each tool that the scanner's modules use on bytes."""
        modules = (scanner_module, buffer_module, range_module, walk_module)
        for module in modules:
            for name, value in list(vars(module).items()):
                if isinstance(value, re.Pattern):
                    patch.setattr(module, name, CountedPattern(value, self))
        patch.setitem(vars(RECORD_MARKER), "pattern", CountedPattern(RECORD_MARKER.pattern, self))
        loads, crc32 = self.counted(orjson.loads), self.counted(zlib.crc32)
        patch.setattr(scanner_module, "orjson", SimpleNamespace(loads=loads, JSONDecodeError=orjson.JSONDecodeError))
        patch.setattr(range_module, "zlib", SimpleNamespace(crc32=crc32))
        patch.setattr(buffer_module, "bytes", self.counted(bytes), raising=False)
        meter = self

        class Buffer(bytearray):
            def __iadd__(self, data: Buffered) -> Self:  # type: ignore[override]  # as bytearray's own
                meter.work += memoryview(data).nbytes
                super().__iadd__(data)
                return self

            def __delitem__(self, place: SupportsIndex | slice) -> None:
                meter.work += 1
                super().__delitem__(place)

            def rfind(self, data: Buffered | SupportsIndex, start: Any = 0, end: Any = sys.maxsize) -> int:
                found = super().rfind(data, start, end)
                meter.work += 1 + end - max(found, start)
                return found

        patch.setattr(buffer_module, "bytearray", Buffer, raising=False)

    def counted[**P, T](self, tool: Callable[P, T]) -> Callable[P, T]:
        """Count a tool's calls, and the bytes of its first argument."""

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            self.work += 1 + len(args[0])  # type: ignore[arg-type]  # each of these tools takes bytes first
            return tool(*args, **kwargs)

        return call


class CountedPattern:
    """A pattern that counts how far it looked: to its match's end; or to the stop, in vain or for a string's end."""

    def __init__(self, pattern: re.Pattern[bytes], meter: Meter) -> None:
        self._pattern = pattern
        self._meter = meter

    def search(self, data: bytearray, start: int = 0, stop: int = sys.maxsize) -> re.Match[bytes] | None:
        found = self._pattern.search(data, start, stop)
        self._meter.work += 1 + (found.end() if found else min(len(data), stop)) - start
        return found

    def match(self, data: bytearray, start: int = 0, stop: int = sys.maxsize) -> re.Match[bytes] | None:
        found = self._pattern.match(data, start, stop)
        stop = min(len(data), stop)
        end = found.end() if found else start
        self._meter.work += 1 + (stop if end < stop and data[end] == ord('"') else end) - start
        return found


def work(data: bytes, chunk: int) -> int:
    meter = Meter()
    with pytest.MonkeyPatch.context() as patch:
        meter.attach(patch)
        scan(data, every(chunk, data))
    return meter.work


NO_TUPLES = b'{"time":"","resourceId":"","properties":{"Version":1,"flows":[]}}'
MASSES: dict[str, Callable[[int], bytes]] = {
    "records": lambda n: document([A] * (n // len(A))),
    "tiny objects": lambda n: document([b"{}"] * (n // 3)),
    "tiny objects that look like records": lambda n: document([b'{"time":1}'] * (n // 11)),
    "tiny invalid objects": lambda n: document([b"{x}"] * (n // 4)),
    "tiny invalid objects that look like records": lambda n: document([b'{"time":}'] * (n // 10)),
    "tiny invalid objects before a record": lambda n: document([b"{x}"] * (n // 4) + [A]),
    "objects without an end before a record": lambda n: document([b'{"a":' * (n // 5), A]),
    "elements that are no objects": lambda n: document([b"1"] * (n // 2)),
    "separators": lambda n: OPENER + b" ," * (n // 2),
    "closers": lambda n: document([]) + b" }" * (n // 2),
    "one string": lambda n: document([b'{"a":"' + b"a" * n + b'"}']),
    "one string of escapes": lambda n: document([b'{"a":"' + b'\\"' * (n // 2) + b'"}']),
    "one string without an end": lambda n: OPENER + b'{"a":"' + b"a" * n,
    "quotes": lambda n: OPENER + b'{"a":' + b'"' * n,
    "backslashes": lambda n: OPENER + b'{"a":"' + b"\\" * n,
    "whitespace in an object": lambda n: document([b"{" + b" " * n + b"}"]),
    "braces that open": lambda n: OPENER + b"{" * n,
    "braces that open and close": lambda n: document([b"{" * (n // 2) + b"}" * (n // 2)]),
    "objects in objects": lambda n: document([b'{"a":' * (n // 6) + b"1" + b"}" * (n // 6)]),
    "braces with gaps": lambda n: OPENER + (b"{" + b" " * 63) * (n // 64),
    "beginnings of records": lambda n: OPENER + b'{"time":' * (n // 8),
    "beginnings of records in records": lambda n: document([b'{"time":' * (n // 9) + b"1" + b"}" * (n // 9)]),
    "records in open objects": lambda n: document([b"{" + NO_TUPLES] * (n // 68) + [b"}" * (n // 68)]),
    "records in open records": lambda n: OPENER + (b'{"time":' + NO_TUPLES) * (n // 73),
    "records in open strings": lambda n: OPENER + (b'{"a":"' + NO_TUPLES + b",") * (n // 73),
    "records, each second one without its last brace": lambda n: document([A, A[:-1]] * (n // 2 // len(A))),
    "records, each second one without a quote": lambda n: document([A, A.replace(b'"', b"", 1)] * (n // 2 // len(A))),
    "records behind garbage": lambda n: document([b"x", NO_TUPLES] * (n // 68)),
    "records behind the array's end": lambda n: document([NO_TUPLES + b"]}x"] * (n // 70)),
    "ends of the array": lambda n: OPENER + b"x" + b"]}" * (n // 2),
    "ends of the array with gaps": lambda n: OPENER + b"x" + (b"]" + b" " * 63) * (n // 64),
    "behind garbage, objects without an end": lambda n: OPENER + b"x" + b'{"category":"' * (n // 13),
}


@pytest.mark.slow
@pytest.mark.parametrize("mass", MASSES)
@pytest.mark.parametrize(("chunk", "size"), [(1 << 30, 20_000), (1000, 20_000), (1, 3_000)])
@pytest.mark.parametrize("limit", [MAX_RECORD_BYTES, 2000])
def test_twice_the_bytes_are_at_most_two_and_a_half_times_the_work(
    mass: str, chunk: int, size: int, limit: int
) -> None:
    with record_limit(limit):
        once, twice = work(MASSES[mass](size), chunk), work(MASSES[mass](2 * size), chunk)
    assert once >= size
    assert twice <= 2.5 * once


@pytest.mark.parametrize("filler", [b" ", b'"records"', b'"records" ', b'"records":', b'"records"' + b" " * 100])
@pytest.mark.parametrize("chunk", [1 << 30, 100, 1])
def test_looking_for_the_array_is_linear_too(filler: bytes, chunk: int) -> None:
    def looked_through(size: int) -> int:
        return work(filler * (size // len(filler)) + OPENER + CLOSER, chunk)

    assert looked_through(8_000) <= 2.5 * looked_through(4_000)
