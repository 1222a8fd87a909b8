"""Encoded flows in, events of limited size out, each with the byte range of the source blob that it accounts for.

Ranges tile: each begins where the one before ended, and ends after a record. Flows are filled in up to the limit; a
record that doesn't fit goes on in the next event, and the two then are parts of one range. A range is closed after a
record as soon as its events are full on average, so they are on a backlog, and a small append is one event.
"""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import EventLimitError
from flowlog_core.events.body import MOST_FLOW_BYTES, Body, Compressor, Framing, GzipBody, PlainBody, fastest_compressor
from flowlog_core.events.event_properties import PropertiesWriter
from flowlog_core.flow.schemas.flow_1 import FLOW
from flowlog_core.flow.tree import Schema
from flowlog_core.source.blob import ByteRange, SourceBlob

EventFormat = Literal["ndjson", "records", "json"]
EventCompression = Literal["none", "gzip"]

MIN_EVENT_BYTES: Final = 16_384
"""The smallest limit that leaves room for a flow beside the properties of a blob with a full-length name."""

_FILLED: Final = 0.91  # of the limit: events are so full, the parts of a range taken together
_MOST_PARTS: Final = 16
_LEAST_ROOM: Final = 4096  # for flows, beside the properties
_EVENT_OVERHEAD: Final = 256  # AMQP sections, their maps' headers, and the partition key's annotation

FRAMINGS: Final[Mapping[EventFormat, Framing]] = {
    "ndjson": Framing("", "\n", "", "application/x-ndjson"),
    "records": Framing('{"records":[', ",", "]}", "application/json"),
    "json": Framing("", "", "", "application/json", most_flows=1),
}
"""What stands around and between the flows of a body."""


@dataclass(frozen=True, slots=True)
class EventOptions:
    """How events are written.

    Attributes:
        format: Shape of the body.
        compression: Of each body.
        max_bytes: Size of an event as sent, properties included.
        schema: What flows look like; its keys are in a property where they are not the default ones.

    """

    format: EventFormat = "ndjson"
    compression: EventCompression = "none"
    max_bytes: int = 262_144
    schema: Schema = FLOW


@dataclass(frozen=True, slots=True)
class Event:
    """One Event Hubs event.

    Attributes:
        body: As sent.
        content_type: AMQP property.
        content_encoding: AMQP property, None where the body is not compressed.
        properties: Application properties, see `EventProperties`; numbers go out as AMQP longs.

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
        counts: What it accounts for.
        events: Its parts, in order.

    """

    end: int
    flows: int
    counts: TupleCounts
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    body: bytes
    flows: int
    first_id: str
    last_id: str


class Packer:
    """Packs the flows of one blob, record by record.

    Attributes:
        range_start: Where the open range begins.
        max_flow_bytes: Length of the longest line that fits an event.

    """

    def __init__(
        self,
        blob: SourceBlob,
        options: EventOptions,
        *,
        max_event_bytes: int,
        generation: int = 0,
        range_start: int = 0,
        replay: str | None = None,
        new_compressor: Callable[[], Compressor] = fastest_compressor,
    ) -> None:
        """Begin where the last event's range ended.

        Args:
            blob: The source blob.
            options: How events are written.
            max_event_bytes: What the hub takes; the smaller of this and the option's limit holds.
            generation: The blob's generation.
            range_start: Where the last event's range ended.
            replay: Label of a replay.
            new_compressor: Makes the compressor of an event, to gzip.

        Raises:
            EventLimitError: No flow would fit.

        """
        self.range_start = range_start
        self._counts = TupleCounts()  # of the open range
        self._framing = FRAMINGS[options.format]
        self._new_compressor = new_compressor if options.compression == "gzip" else None
        schema = options.schema
        self._properties = PropertiesWriter(
            blob.path, generation, schema=schema.name, fields=schema.keys, replay=replay
        )
        self._end = range_start  # of the last record that gave flows
        limit = min(max_event_bytes, options.max_bytes)
        longest_id = f"{blob.key}-{2**63}-{2**32:x}-{2**32}"
        self._body_limit = limit - _EVENT_OVERHEAD - self._properties.most_bytes(longest_id)
        if self._body_limit < _LEAST_ROOM:
            raise EventLimitError(f"events of {limit} bytes leave no room for flows; {MIN_EVENT_BYTES} are needed")
        self._parts: list[_Part] = []
        self._open = self._new_body()
        self._first_id = self._last_id = ""  # of the open body's flows
        self.max_flow_bytes = min(self._open.room - len(self._framing.separator), MOST_FLOW_BYTES)

    def add(self, end: int, encoded: EncodedRecord, counts: TupleCounts) -> list[PackedRange]:
        """Add a record; return the ranges that are complete with it, none or one.

        Args:
            end: Where it ends.
            encoded: Its flows.
            counts: What is held up to `end` that no range returned so far accounts for, this record included.

        Raises:
            ValueError: A line is longer than `max_flow_bytes`.

        """
        lines, ordinals = encoded.lines, encoded.ordinals
        if not lines:
            return []
        separator = len(self._framing.separator)
        ends = list(itertools.accumulate(len(line) + separator for line in lines))
        taken = size = 0  # of the lines that are in a body
        while taken < len(lines):
            count = self._room_for(ends, taken, size)
            if count == 0:
                if not self._open.flows:
                    raise ValueError(f"a flow of {len(lines[taken])} bytes, where an event takes {self.max_flow_bytes}")
                if not self._open.settle():
                    self._seal()
                continue
            if not self._open.flows:
                self._first_id = f"{encoded.id_prefix}{ordinals[taken]}"
            last = taken + count
            self._open.add(lines[taken:last], ends[last - 1] - size)
            self._last_id = f"{encoded.id_prefix}{ordinals[last - 1]}"
            taken, size = last, ends[last - 1]
        self._end = end
        self._counts = counts
        return self.flush() if self._is_full else []

    def flush(self) -> list[PackedRange]:
        """Close the range that is open, if any: its events are complete."""
        if self._open.flows:
            self._seal()
        if not self._parts:
            return []
        parts, self._parts = self._parts, []
        byte_range = ByteRange(self.range_start, self._end)
        encoding = "gzip" if self._new_compressor else None
        events = tuple(
            Event(
                part.body,
                self._framing.content_type,
                encoding,
                self._properties.write(
                    byte_range,
                    part=number,
                    parts=len(parts),
                    flows=part.flows,
                    counts=self._counts,
                    first_id=part.first_id,
                    last_id=part.last_id,
                ),
            )
            for number, part in enumerate(parts)
        )
        self.range_start = self._end
        return [PackedRange(self._end, sum(part.flows for part in parts), self._counts, events)]

    @property
    def is_empty(self) -> bool:
        """Whether all flows added so far are in ranges that `add` or `flush` gave."""
        return not self._open.flows and not self._parts

    @property
    def _is_full(self) -> bool:
        """Whether the range is to be closed after the record just added."""
        if self._framing.most_flows is not None or len(self._parts) >= _MOST_PARTS:
            return True
        filled = sum(len(part.body) for part in self._parts) / self._body_limit + self._open.filled
        return filled >= (len(self._parts) + 1) * _FILLED

    def _new_body(self) -> Body:
        if self._new_compressor is None:
            return PlainBody(self._framing, self._body_limit)
        return GzipBody(self._framing, self._body_limit, self._new_compressor())

    def _room_for(self, ends: Sequence[int], taken: int, size: int) -> int:
        """Count the lines from `taken` on, before which there are `size` bytes, that fit into the open body."""
        if self._framing.most_flows is not None:
            return self._framing.most_flows - self._open.flows
        return bisect_right(ends, self._open.room + size) - taken

    def _seal(self) -> None:
        """Make the open body a part of the range."""
        body = self._open
        self._parts.append(_Part(body.close(), body.flows, self._first_id, self._last_id))
        self._open = self._new_body()
