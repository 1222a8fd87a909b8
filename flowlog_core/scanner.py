"""Bytes of a flow log in, records with their place out: JSON framing, without I/O and without a notion of flows.

Goals: any cut of the input into chunks gives the same items; time is linear in the bytes; a broken record costs
itself only; memory is bounded by one record's limit, not by the input.

Plan: the document is ``{"records":[{...},{...}]}``. The scanner looks for the array's start, then takes one object
after the other by counting braces outside of strings, and parses each with orjson. Since no proper prefix of a JSON
object is itself a JSON object, a record that parses ended where the braces said. One that doesn't, or that never
closes, is broken framing: the scanner then looks for the next object that begins as a record begins and turns out to
be one of a known layout. In sound JSON the bytes ``{"time":`` can't stand inside of a string (its quotes would be
escaped), so that search needs no trust in what came before.

Warning: `Scanner.offset` is the end of the last item returned, never "bytes read". It is what a checkpoint may hold.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import orjson

from flowlog_core.errors import NotAFlowLogError

MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
"""A record over this is passed over by reference. Network Watcher cuts its records near 32,270 bytes."""

HEADER_BYTES: Final = 64 * 1024
"""Within so many bytes the array ``"records":[`` must begin."""

BEHIND_BYTES: Final = 512
"""So many bytes before `Scanner.offset` are kept, for the checkpoint's fingerprint."""

_OVERSIZED: Final = f"record over {MAX_RECORD_BYTES} bytes"
_LANDMARK_BYTES: Final = 256
_GAP: Final = rb"[ \t\r\n]{0,64}"
_ARRAY_START: Final = re.compile(rb'(?<!\\)"records"[ \t\r\n]*+:[ \t\r\n]*+\[')
_SEPARATORS: Final = re.compile(rb"[ \t\r\n,]*+")
_CLOSER: Final = re.compile(rb"[ \t\r\n}]*+")
_TRAILING_CLOSER: Final = re.compile(rb"\][ \t\r\n]*+\}[ \t\r\n]*+\Z")
# Up to the next brace outside of strings, or to a string that has no end yet.
_TO_BRACE: Final = re.compile(rb'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+', re.DOTALL)
_TO_QUOTE: Final = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)


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
class Broken:
    """A stretch that holds no sound record.

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


Item = Record | Broken


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What tells a record from any other object, for finding the way back after broken framing.

    Attributes:
        keys: A record begins with one of these keys, and none of the objects inside of a record does.
        is_record: Whether a parsed object is a record of a known layout.

    """

    keys: frozenset[str]
    is_record: Callable[[dict[str, Any]], bool]

    def pattern(self) -> re.Pattern[bytes]:
        """Compile the beginning of a record; it matches at most `_LANDMARK_BYTES`."""
        keys = b"|".join(re.escape(key.encode()) for key in sorted(self.keys))
        return re.compile(rb"\{" + _GAP + rb'"(?:' + keys + rb')"' + _GAP + rb":")


class _State(Enum):
    HEADER = auto()  # before the array
    BETWEEN = auto()  # in the array, outside of a record
    OBJECT = auto()  # in an object of the array, from _start on
    OVERSIZED = auto()  # the same, and its bytes are no longer kept
    LOST = auto()  # framing is broken from _start on; no candidate yet
    CANDIDATE = auto()  # framing is broken from _start on; what begins at _candidate may be a record
    CLOSED = auto()  # after the array


class _Step(Enum):
    NEED_MORE = auto()
    GO_ON = auto()


class Scanner:
    """A push scanner: `feed` bytes, then take items until there is none; `end` when no more bytes will come.

    All positions are offsets in the blob; ``_base`` is that of the first byte in the buffer, and always
    ``_base <= offset``, ``offset - _base >= min(offset, BEHIND_BYTES)`` unless an oversized stretch is passed over.
    """

    def __init__(self, landmarks: Landmarks, *, offset: int = 0, behind: bytes = b"") -> None:
        """Begin at the start of a blob, or behind a record that ended at `offset`.

        Args:
            landmarks: What a record looks like.
            offset: Where the bytes to be fed begin; over 0, the end of a record.
            behind: The up to `BEHIND_BYTES` bytes before `offset`.

        """
        self.offset = offset
        self._landmarks = landmarks
        self._record_start = landmarks.pattern()
        self._buffer = bytearray(behind)
        self._base = offset - len(behind)
        self._position = offset
        self._state = _State.BETWEEN if offset else _State.HEADER
        self._ended = False
        self._header_try = 1  # HEADER: so many bytes are waited for before the next look
        self._start = offset
        self._depth = 0
        self._in_string = False
        self._search = 0  # LOST and CANDIDATE: where the search for the next candidate goes on
        self._candidate = 0
        self._crc = 0  # of the dropped bytes from _start on
        self._crc_end = 0
        self._was_closed = False
        self._found: Record | None = None
        self._reason = ""
        self._steps: dict[_State, Callable[[], Item | _Step]] = {
            _State.HEADER: self._in_header,
            _State.BETWEEN: self._between_records,
            _State.OBJECT: self._in_object,
            _State.OVERSIZED: self._in_oversized,
            _State.LOST: self._lost,
            _State.CANDIDATE: self._in_candidate,
            _State.CLOSED: self._after_array,
        }

    @property
    def behind(self) -> bytes:
        """The last `BEHIND_BYTES` bytes before `offset`, or all that there are."""
        end = self.offset - self._base
        return bytes(self._buffer[max(0, end - BEHIND_BYTES) : end])

    @property
    def unfinished(self) -> bool:
        """Whether the bytes behind `offset` hold something that has begun and not ended."""
        begun = {_State.OBJECT, _State.OVERSIZED, _State.LOST, _State.CANDIDATE}
        return self._state in begun and not self._was_closed

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
        self._start = self._position
        if byte == b"{":
            self._begin_object(_State.OBJECT)
        elif byte == b"]":
            self._position += 1
            self._was_closed = True
            self._state = _State.CLOSED
        else:
            self._lose("no object where a record should begin", search=self._position)
        return _Step.GO_ON

    def _in_object(self) -> Item | _Step:
        end = self._close(self._limit)
        if end is None:
            return self._in_open_object()
        if end - self._start > MAX_RECORD_BYTES:
            return self._pass_over(end, _OVERSIZED)
        raw = self._bytes(self._start, end)
        try:
            record = Record(self._start, raw, orjson.loads(raw))
        except orjson.JSONDecodeError as error:
            reason = f"not valid JSON: {error.msg}"
            candidate = self._next_candidate(self._start + 1, end)
            if candidate is None:
                return self._pass_over(end, reason)
            self._lose(reason, search=candidate)
            return _Step.GO_ON
        return self._emit(record, end)

    def _in_open_object(self) -> _Step:
        if self._limit - self._start > MAX_RECORD_BYTES:
            self._search = self._start + 1
            self._reason = _OVERSIZED
            self._state = _State.OVERSIZED
            return _Step.GO_ON
        if self._ended and self._next_candidate(self._start + 1) is not None:
            self._lose("record that does not end", search=self._start + 1)
            return _Step.GO_ON
        return _Step.NEED_MORE

    def _in_oversized(self) -> Item | _Step:
        candidate = self._next_candidate(self._search)
        end = self._close(self._limit if candidate is None else candidate)
        if end is not None:
            return self._pass_over(end, self._reason)
        if candidate is not None:
            self._try(candidate)
            return _Step.GO_ON
        self._search = max(self._search, self._limit - _LANDMARK_BYTES)
        return _Step.NEED_MORE

    def _lost(self) -> Item | _Step:
        candidate = self._next_candidate(self._search)
        if candidate is not None:
            self._try(candidate)
            return _Step.GO_ON
        self._search = max(self._search, self._limit - _LANDMARK_BYTES)
        if self._ended and not self._was_closed and self._start >= self._base and self._at(self._start) != b"{":
            # Elements that are no objects, up to the document's end: nothing can come that makes them whole.
            match = _TRAILING_CLOSER.search(self._buffer, self._start - self._base)
            if match is not None:
                return self._pass_over(self._base + match.start(), self._reason)
        return _Step.NEED_MORE

    def _in_candidate(self) -> Item | _Step:
        following = self._next_candidate(max(self._search, self._candidate + 1))
        end = self._close(self._limit if following is None else following)
        if end is not None:
            record = self._known_record(self._candidate, end)
            if record is not None:
                self._found = record
                return self._pass_over(self._candidate, self._reason)
            self._search = end
            self._state = _State.LOST
            return _Step.GO_ON
        if following is not None:  # a record has no second beginning inside: the first one was cut off
            self._try(following)
            return _Step.GO_ON
        self._search = max(self._candidate + 1, self._limit - _LANDMARK_BYTES)
        if self._limit - self._candidate > MAX_RECORD_BYTES:
            self._state = _State.LOST
            return _Step.GO_ON
        return _Step.NEED_MORE

    def _after_array(self) -> Item | _Step:
        if self._skip(_CLOSER) is None:
            return _Step.NEED_MORE
        self._start = self._position
        self._lose("bytes after the end of the records", search=self._position)
        return _Step.GO_ON

    # Parts of the steps.

    @property
    def _limit(self) -> int:
        """The end of the bytes fed so far."""
        return self._base + len(self._buffer)

    def _at(self, offset: int) -> bytes:
        index = offset - self._base
        return bytes(self._buffer[index : index + 1])

    def _bytes(self, start: int, end: int) -> bytes:
        return bytes(self._buffer[start - self._base : end - self._base])

    def _skip(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """Move on over what the pattern matches; give the byte there, or None at the end of the buffer."""
        match = pattern.match(self._buffer, self._position - self._base)
        if match is not None:
            self._position = self._base + match.end()
        return self._at(self._position) or None

    def _begin_object(self, state: _State) -> None:
        self._depth = 0
        self._in_string = False
        self._crc, self._crc_end = 0, self._start
        self._state = state

    def _close(self, limit: int) -> int | None:
        """Move on through an object; give the offset behind its last brace, or None if that is not before `limit`."""
        buffer, base, stop = self._buffer, self._base, limit - self._base
        index = self._position - base
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
        self._position = base + index
        return end

    def _next_candidate(self, search: int, stop: int | None = None) -> int | None:
        limit = self._limit if stop is None else stop
        match = self._record_start.search(self._buffer, max(0, search - self._base), limit - self._base)
        return None if match is None else self._base + match.start()

    def _lose(self, reason: str, *, search: int) -> None:
        self._reason = reason
        self._search = search
        self._crc, self._crc_end = 0, self._start
        self._state = _State.LOST

    def _try(self, candidate: int) -> None:
        self._candidate = self._position = candidate
        self._search = candidate + 1
        self._depth = 0
        self._in_string = False
        self._state = _State.CANDIDATE

    def _known_record(self, start: int, end: int) -> Record | None:
        if end - start > MAX_RECORD_BYTES:
            return None
        raw = self._bytes(start, end)
        try:
            record = Record(start, raw, orjson.loads(raw))
        except orjson.JSONDecodeError:
            return None
        return record if self._landmarks.is_record(record.value) else None

    def _emit(self, item: Item, end: int) -> Item:
        self.offset = self._position = end
        self._was_closed = False
        self._state = _State.BETWEEN
        return item

    def _pass_over(self, end: int, reason: str) -> Item:
        kept = self._start >= self._base and end - self._start <= MAX_RECORD_BYTES
        raw = self._bytes(self._start, end) if kept else None
        self._add_to_crc(end)
        return self._emit(Broken(self._start, end, self._crc, raw, reason), end)

    def _add_to_crc(self, end: int) -> None:
        if end > self._crc_end:
            self._crc = zlib.crc32(self._bytes(self._crc_end, end), self._crc)
            self._crc_end = end

    def _trim(self) -> None:
        """Drop the bytes that nothing needs any more, so that the buffer is bounded."""
        needed = self.offset
        if self._state in {_State.OVERSIZED, _State.LOST, _State.CANDIDATE}:
            needed = self._start
            if self._limit - self._start > MAX_RECORD_BYTES:
                needed = self._candidate if self._state is _State.CANDIDATE else min(self._search, self._position_kept)
                self._add_to_crc(needed)
        elif self._state is _State.HEADER:
            needed = self._base
        drop = needed - BEHIND_BYTES - self._base
        if drop > 0:
            del self._buffer[:drop]
            self._base += drop

    @property
    def _position_kept(self) -> int:
        return self._position if self._state is _State.OVERSIZED else self._limit
