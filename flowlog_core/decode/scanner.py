"""Bytes of a flow log in, records with their place out: JSON framing, without I/O and without a notion of flows.

Goals: any cut of the input into chunks gives the same items; time is linear in the bytes; a malformed record costs
itself only; memory is bounded by one record's limit, not by the input.

Plan: the document is ``{"records":[{...},{...}]}``. The scanner looks for the array's start, then takes one object
after the other by counting braces outside of strings, and parses each with orjson. Since no proper prefix of a JSON
object is itself a JSON object, a record that parses ended where the braces said.

A record marker is where a record may begin. In sound JSON the bytes ``{"time":`` can't stand inside a string (its
quotes would be escaped), so markers need no trust in what came before; and no record of a known layout has one inside.
So a marker before the open object's end, or where no object is open, is tried on its own: if it begins a record of a
known layout, the framing before it was malformed, and what lies between is one malformed range. If not, the object
goes on. Each byte is walked through at most twice, once in its object and once from the last marker before it.

Warning: `Scanner.offset` is the end of the last item returned, never "bytes read". It is what a checkpoint may hold.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any, Final

import orjson

from flowlog_core.errors import NotAFlowLogError

MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
"""A record over this is passed over by reference. Network Watcher cuts its records near 32,270 bytes."""

HEADER_BYTES: Final = 64 * 1024
"""Within so many bytes the array ``"records":[`` must begin."""

PRECEDING_BYTES: Final = 512
"""So many bytes before `Scanner.offset` are kept, for the checkpoint's fingerprint."""

_OVERSIZED: Final = f"record over {MAX_RECORD_BYTES} bytes"
_ENDLESS: Final = "record that does not end"
_MARKER_BYTES: Final = 256
_GAP: Final = rb"[ \t\r\n]{0,64}"
_ARRAY_START: Final = re.compile(rb'(?<!\\)"records"[ \t\r\n]*+:[ \t\r\n]*+\[')
_SEPARATORS: Final = re.compile(rb"[ \t\r\n,]*+")
_CLOSER: Final = re.compile(rb"[ \t\r\n}]*+")
_TRAILING_CLOSER: Final = re.compile(rb"\][ \t\r\n]*+\}[ \t\r\n]*+\Z")
# Up to the next brace outside of strings, or to a string that has no end yet.
_TO_BRACE: Final = re.compile(rb'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+', re.DOTALL)
_TO_QUOTE: Final = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)
_AFTER_OBJECT: Final = re.compile(rb"[ \t\r\n,]{0,256}+")


@dataclass(frozen=True, slots=True)
class Record:
    """A sound JSON object of the array.

    Attributes:
        start: Offset of its ``{`` in the blob.
        raw: Its bytes.
        value: The same, parsed.

    """

    start: int
    raw: bytes
    value: dict[str, Any]

    @property
    def end(self) -> int:
        """Offset just after its ``}``."""
        return self.start + len(self.raw)

    @property
    def crc(self) -> int:
        """CRC-32 of its bytes."""
        return zlib.crc32(self.raw)


@dataclass(frozen=True, slots=True)
class MalformedRange:
    """A range that holds no sound record.

    Attributes:
        start: Offset of its first byte.
        end: Offset just after its last byte.
        crc: CRC-32 of its bytes.
        raw: Its bytes, or None where they are over `MAX_RECORD_BYTES`.
        reason: Why, without any of its content.

    """

    start: int
    end: int
    crc: int
    raw: bytes | None
    reason: str


Item = Record | MalformedRange


@dataclass(frozen=True)
class RecordMarker:
    """What tells a record from any other object, for finding the way back after malformed framing.

    Attributes:
        keys: A record begins with one of these keys, and none of the objects inside of a record does.
        is_record: Whether a parsed object is a record of a known layout.

    """

    keys: frozenset[str]
    is_record: Callable[[dict[str, Any]], bool]

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The beginning of a record; it matches at most `_LANDMARK_BYTES`."""
        keys = b"|".join(re.escape(key.encode()) for key in sorted(self.keys))
        return re.compile(rb"\{" + _GAP + rb'"(?:' + keys + rb')"' + _GAP + rb":")


class _State(Enum):
    HEADER = auto()  # before the array
    BETWEEN = auto()  # in the array, outside of a record
    OPEN = auto()  # from _start on: in an object, or where no object is
    CANDIDATE = auto()  # the same, and what begins at _candidate.start may be a record
    REFUSED = auto()  # after an object that is no record; it began at _start
    CLOSED = auto()  # after the array


_BEGUN: Final = frozenset({_State.OPEN, _State.CANDIDATE, _State.REFUSED})


class _Step(Enum):
    NEED_MORE = auto()
    GO_ON = auto()


class _Walk:
    """The way through an object, as far as the bytes go."""

    def __init__(self, start: int) -> None:
        """Begin at the offset of its ``{``."""
        self.start = self.position = start
        self._depth = 0
        self._in_string = False

    def to_end(self, buffer: bytearray, base: int, limit: int) -> int | None:
        """Go on; give the offset after the object's last brace, or None if that is not before `limit`.

        Args:
            buffer: Bytes of the blob, those from `position` on among them.
            base: Offset of its first byte.
            limit: Offset to stop at.

        """
        index, stop = self.position - base, limit - base
        end = None
        while end is None and index < stop:
            match = (_TO_QUOTE if self._in_string else _TO_BRACE).match(buffer, index, stop)
            index = match.end() if match is not None else index
            if index == stop:
                break
            byte = buffer[index]
            if self._in_string:
                if byte != ord('"'):  # a backslash whose escaped byte has not come yet
                    break
                self._in_string = False
            elif byte == ord('"'):
                self._in_string = True
            else:
                self._depth += 1 if byte == ord("{") else -1
                if self._depth == 0:
                    end = base + index + 1
            index += 1
        self.position = base + index
        return end


class Scanner:
    """A push scanner: `feed` bytes, then take items until there is none; `end` when no more bytes will come.

    All positions are offsets in the blob; ``_base`` is that of the first byte in the buffer, and always
    ``_base <= max(0, _needed - BEHIND_BYTES)``.

    Attributes:
        offset: End of the last item returned.
        preceding: The last `PRECEDING_BYTES` bytes before `offset`, or all that there are.

    """

    def __init__(self, marker: RecordMarker, *, offset: int = 0, preceding: bytes = b"") -> None:
        """Begin at the start of a blob, or after a record that ended at `offset`.

        Args:
            marker: What a record looks like.
            offset: Where the bytes to be fed begin; over 0, the end of a record.
            preceding: The up to `PRECEDING_BYTES` bytes before `offset`.

        """
        self.offset = offset
        self.preceding = preceding
        self._record_marker = marker
        self._record_start = marker.pattern
        self._buffer = bytearray(preceding)
        self._base = offset - len(preceding)
        self._position = offset  # BETWEEN, CLOSED: how far they came; REFUSED: the object's end
        self._state = _State.BETWEEN if offset else _State.HEADER
        self._ended = False
        self._header_try = 1  # HEADER: so many bytes are waited for before the next look
        self._start = offset
        self._reason = ""
        self._object: _Walk | None = None  # that began at _start, if an object did
        self._candidate = _Walk(offset)
        self._floor = offset  # OPEN, CANDIDATE: markers before it are done with
        self._marker: int | None = None  # the last one found
        self._looked = offset  # how far markers were looked for
        self._crc = 0  # of the bytes from _start to _crc_end, which are dropped or about to be
        self._crc_end = offset
        self._was_closed = False
        self._found: Record | None = None
        self._steps: dict[_State, Callable[[], Item | _Step]] = {
            _State.HEADER: self._in_header,
            _State.BETWEEN: self._between_records,
            _State.OPEN: self._in_open,
            _State.CANDIDATE: self._in_candidate,
            _State.REFUSED: self._after_refused,
            _State.CLOSED: self._after_array,
        }

    @property
    def unfinished(self) -> bool:
        """Whether the bytes after `offset` hold something that has begun and not ended, or that has no place there."""
        return self._state in _BEGUN

    def feed(self, data: bytes) -> None:
        """Add the bytes that follow those fed before."""
        self._trim()
        self._buffer += data

    def end(self) -> None:
        """Say that the input ends here. What was held back in the hope of more may now come out as items."""
        self._ended = True

    def items(self) -> Iterator[Item]:
        """Take the items that the bytes fed so far give.

        Raises:
            NotAFlowLogError: There is no array of records in the first `HEADER_BYTES`.

        """
        while (item := self.next_item()) is not None:
            yield item

    def next_item(self) -> Item | None:
        """Take one item, or None if that needs more bytes."""
        if self._found is not None:
            record, self._found = self._found, None
            return self._emit(record, record.end)
        while True:
            outcome = self._steps[self._state]()
            if outcome is _Step.NEED_MORE:
                return None
            if not isinstance(outcome, _Step):
                return outcome

    # States. Each step returns an item, or says to go on in another state or to wait for more bytes.

    def _in_header(self) -> Item | _Step:
        size = len(self._buffer)
        if not size or (size < self._header_try and not self._ended):
            return _Step.NEED_MORE
        match = _ARRAY_START.search(self._buffer, 0, HEADER_BYTES)
        if match is None:
            if not self._ended and size < HEADER_BYTES:
                self._header_try = min(2 * size, HEADER_BYTES)  # each try twice as far: linear in all
                return _Step.NEED_MORE
            raise NotAFlowLogError(f'no "records":[ in the first {min(size, HEADER_BYTES)} bytes')
        self._position = self._base + match.end()
        self._state = _State.BETWEEN
        return _Step.GO_ON

    def _between_records(self) -> Item | _Step:
        byte = self._skip(_SEPARATORS)
        if byte is None:
            return _Step.NEED_MORE
        if byte == b"{":
            self._begin(_ENDLESS, _Walk(self._position))
        elif byte == b"]":
            self._position += 1
            self._was_closed = True
            self._state = _State.CLOSED
        else:
            self._begin("no object where a record should begin", None)
        return _Step.GO_ON

    def _in_open(self) -> Item | _Step:
        marker = self._next_marker()
        if self._object is not None:
            end = self._object.to_end(self._buffer, self._base, self._limit if marker is None else marker)
            if end is not None:
                return self._end_object(end)
        if marker is None:
            return self._wait()
        self._candidate = _Walk(marker)
        self._floor = marker + 1
        self._state = _State.CANDIDATE
        return _Step.GO_ON

    def _in_candidate(self) -> Item | _Step:
        walk, marker = self._candidate, self._next_marker()
        end = walk.to_end(self._buffer, self._base, self._limit if marker is None else marker)
        if end is None and marker is None and self._limit - walk.start <= MAX_RECORD_BYTES:
            return self._wait()
        record = None if end is None else self._known_record(walk.start, end)
        if record is None:
            self._state = _State.OPEN
            return _Step.GO_ON
        self._found = record
        return self._pass_over(walk.start)

    def _after_refused(self) -> Item | _Step:
        """See what follows an object: if nothing does, its last brace is the document's own."""
        index = self._position - self._base
        match = _AFTER_OBJECT.match(self._buffer, index)
        after = index if match is None else match.end()
        if after < len(self._buffer) and self._buffer[after] not in b" \t\r\n,{]":
            self._object = None  # its last brace came too early
            self._state = _State.OPEN
            return _Step.GO_ON
        if after < len(self._buffer):
            return self._pass_over(self._position)
        if not self._ended:
            return _Step.NEED_MORE
        end = self._array_end()
        return self._pass_over(self._position if end is None else end)

    def _after_array(self) -> Item | _Step:
        if self._skip(_CLOSER) is None:
            return _Step.NEED_MORE
        self._begin("bytes after the end of the records", None)
        return _Step.GO_ON

    # Parts of the steps.

    @property
    def _limit(self) -> int:
        """The end of the bytes fed so far."""
        return self._base + len(self._buffer)

    def _bytes(self, start: int, end: int) -> bytes:
        with memoryview(self._buffer) as view:
            return bytes(view[max(0, start - self._base) : end - self._base])

    def _skip(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """Move on over what the pattern matches; give the byte there, or None at the end of the buffer."""
        match = pattern.match(self._buffer, self._position - self._base)
        if match is not None:
            self._position = self._base + match.end()
        return self._bytes(self._position, self._position + 1) or None

    def _begin(self, reason: str, walk: _Walk | None) -> None:
        """Open a range, which is malformed for this reason unless an object ends before anything else begins."""
        self._start = self._position
        self._floor = self._start + 1
        self._object = walk
        self._reason = reason
        self._crc, self._crc_end = 0, self._start
        self._state = _State.OPEN

    def _end_object(self, end: int) -> Item | _Step:
        if end - self._start > MAX_RECORD_BYTES:
            self._reason = _OVERSIZED
        else:
            raw = self._bytes(self._start, end)
            try:
                return self._emit(Record(self._start, raw, orjson.loads(raw)), end)
            except orjson.JSONDecodeError as error:
                self._reason = f"not valid JSON: {error.msg}"
        self._position = end
        self._state = _State.REFUSED
        return _Step.GO_ON

    def _wait(self) -> Item | _Step:
        """Wait for more bytes, unless the document's end shows that none can complete this range."""
        end = self._array_end() if self._ended and not self._was_closed else None
        return _Step.NEED_MORE if end is None else self._pass_over(end)

    def _array_end(self) -> int | None:
        """Give the offset of the ``]`` that, with a brace, ends the input, if it ends so."""
        match = _TRAILING_CLOSER.search(self._buffer, self._crc_end - self._base)
        return None if match is None else self._base + match.start()

    def _next_marker(self) -> int | None:
        """Find the first marker that is not done with. No byte is looked at twice, but for a marker's length."""
        if self._marker is not None and self._marker >= self._floor:
            return self._marker
        search = max(self._floor, self._looked)
        match = self._record_start.search(self._buffer, search - self._base)
        if match is None:
            self._marker = None
            self._looked = max(search, self._limit - _MARKER_BYTES)
        else:
            self._marker = self._looked = self._base + match.start()
        return self._marker

    def _known_record(self, start: int, end: int) -> Record | None:
        if end - start > MAX_RECORD_BYTES:
            return None
        raw = self._bytes(start, end)
        try:
            record = Record(start, raw, orjson.loads(raw))
        except orjson.JSONDecodeError:
            return None
        return record if self._record_marker.is_record(record.value) else None

    def _emit(self, item: Item, end: int) -> Item:
        self.offset = self._position = end
        self.preceding = self._bytes(end - PRECEDING_BYTES, end)
        self._was_closed = False
        self._state = _State.BETWEEN
        return item

    def _pass_over(self, end: int) -> Item:
        kept = self._crc_end == self._start and end - self._start <= MAX_RECORD_BYTES
        raw = self._bytes(self._start, end) if kept else None
        self._add_to_crc(end)
        return self._emit(MalformedRange(self._start, end, self._crc, raw, self._reason), end)

    def _add_to_crc(self, end: int) -> None:
        if end > self._crc_end:
            self._crc = zlib.crc32(self._bytes(self._crc_end, end), self._crc)
            self._crc_end = end

    def _trim(self) -> None:
        """Drop the bytes that nothing needs any more, so that the buffer is bounded."""
        needed = self._needed
        if self._state in _BEGUN and needed > self._start:
            self._add_to_crc(needed)
        drop = needed - PRECEDING_BYTES - self._base
        if drop > 0:
            del self._buffer[:drop]
            self._base += drop

    @property
    def _needed(self) -> int:
        """Offset of the first byte that is needed: an open range is kept from its start on, unless that is too far."""
        if self._state is _State.HEADER:
            return self._base
        if self._state not in _BEGUN:
            return self._position
        if self._state is _State.REFUSED:
            rest = self._position - _MARKER_BYTES
        elif self._state is _State.CANDIDATE:
            rest = self._candidate.start
        else:
            rest = self._looked if self._object is None else min(self._looked, self._object.position)
        return rest if rest - self._start > MAX_RECORD_BYTES + 2 * _MARKER_BYTES else self._start
