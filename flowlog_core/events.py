"""Encoded flows in, events of limited size out, each with the byte range of the source blob that it accounts for.

Ranges tile: each begins where the one before ended, and ends behind a record. Flows are filled in up to the limit; a
record that doesn't fit goes on in the next event, and the two then are parts of one range. A range is closed behind a
record as soon as the open event is nearly full, so events are full on a backlog and a small append is one event.
"""

import itertools
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flowlog_core.blob import SourceBlob
from flowlog_core.encode import EncodedRecord
from flowlog_core.errors import EventLimitError
from flowlog_core.flow import DEFAULT_FIELDS, SCHEMA

EventFormat = Literal["ndjson", "records", "json"]
EventCompression = Literal["none", "gzip"]

MIN_EVENT_BYTES: Final = 16_384
"""The smallest limit that leaves room for a flow beside the properties of a blob with a full-length name."""

_NEARLY_FULL: Final = 0.9  # of the limit is enough for an event to be closed behind a record
_MOST_PARTS: Final = 16
_SAMPLE_BYTES: Final = 64 * 1024  # compressed once, to learn how far flows shrink
_MARGIN: Final = 0.96  # of the limit is aimed at where the compressed size is only foreseen
_MOST_RATIO: Final = 32  # uncompressed bytes for each compressed one that are ever hoped for
_LEAST_ROOM: Final = 4096  # for flows, beside the properties
_GZIP_OVERHEAD: Final = 64  # of a flow that does not shrink: header, trailer, stored blocks
_EVENT_OVERHEAD: Final = 256  # AMQP sections, their maps' headers, and the partition key's annotation


@dataclass(frozen=True, slots=True)
class _Framing:
    prefix: bytes
    separator: bytes
    suffix: bytes
    content_type: str
    most_flows: int | None = None


_FRAMINGS: Final[Mapping[EventFormat, _Framing]] = {
    "ndjson": _Framing(b"", b"\n", b"", "application/x-ndjson"),
    "records": _Framing(b'{"records":[', b",", b"]}", "application/json"),
    "json": _Framing(b"", b"", b"", "application/json", most_flows=1),
}


@dataclass(frozen=True, slots=True)
class EventOptions:
    """How events are written.

    Attributes:
        format: Shape of the body.
        compression: Of each body.
        max_bytes: Size of an event as sent, properties included.
        fields: The keys that flows have; named in a property where they are not the default ones.

    """

    format: EventFormat = "ndjson"
    compression: EventCompression = "none"
    max_bytes: int = 262_144
    fields: tuple[str, ...] = DEFAULT_FIELDS


@dataclass(frozen=True, slots=True)
class Event:
    """One Event Hubs event.

    Attributes:
        body: As sent.
        content_type: AMQP property.
        content_encoding: AMQP property, None where the body is not compressed.
        properties: Application properties; numbers go out as AMQP longs.

    """

    body: bytes
    content_type: str
    content_encoding: str | None
    properties: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class PackedRange:
    """The events of one range: it is forwarded when all of them are.

    Attributes:
        end: Offset just after the range.
        flows: Number of flows in its events.
        events: Its parts, in order.

    """

    end: int
    flows: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    body: bytes
    flows: int
    first_id: str
    last_id: str


@dataclass(frozen=True, slots=True)
class _Ids:
    """Ids of the flows that one record gave to the open body, from the body's line `first` on."""

    first: int
    prefix: str
    ordinals: Sequence[int]


def _encoded_size(properties: Mapping[str, str | int]) -> int:
    """Bound the size of application properties as AMQP 1.0 encodes them (part 1, section 1.6)."""
    sizes = (9 if isinstance(value, int) else 5 + len(value.encode()) for value in properties.values())
    return sum(sizes) + sum(2 + len(key) for key in properties)


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, wbits=31)


class Packer:
    """Packs the flows of one blob, record by record.

    `range_start` and `quarantined` tell what the events to come will account for: where they begin, and how many
    records and tuples in quarantine no event has told yet.
    """

    def __init__(
        self,
        blob: SourceBlob,
        options: EventOptions,
        *,
        max_event_bytes: int,
        generation: int = 0,
        range_start: int = 0,
        quarantined: int = 0,
        replay: str | None = None,
    ) -> None:
        """Begin where the last event's range ended.

        Args:
            blob: The source blob.
            options: How events are written.
            max_event_bytes: What the hub takes; the smaller of this and the option's limit holds.
            generation: The blob's generation.
            range_start: Where the last event's range ended.
            quarantined: Records and tuples put in quarantine since then.
            replay: Label of a replay.

        Raises:
            EventLimitError: No flow would fit.

        """
        self.range_start = range_start
        self.quarantined = quarantined
        self._open_quarantined = 0  # of those, the ones before `_end`
        self._framing = _FRAMINGS[options.format]
        self._compress = options.compression == "gzip"
        self._constant: dict[str, str | int] = {"schema": SCHEMA, "blob": blob.path, "generation": generation}
        if replay is not None:
            self._constant["replay"] = replay
        if options.fields != DEFAULT_FIELDS:
            self._constant["fields"] = ",".join(options.fields)
        self._end = range_start  # of the last record that gave flows
        limit = min(max_event_bytes, options.max_bytes)
        longest_id = f"{blob.key}-{2**63}-{2**32:x}-{2**32}"
        properties = self._properties(0, 0, _Part(b"", 0, longest_id, longest_id))
        self._body_limit = limit - _EVENT_OVERHEAD - _encoded_size(properties)
        if self._body_limit < _LEAST_ROOM:
            raise EventLimitError(f"events of {limit} bytes leave no room for flows; {MIN_EVENT_BYTES} are needed")
        self._open_limit = _SAMPLE_BYTES if self._compress else self._body_limit
        self._nearly_full = int(self._open_limit * _NEARLY_FULL)
        self._learned = not self._compress
        self._lines: list[str] = []  # the open body
        self._ids: list[_Ids] = []
        self._size = self._empty_size
        self._parts: list[_Part] = []

    @property
    def max_flow_bytes(self) -> int:
        """The longest line that fits an event."""
        return self._body_limit - self._empty_size - _GZIP_OVERHEAD

    def put_aside(self, count: int) -> None:
        """Reckon in records or tuples that are in quarantine, to be told by the next event."""
        self.quarantined += count

    def add(self, end: int, encoded: EncodedRecord) -> list[PackedRange]:
        """Add a record that ends at `end`; give the ranges that are complete with it, none or one.

        What of the record is in quarantine is told before, by `put_aside`.
        """
        lines = encoded.lines
        if not lines:
            return []
        separator = len(self._framing.separator)
        ends = list(itertools.accumulate(len(line) + separator for line in lines))
        taken = 0
        while taken < len(lines):
            before = ends[taken - 1] if taken else 0
            count = self._room_for(ends, taken, before)
            if count == 0:
                self._make_room()
                continue
            self._ids.append(_Ids(len(self._lines), encoded.id_prefix, encoded.ordinals[taken : taken + count]))
            self._lines += lines[taken : taken + count]
            taken += count
            self._size += ends[taken - 1] - before
        self._end = end
        self._open_quarantined = self.quarantined
        full = self._learned and self._size >= self._nearly_full
        if full or self._framing.most_flows is not None or len(self._parts) >= _MOST_PARTS:
            return self.flush()
        return []

    def flush(self) -> list[PackedRange]:
        """Close the range that is open, if any: its events are complete."""
        if self._lines:
            self._seal()
        if not self._parts:
            return []
        parts, self._parts = self._parts, []
        encoding = "gzip" if self._compress else None
        events = tuple(
            Event(part.body, self._framing.content_type, encoding, self._properties(index, len(parts), part))
            for index, part in enumerate(parts)
        )
        self.range_start = self._end
        self.quarantined -= self._open_quarantined
        self._open_quarantined = 0
        return [PackedRange(self._end, sum(part.flows for part in parts), events)]

    @property
    def _empty_size(self) -> int:
        return len(self._framing.prefix) + len(self._framing.suffix)

    def _room_for(self, ends: Sequence[int], taken: int, before: int) -> int:
        """Count the lines from `taken` on that fit into the open body; an empty one takes one in any case."""
        if self._framing.most_flows is not None:
            return self._framing.most_flows - len(self._lines)
        count = bisect_right(ends, self._open_limit - self._size + before) - taken
        return max(count, 0 if self._lines else 1)

    def _make_room(self) -> None:
        """Seal the open body, which is full, or learn that compression leaves more room than was assumed."""
        if self._learned:
            self._seal()
            return
        body = self._body(0, len(self._lines))
        self._foresee(len(body), len(_gzip(body)))

    def _foresee(self, size: int, compressed: int) -> None:
        ratio = min(size / compressed, _MOST_RATIO)
        self._open_limit = int(self._body_limit * _MARGIN * ratio)
        self._nearly_full = int(self._body_limit * _NEARLY_FULL * ratio)
        self._learned = True

    def _seal(self) -> None:
        """Make the open body a part of the range, or several where it shrank less than foreseen."""
        self._parts += self._sealed(0, len(self._lines))
        self._lines, self._ids, self._size = [], [], self._empty_size

    def _sealed(self, start: int, stop: int) -> list[_Part]:
        body = self._body(start, stop)
        if self._compress:
            size, body = len(body), _gzip(body)
            if size >= min(_SAMPLE_BYTES, self._nearly_full):
                self._foresee(size, len(body))
            if len(body) > self._body_limit:
                pieces = len(body) // int(self._body_limit * _MARGIN) + 1
                cuts = [start + (stop - start) * piece // pieces for piece in range(pieces + 1)]
                return [part for cut in itertools.pairwise(cuts) if cut[0] < cut[1] for part in self._sealed(*cut)]
        return [_Part(body, stop - start, self._id(start), self._id(stop - 1))]

    def _body(self, start: int, stop: int) -> bytes:
        framing = self._framing
        lines = self._lines[start:stop]
        return framing.prefix + framing.separator.decode().join(lines).encode("ascii") + framing.suffix

    def _id(self, line: int) -> str:
        ids = self._ids[bisect_right(self._ids, line, key=lambda ids: ids.first) - 1]
        return f"{ids.prefix}{ids.ordinals[line - ids.first]}"

    def _properties(self, part: int, parts: int, content: _Part) -> dict[str, str | int]:
        return {
            **self._constant,
            "rangeStart": self.range_start,
            "rangeEnd": self._end,
            "part": part,
            "parts": parts,
            "flows": content.flows,
            "quarantined": self._open_quarantined,
            "firstId": content.first_id,
            "lastId": content.last_id,
        }
