"""Bytes of a flow log in, records with their place out: JSON framing, without I/O and without a notion of flows.

Goals: any cut of the input into chunks gives the same items; time is linear in the bytes; a malformed record costs
itself only; memory is bounded by one record's limit, not by the input.

Plan: the document is ``{"records":[{...},{...}]}``. The scanner looks for the array's start, then takes one object
after the other. It guesses that an object ends at the last brace before the next record's beginning, and parses it so
far with orjson. Since no proper prefix of a JSON object is itself a JSON object, what parses ended there. Where that
fails, or no other record follows, it counts braces outside of strings to the object's end, and parses then.

A record marker is where a record may begin. In sound JSON the bytes ``{"time":`` can't stand inside a string (its
quotes would be escaped), so markers need no trust in what came before; and no record of a known layout has one inside.
So a marker before the open object's end, or where no object is open, is tried on its own: if it begins a record of a
known layout, the framing before it was malformed, and what lies between is one malformed range. If not, the object
goes on. Each byte is walked through at most twice, once in its object and once from the last marker before it, and is
in at most one guess.

Warning: `Scanner.offset` is the end of the last item returned, never "bytes read". It is what a checkpoint may hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import ClassVar, Final

import orjson

from flowlog_core.decode.items import LARGE_RECORD_BYTES, MARKER_BYTES, MAX_RECORD_BYTES, Item, Record, RecordMarker
from flowlog_core.decode.object_walk import ObjectWalk
from flowlog_core.decode.open_range import OpenRange
from flowlog_core.decode.scan_buffer import PRECEDING_BYTES, MarkerSearch, ScanBuffer
from flowlog_core.errors import NotAFlowLogError

HEADER_BYTES: Final = 64 * 1024
"""Within so many bytes the array ``"records":[`` must begin."""

_OVERSIZED: Final = f"record over {MAX_RECORD_BYTES} bytes"
_ENDLESS: Final = "record that does not end"
_ARRAY_START: Final = re.compile(rb'(?<!\\)"records"[ \t\r\n]*+:[ \t\r\n]*+\[')
_SEPARATORS: Final = re.compile(rb"[ \t\r\n,]*+")
_CLOSER: Final = re.compile(rb"[ \t\r\n}]*+")
_TRAILING_CLOSER: Final = re.compile(rb"\][ \t\r\n]*+\}[ \t\r\n]*+\Z")
_AFTER_OBJECT: Final = re.compile(rb"[ \t\r\n,]{0,256}+")


class _State(Enum):
    HEADER = auto()  # before the array
    BETWEEN = auto()  # in the array, outside of a record
    OPEN = auto()  # in an object, or where no object is
    CANDIDATE = auto()  # the same, and what begins at _candidate.start may be a record
    REFUSED = auto()  # after an object that is no record; it began where the open range does
    CLOSED = auto()  # after the array


_BEGUN: Final = frozenset({_State.OPEN, _State.CANDIDATE, _State.REFUSED})


class _Step(Enum):
    NEED_MORE = auto()
    GO_ON = auto()


class _Header:
    """Finds the array of records."""

    def __init__(self) -> None:
        self._next_try = 1  # so many bytes are waited for before the next look

    def find(self, data: bytearray, *, ended: bool) -> int | None:
        """Return the index after the array's bracket, or None if that needs more bytes.

        Raises:
            NotAFlowLogError: There is no array of records in the first `HEADER_BYTES`.

        """
        size = len(data)
        if not size or (size < self._next_try and not ended):
            return None
        match = _ARRAY_START.search(data, 0, HEADER_BYTES)
        if match is not None:
            return match.end()
        if ended or size >= HEADER_BYTES:
            raise NotAFlowLogError(f'no "records":[ in the first {min(size, HEADER_BYTES)} bytes')
        self._next_try = min(2 * size, HEADER_BYTES)  # each try twice as far: linear in all
        return None


class Scanner:
    """A push scanner: `feed` bytes, then take items until there is none; `end` when no more bytes will come.

    All positions are offsets in the blob, and always ``_buffer.base <= max(0, _needed - PRECEDING_BYTES)``.

    Attributes:
        offset: End of the last item returned.
        preceding: The last `PRECEDING_BYTES` bytes before `offset`, or all that there are.

    """

    def __init__(
        self,
        marker: RecordMarker,
        *,
        offset: int = 0,
        preceding: bytes = b"",
        before_large: Callable[[], None] | None = None,
    ) -> None:
        """Begin at the start of a blob, or after a record that ended at `offset`.

        Args:
            marker: What a record looks like.
            offset: Where the bytes to be fed begin; over 0, the end of a record.
            preceding: The up to `PRECEDING_BYTES` bytes before `offset`.
            before_large: Called before an object of over `LARGE_RECORD_BYTES` is parsed. Whatever it raises ends the
                scan.

        """
        self.offset = offset
        self.preceding = preceding
        self._record_marker = marker
        self._before_large = before_large
        self._buffer = ScanBuffer(offset - len(preceding), preceding)
        self._position = offset  # BETWEEN, CLOSED: how far they came; REFUSED: the object's end
        self._state = _State.BETWEEN if offset else _State.HEADER
        self._ended = False
        self._header = _Header()
        self._open = OpenRange(offset, "", None)  # OPEN, CANDIDATE, REFUSED: what has begun
        self._candidate = ObjectWalk(offset)
        self._markers = MarkerSearch(marker.pattern, offset)
        self._guessed = offset  # bytes before it were in a guess
        self._was_closed = False
        self._found: Record | None = None

    @property
    def unfinished(self) -> bool:
        """Whether the bytes after `offset` hold something that has begun and not ended, or that has no place there."""
        return self._state in _BEGUN

    def feed(self, data: bytes) -> None:
        """Add the bytes that follow those fed before."""
        self._trim()
        self._buffer.append(data)

    def end(self) -> None:
        """Mark the end of the input. What was held back in the hope of more may now come out as items."""
        self._ended = True

    def between(self, end: int, start: int) -> bytes | None:
        """Return the bytes from the end of an item to the start of the next one, which was the last one returned.

        None where they are more than `PRECEDING_BYTES`: in whatever chunks they came, so many are kept.
        """
        return self._buffer.copy(end, start) if start - end <= PRECEDING_BYTES else None

    def items(self) -> Iterator[Item]:
        """Take the items that the bytes fed so far give.

        Raises:
            NotAFlowLogError: There is no array of records in the first `HEADER_BYTES`.

        """
        while True:
            if self._found is not None:
                record, self._found = self._found, None
                yield self._emit(record, record.end)
            outcome = self._STEPS[self._state](self)
            if outcome is _Step.NEED_MORE:
                return
            if not isinstance(outcome, _Step):
                yield outcome

    # States. Each step returns an item, or says to go on in another state or to wait for more bytes.

    def _in_header(self) -> Item | _Step:
        start = self._header.find(self._buffer.data, ended=self._ended)
        if start is None:
            return _Step.NEED_MORE
        self._position = self._buffer.base + start
        self._state = _State.BETWEEN
        return _Step.GO_ON

    def _between_records(self) -> Item | _Step:
        byte = self._skip(_SEPARATORS)
        if byte is None:
            return _Step.NEED_MORE
        if byte == b"{":
            self._begin(_ENDLESS, ObjectWalk(self._position))
        elif byte == b"]":
            self._position += 1
            self._was_closed = True
            self._state = _State.CLOSED
        else:
            self._begin("no object where a record should begin", None)
        return _Step.GO_ON

    def _in_open(self) -> Item | _Step:
        marker, walk = self._markers.next(self._buffer), self._open.walk
        if walk is not None:
            guess = None if marker is None else self._guess(marker)
            if guess is not None:
                return self._emit(guess, guess.end)
            end = walk.to_end(self._buffer, self._buffer.limit if marker is None else marker)
            if end is not None:
                return self._end_object(end)
        if marker is None:
            return self._wait()
        self._candidate = ObjectWalk(marker)
        self._markers.floor = marker + 1
        self._state = _State.CANDIDATE
        return _Step.GO_ON

    def _in_candidate(self) -> Item | _Step:
        walk, marker, limit = self._candidate, self._markers.next(self._buffer), self._buffer.limit
        end = walk.to_end(self._buffer, limit if marker is None else marker)
        if end is None and marker is None and limit - walk.start <= MAX_RECORD_BYTES:
            return self._wait()
        record = None if end is None else self._parse_known(walk.start, end)
        if record is None:
            self._state = _State.OPEN
            return _Step.GO_ON
        if walk.start == self._open.start:  # right after the array: nothing lies between
            return self._emit(record, record.end)
        self._found = record
        return self._pass_over(walk.start)

    def _after_refused(self) -> Item | _Step:
        """See what follows an object: if nothing does, its last brace is the document's own."""
        after = self._buffer.skip(_AFTER_OBJECT, self._position)
        byte = self._buffer.copy(after, after + 1)
        if byte and byte not in b" \t\r\n,{]":
            self._open.walk = None  # its last brace came too early
            self._state = _State.OPEN
            return _Step.GO_ON
        if byte:
            return self._pass_over(self._position)
        if not self._ended:
            return _Step.NEED_MORE
        end = self._array_end()
        return self._pass_over(self._position if end is None else end)

    def _after_array(self) -> Item | _Step:
        if self._skip(_CLOSER) is None:
            return _Step.NEED_MORE
        self._begin("bytes after the end of the records", None)
        self._markers.floor = self._position  # a record may begin here
        return _Step.GO_ON

    # Functions, and not this scanner's methods: in a cycle its bytes would stay in memory longer than it is needed.
    _STEPS: ClassVar[Mapping[_State, "Callable[[Scanner], Item | _Step]"]] = {
        _State.HEADER: _in_header,
        _State.BETWEEN: _between_records,
        _State.OPEN: _in_open,
        _State.CANDIDATE: _in_candidate,
        _State.REFUSED: _after_refused,
        _State.CLOSED: _after_array,
    }

    # Parts of the steps.

    def _skip(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """Move on over what the pattern matches; return the byte there, or None at the end of the buffer."""
        self._position = self._buffer.skip(pattern, self._position)
        return self._buffer.copy(self._position, self._position + 1) or None

    def _begin(self, reason: str, walk: ObjectWalk | None) -> None:
        self._open = OpenRange(self._position, reason, walk)
        self._markers.floor = self._position + 1
        self._state = _State.OPEN

    def _guess(self, marker: int) -> Record | None:
        """Try whether the open object ends at the last brace before a marker, where that is not far; no byte twice."""
        start = self._open.start
        if start < self._guessed:
            return None
        self._guessed = marker
        end = self._buffer.find_last(b"}", start, marker)
        if end is None or end - start > min(LARGE_RECORD_BYTES, MAX_RECORD_BYTES):
            return None
        try:
            return self._parse(start, end)
        except orjson.JSONDecodeError:
            return None

    def _end_object(self, end: int) -> Item | _Step:
        start = self._open.start
        if end - start > MAX_RECORD_BYTES:
            self._open.reason = _OVERSIZED
        else:
            try:
                return self._emit(self._parse(start, end), end)
            except orjson.JSONDecodeError as error:
                self._open.reason = f"not valid JSON: {error.msg}"
        self._position = end
        self._state = _State.REFUSED
        return _Step.GO_ON

    def _parse(self, start: int, end: int) -> Record:
        if self._before_large is not None and end - start > LARGE_RECORD_BYTES:
            self._before_large()
        raw = self._buffer.copy(start, end)
        return Record(start, raw, orjson.loads(raw))

    def _parse_known(self, start: int, end: int) -> Record | None:
        """Parse what may be a record; None where it is none of a known layout."""
        if end - start > MAX_RECORD_BYTES:
            return None
        try:
            record = self._parse(start, end)
        except orjson.JSONDecodeError:
            return None
        return record if self._record_marker.is_record(record.value) else None

    def _wait(self) -> Item | _Step:
        """Wait for more bytes, unless the document's end shows that none can complete this range."""
        end = self._array_end() if self._ended and not self._was_closed else None
        return _Step.NEED_MORE if end is None else self._pass_over(end)

    def _array_end(self) -> int | None:
        """Return the offset of the ``]`` that, with a brace, ends the input, if it ends so."""
        return self._buffer.find(_TRAILING_CLOSER, self._open.kept_from)

    def _emit(self, item: Item, end: int) -> Item:
        self.offset = self._position = end
        self.preceding = self._buffer.copy(end - PRECEDING_BYTES, end)
        self._was_closed = False
        self._state = _State.BETWEEN
        return item

    def _pass_over(self, end: int) -> Item:
        return self._emit(self._open.close(self._buffer, end), end)

    def _trim(self) -> None:
        """Drop the bytes that nothing needs any more, so that the buffer is bounded."""
        needed = self._needed
        if self._state in _BEGUN and needed > self._open.start:
            self._open.let_go(self._buffer, needed)
        self._buffer.drop_before(needed)

    @property
    def _needed(self) -> int:
        """Offset of the first byte that is needed: an open range is kept from its start on, unless that is too far."""
        if self._state is _State.HEADER:
            return self._buffer.base
        if self._state not in _BEGUN:
            return self._position
        if self._state is _State.REFUSED:
            rest = self._position - MARKER_BYTES
        elif self._state is _State.CANDIDATE:
            rest = self._candidate.start
        else:
            walk, looked = self._open.walk, self._markers.looked
            rest = looked if walk is None else min(looked, walk.position)
        start = self._open.start
        return rest if rest - start > MAX_RECORD_BYTES + 2 * MARKER_BYTES else start
