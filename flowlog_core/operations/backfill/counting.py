"""Ports that count what goes through them.

So the counts move while a blob is under way, and hold where its run ends in a fault, which has no report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowlog_core.decode.overflow import Overflow, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import Event
from flowlog_core.forwarding.ports import EventSink, Quarantine


@dataclass(frozen=True, slots=True)
class Moved:
    """What one call moved.

    Attributes:
        bytes: Of the source blobs, in ranges whose last event was acknowledged.
        flows: Flows acknowledged.
        events: Events acknowledged.
        quarantined: Records and tuples put in quarantine.

    """

    bytes: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0


class CountingSink:
    """Counts the events acknowledged, and what is in them."""

    def __init__(self, sink: EventSink, count: Callable[[Moved], None]) -> None:
        self.max_event_bytes = sink.max_event_bytes
        self._sink = sink
        self._count = count

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        """See `ports.EventSink.send`."""
        sent = self._sink.send(events, partition_key, within=within)
        read = [each for event in events[:sent] if (each := EventProperties.read(event.properties)) is not None]
        ended = [each.byte_range for each in read if each.part + 1 == each.parts]  # the parts of a range come in order
        length = sum(end - start for start, end in ended)
        self._count(Moved(length, sum(each.flows for each in read), sent))
        return sent


class CountingQuarantine:
    """Counts the records and tuples put in quarantine."""

    def __init__(self, quarantine: Quarantine, count: Callable[[Moved], None]) -> None:
        self._quarantine = quarantine
        self._count = count
        self._listed: dict[str, int] = {}  # of overflow items, which few blobs have

    def put(self, item: QuarantineItem, time: datetime) -> None:
        """See `ports.Quarantine.put`."""
        self._quarantine.put(item, time)
        self._count(Moved(quarantined=item.count))

    def overflow(self, name: str) -> StoredOverflow | None:
        """See `ports.Quarantine.overflow`."""
        stored = self._quarantine.overflow(name)
        self._listed[name] = stored.overflow.count if stored is not None else 0
        return stored

    def put_overflow(self, overflow: Overflow, time: datetime, etag: str | None) -> str:
        """See `ports.Quarantine.put_overflow`."""
        written = self._quarantine.put_overflow(overflow, time, etag)
        before, self._listed[overflow.name] = self._listed.get(overflow.name, 0), overflow.count
        self._count(Moved(quarantined=overflow.count - before))
        return written
