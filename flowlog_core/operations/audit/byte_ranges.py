"""Sets of byte ranges of a blob, each end with a mark of where it was told."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from flowlog_core.source.blob import ByteRange


class EventPosition(NamedTuple):
    """Where an event is on the hub.

    Attributes:
        partition: Id of its partition.
        sequence: Its number there.

    """

    partition: str
    sequence: int

    def __str__(self) -> str:
        return f"partition {self.partition}, sequence number {self.sequence}"


@dataclass(slots=True)
class ByteRanges:
    """Ranges that neither overlap nor touch: what touches is merged, and the marks within are forgotten.

    Adding and finding take time by the logarithm of their number, and memory by it; most sets have one range.
    """

    _bounds: list[int] = field(default_factory=list)  # ascending: start, end, start, end …
    _marks: list[EventPosition] = field(default_factory=list)  # of each bound: the event that begins or ends there

    def add(self, byte_range: ByteRange, mark: EventPosition) -> None:
        """Add a range; where one that is there begins no later, or ends later, its mark is kept."""
        first, last = bisect_left(self._bounds, byte_range.start), bisect_right(self._bounds, byte_range.end)
        # An odd number of bounds before an offset means that it lies within a range, or touches its end.
        begins, ends = first % 2 == 0, last % 2 == 0
        known = begins and first < last and self._bounds[first] == byte_range.start
        self._bounds[first:last] = [byte_range.start] * begins + [byte_range.end] * ends
        self._marks[first:last] = [self._marks[first] if known else mark] * begins + [mark] * ends

    def within(self, byte_range: ByteRange) -> list[ByteRange]:
        """Give what of a range is in the set."""
        first, last = bisect_left(self._bounds, byte_range.start), bisect_right(self._bounds, byte_range.end)
        points = [byte_range.start] * (first % 2) + self._bounds[first:last] + [byte_range.end] * (last % 2)
        pairs = zip(points[::2], points[1::2], strict=True)
        return [ByteRange(start, end) for start, end in pairs if start < end]

    def between(self, end: int) -> Iterator[tuple[ByteRange, EventPosition | None, EventPosition | None]]:
        """Give what is not in the set, from 0 to `end`, with the marks before and after it, where there are any."""
        at: int = 0
        before: EventPosition | None = None
        for number in range(0, len(self._bounds), 2):
            start = self._bounds[number]
            if at < min(start, end):
                yield ByteRange(at, min(start, end)), before, self._marks[number]
            at, before = self._bounds[number + 1], self._marks[number + 1]
        if at < end:
            yield ByteRange(at, end), before, None

    def __iter__(self) -> Iterator[ByteRange]:
        """Give the ranges, in order."""
        return map(ByteRange, self._bounds[::2], self._bounds[1::2])

    @property
    def end(self) -> int:
        """Where the last one ends; 0 where there is none."""
        return self._bounds[-1] if self._bounds else 0

    @property
    def marks(self) -> list[EventPosition]:
        """The marks of all starts and ends, in order."""
        return self._marks
