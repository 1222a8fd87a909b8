"""The ranges that events account for, entered as the events come: what is covered, what came again, what is missing.

A ledger is of one blob, one generation and one replay. Ranges may come in any order, as those of one blob do where
``FLOWLOG_PARTITION_BY`` is ``none`` and each partition is read on its own: what touches is merged. So a blob whose
events are all there is one range in the end, however many they were.
"""

from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.operations.audit.byte_ranges import ByteRanges, EventPosition
from flowlog_core.source.blob import ByteRange

_NOWHERE: Final = 2**63
_MOST_MISSING: Final = 100  # parts that a gap names


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that no event accounts for.

    Attributes:
        byte_range: Which.
        before: The event that ends there, or the last one of the range that did come, if any.
        after: The event that begins where they end, if any.
        missing: Where some events of one range came and others did not: the first numbers of those that did not.
        parts: How many that range has; 0 where nothing came.
        missing_count: How many of them did not come.

    """

    byte_range: ByteRange
    before: EventPosition | None = None
    after: EventPosition | None = None
    missing: tuple[int, ...] = ()
    parts: int = 0
    missing_count: int = 0


@dataclass(slots=True)
class Repeats:
    """Events that told what was told before, or that were told again in another cut.

    Attributes:
        events: How many.
        flows: Flows in them; all of these came again, but for those of a range that came again only in part.
        byte_ranges: What they accounted for again.

    """

    events: int = 0
    flows: int = 0
    byte_ranges: ByteRanges = field(default_factory=ByteRanges)

    def add(self, events: int, flows: int, byte_ranges: list[ByteRange], position: EventPosition) -> None:
        """Reckon in events."""
        self.events += events
        self.flows += flows
        for byte_range in byte_ranges:
            self.byte_ranges.add(byte_range, position)


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A range whose flows and what is in quarantine are not what it holds, or whose events differ in that.

    Attributes:
        byte_range: Which.
        flows: Flows of all its parts.
        quarantined: What of it is in quarantine, as its last event says.
        tuples: What it holds, as its last event says.
        position: That event.

    """

    byte_range: ByteRange
    flows: int
    quarantined: int
    tuples: int
    position: EventPosition

    def __str__(self) -> str:
        if self.flows + self.quarantined == self.tuples:
            return f"the events of bytes {self.byte_range} differ in what these hold"
        held = f"flows: {self.flows}, and in quarantine: {self.quarantined}"
        return f"bytes {self.byte_range} hold {self.tuples} tuples, as their events say; {held}"


@dataclass(slots=True)
class _Begun:
    """A range of which some parts have come, for the first time or again.

    Attributes:
        byte_range: Which.
        seen: The parts. In a set, as the sender chooses these numbers: it takes as much as there are events.
        flows: Flows in them.
        quarantined: What of the range is in quarantine, as the last one says.
        tuples: What it holds, as the last one says; None where one of them does not, as in version 0.1.0.
        position: The last one.
        alike: Whether all of them say the same.

    """

    byte_range: ByteRange
    seen: set[int]
    flows: int
    quarantined: int
    tuples: int | None
    position: EventPosition
    alike: bool = True

    @classmethod
    def of(cls, properties: EventProperties, position: EventPosition) -> "_Begun":
        """Begin with one part."""
        seen, tuples = {properties.part}, properties.tuples
        return cls(properties.byte_range, seen, properties.flows, properties.quarantined, tuples, position)

    def add(self, properties: EventProperties, position: EventPosition) -> None:
        """Reckon in another part."""
        self.seen.add(properties.part)
        self.flows += properties.flows
        self.alike &= (self.tuples, self.quarantined) == (properties.tuples, properties.quarantined)
        self.tuples = None if self.tuples is None else properties.tuples
        self.quarantined, self.position = properties.quarantined, position

    @property
    def events(self) -> int:
        """How many parts have come."""
        return len(self.seen)

    def missing(self, parts: int) -> tuple[int, ...]:
        """Return the first parts that have not come, of so many: up to 100."""
        return tuple(islice((part for part in range(parts) if part not in self.seen), _MOST_MISSING))

    @property
    def imbalance(self) -> Imbalance | None:
        """What is wrong with the sum of a complete range, if anything; events that do not say it are not held to it."""
        if self.tuples is None or (self.alike and self.flows + self.quarantined == self.tuples):
            return None
        return Imbalance(self.byte_range, self.flows, self.quarantined, self.tuples, self.position)


@dataclass(slots=True)
class Ledger:
    """The ranges of one blob, generation and replay.

    Attributes:
        counted_to: Flows and what is in quarantine are counted up to this offset: where the checkpoint's ranges end.
        events: Events entered.
        announced: Flows in them, those that came again included.
        flows: Flows of the ranges up to `counted_to`. Where something was told again, the number says nothing: it may
            have been cut otherwise, or be of bytes that were rewritten since.
        quarantined: What of the same ranges is in quarantine.
        tuples: What the same ranges hold.
        older: Whether some of these ranges have events that did not say what they hold.
        first: Before this offset, ranges may have been told by events that the hub has let go of.

    """

    counted_to: int = 0
    events: int = 0
    announced: int = 0
    flows: int = 0
    quarantined: int = 0
    tuples: int = 0
    older: bool = False
    first: int = _NOWHERE
    _covered: ByteRanges = field(default_factory=ByteRanges)
    _begun: dict[tuple[ByteRange, int], _Begun] | None = None  # by range and parts; few blobs ever have one
    _repeats: Repeats | None = None  # the same

    def enter(self, properties: EventProperties, position: EventPosition, *, after_all: bool) -> Imbalance | None:
        """Enter an event; return what is wrong with its range, where the range is complete with it.

        Args:
            properties: What it says.
            position: Where it is on the hub.
            after_all: Whether the hub still has every event of the blob that it took after this one.

        """
        self.events += 1
        self.announced += properties.flows
        if after_all:
            # Of a range whose first part has not come so far, parts may be gone: it proves only what is after it.
            self.first = min(self.first, properties.byte_range.end if properties.part else properties.byte_range.start)
        if properties.parts == 1:
            return self._cover(_Begun.of(properties, position))
        return self._enter_part(properties, position)

    def _enter_part(self, properties: EventProperties, position: EventPosition) -> Imbalance | None:
        key = properties.byte_range, properties.parts
        self._begun = self._begun or {}
        begun = self._begun.get(key)
        if begun is None:
            self._begun[key] = _Begun.of(properties, position)
            return None
        if properties.part in begun.seen:
            self._repeat(1, properties.flows, [properties.byte_range], position)
            return None
        begun.add(properties, position)
        if begun.events < properties.parts:
            return None
        del self._begun[key]
        return self._cover(begun)

    def _cover(self, begun: _Begun) -> Imbalance | None:
        """Reckon in a range all of whose events have come."""
        byte_range = begun.byte_range
        before = self._covered.within(byte_range)
        if before:
            self._repeat(begun.events, begun.flows, before, begun.position)
        elif byte_range.end <= self.counted_to:
            self.flows += begun.flows
            self.quarantined += begun.quarantined
            self.tuples += begun.flows + begun.quarantined if begun.tuples is None else begun.tuples
            self.older |= begun.tuples is None
        self._covered.add(byte_range, begun.position)
        return begun.imbalance

    def _repeat(self, events: int, flows: int, byte_ranges: list[ByteRange], position: EventPosition) -> None:
        self._repeats = self._repeats or Repeats()
        self._repeats.add(events, flows, byte_ranges, position)

    @property
    def partition(self) -> str | None:
        """A partition that has events of it, if any has."""
        positions = [*self._covered.marks[:1], *(begun.position for begun in (self._begun or {}).values())]
        return positions[0].partition if positions else None

    def gaps(self, end: int | None = None) -> Iterator[Gap]:
        """Give what is missing before `end`, or before the last byte that any event tells, in order."""
        if end is None:
            end = max([self._covered.end, *(byte_range.end for byte_range, _ in self._begun or ())])
        begun = deque(sorted(self._begun.items(), key=lambda item: item[0]) if self._begun else ())
        for byte_range, before, after in self._covered.between(end):
            yield from _gaps_within(Gap(byte_range, before, after), begun)

    def repeats(self) -> Repeats:
        """Give what was told again; after the last event.

        Parts of a range are among it, too, where its bytes were told before or since, though others of its parts are
        not: those that came again by themselves, or before a crash, after which the range was cut otherwise.
        """
        made = deepcopy(self._repeats) if self._repeats is not None else Repeats()
        for (byte_range, _), begun in (self._begun or {}).items():
            again = self._covered.within(byte_range)
            if again:
                made.add(begun.events, begun.flows, again, begun.position)
        return made


def _gaps_within(gap: Gap, begun: deque[tuple[tuple[ByteRange, int], _Begun]]) -> Iterator[Gap]:
    """Tell apart, in bytes that are not covered, ranges that were begun from those that were not.

    Gaps come in order, and `begun` is sorted: a range is taken out of it unless it goes on after the gap, so that all
    gaps together take linear time.
    """
    at, before = gap.byte_range.start, gap.before
    while begun and at < gap.byte_range.end and begun[0][0][0].start < gap.byte_range.end:
        (byte_range, parts), some = begun[0]
        start, end = max(byte_range.start, at), min(byte_range.end, gap.byte_range.end)
        if byte_range.end <= gap.byte_range.end:
            begun.popleft()
        if start >= end:
            continue
        if at < start:
            yield Gap(ByteRange(at, start), before, some.position)
        yield Gap(ByteRange(start, end), some.position, None, some.missing(parts), parts, parts - some.events)
        at, before = end, some.position
    if at < gap.byte_range.end:
        yield Gap(ByteRange(at, gap.byte_range.end), before, gap.after)
