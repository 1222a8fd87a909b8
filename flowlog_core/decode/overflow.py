"""The overflow item of a blob: a list of what came after the most items, without its bytes. Written and read here."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

import orjson

from flowlog_core.decode.quarantine import UNREADABLE, QuarantineItem, read_document_time
from flowlog_core.decode.rejected import RejectedTuple, Selection
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import overflow_name

REASON: Final = "more than a blob's most items"
"""The reason of an overflow item, and of all that it stands for."""

_COARSE: Final = "coarse"


@dataclass(frozen=True, slots=True)
class OverflowLimits:
    """How much an overflow item lists exactly; what comes after that extends its last entry, which becomes coarse.

    Attributes:
        entries: Entries.
        ordinals: Ordinals of all entries.

    """

    entries: int = 10_000
    ordinals: int = 100_000


@dataclass(frozen=True, slots=True)
class OverflowEntry:
    """One thing that an overflow item lists.

    Attributes:
        start: Its offset in the source blob.
        end: Offset just after it.
        ordinals: Its tuples that gave no flow, where it is a record that gave others; None for all that is there.
        count: How many tuples it stands for, see `TupleCounts`.
        coarse: Whether flows were sent of what lies within: a replay repeats them.

    """

    start: int
    end: int
    ordinals: tuple[int, ...] | None
    count: int
    coarse: bool = False

    @classmethod
    def of(cls, item: QuarantineItem, limits: OverflowLimits) -> Self:
        """List an item; one with a level whose tuples can't be counted, or with too many, by its place alone."""
        ordinals = tuple(each.ordinal for each in item.tuples if each.ordinal is not None)
        coarse = len(ordinals) < len(item.tuples) or len(ordinals) > limits.ordinals
        listed = ordinals if ordinals and not coarse else None
        return cls(item.offset, item.offset + item.length, listed, item.count, coarse)

    @classmethod
    def read(cls, columns: list[Any]) -> Self:
        """Read what `columns` wrote.

        Raises:
            ValueError: It is something else, or one of another version.

        """
        start, end, ordinals, *more = columns
        listed = None if ordinals is None else tuple(map(int, ordinals))
        count = int(more[0]) if more else len(listed or (0,))
        coarse = more[1:] == [_COARSE]
        entry = cls(int(start), int(end), listed, count, coarse)
        exact = listed is None or (count == len(listed) and not coarse)
        if not 0 <= entry.start < entry.end or count < 1 or not exact or entry.columns != columns:
            raise ValueError("an entry that no run would have written")
        return entry

    @property
    def columns(self) -> list[Any]:
        """Write it: start, end, ordinals or null; its count where these don't say it; ``coarse`` where it is."""
        ordinals = None if self.ordinals is None else list(self.ordinals)
        known = self.count == len(self.ordinals or (0,)) and not self.coarse
        return [self.start, self.end, ordinals, *([] if known else [self.count]), *([_COARSE] if self.coarse else [])]

    @property
    def selection(self) -> Selection | None:
        """The tuples in question, or None for all."""
        if self.ordinals is None:
            return None
        return Selection(RejectedTuple(ordinal, REASON) for ordinal in self.ordinals)


@dataclass(slots=True)
class Overflow:
    """What a blob has in quarantine beside its most items, as one item.

    Attributes:
        blob: The source blob.
        generation: Its generation.
        offset: That of the first thing that it stood for.
        crc: CRC-32 of that thing's bytes.
        entries: What it lists, in the order of the blob; nothing is in two of them.

    """

    blob: SourceBlob
    generation: int
    offset: int
    crc: int
    entries: list[OverflowEntry] = field(default_factory=list)
    _ordinals: int = 0  # of all entries

    @property
    def name(self) -> str:
        """Name of its blob."""
        return overflow_name(self.blob, self.generation, self.offset)

    @property
    def count(self) -> int:
        """How many tuples it stands for, see `TupleCounts`."""
        return sum(entry.count for entry in self.entries)

    @property
    def end(self) -> int:
        """Where its last entry ends, or its offset."""
        return self.entries[-1].end if self.entries else self.offset

    def add(self, entry: OverflowEntry, limits: OverflowLimits = OverflowLimits()) -> bool:  # frozen
        """List something; say whether it is new. What is listed already, as in a rerun after a crash, stays as it is.

        The order in which things come is mostly that of the blob; then this takes constant time.
        """
        index = bisect_right(self.entries, entry.start, key=lambda each: each.start)
        if index and entry.end <= self.entries[index - 1].end:
            return False
        while index and self.entries[index - 1].start == entry.start:
            index -= 1
            self._remove(index)  # it has grown since
        while index < len(self.entries) and self.entries[index].end <= entry.end:
            self._remove(index)
        ordinals = len(entry.ordinals or ())
        full = len(self.entries) >= limits.entries or self._ordinals + ordinals > limits.ordinals
        if full and self.entries:
            self._extend(max(index, 1) - 1, entry)
        else:
            self.entries.insert(index, entry)
            self._ordinals += ordinals
        return True

    def _remove(self, index: int) -> None:
        self._ordinals -= len(self.entries.pop(index).ordinals or ())

    def _extend(self, index: int, entry: OverflowEntry) -> None:
        """Let an entry stand for another one, too, and for what lies between."""
        other = self.entries[index]
        self._ordinals -= len(other.ordinals or ())
        start, end = min(other.start, entry.start), max(other.end, entry.end)
        self.entries[index] = OverflowEntry(start, end, None, other.count + entry.count, coarse=True)

    def without(self, others: Iterable[OverflowEntry]) -> "Overflow":
        """Return what it lists beside these; of one that was extended since, what came on top."""
        ends = {entry.start: entry for entry in others}
        left = Overflow(self.blob, self.generation, self.offset, self.crc)
        for entry in self.entries:
            other = ends.get(entry.start)
            if other is None:
                left.add(entry)
            elif entry.end > other.end:
                left.add(OverflowEntry(other.end, entry.end, None, max(entry.count - other.count, 1), coarse=True))
        return left

    def document(self, time: datetime) -> bytes:
        """Write it as a JSON object, with the time at which it was written; `StoredOverflow.read` reads it."""
        fields = {
            "reason": REASON,
            "blob": self.blob.path,
            "generation": self.generation,
            "offset": self.offset,
            "crc": f"{self.crc:08x}",
            "count": self.count,
            "entries": [entry.columns for entry in self.entries],
            "time": time.isoformat(timespec="milliseconds"),
        }
        return orjson.dumps(fields)


@dataclass(frozen=True, slots=True)
class StoredOverflow:
    """An overflow item as it is in quarantine.

    Attributes:
        name: Name of its blob there.
        overflow: What it lists.
        time: When it was written last.
        etag: Of its blob, so that what is written since is not overwritten.

    """

    name: str
    overflow: Overflow
    time: datetime
    etag: str

    @property
    def blob(self) -> SourceBlob:
        """The source blob."""
        return self.overflow.blob

    @property
    def reason_counts(self) -> dict[str, int]:
        """How many tuples it stands for, by its one reason."""
        return {REASON: self.overflow.count}

    @property
    def disagreement(self) -> str | None:
        """Say in what its name and its content disagree; None where they agree. See `StoredItem.disagreement`."""
        end = self.overflow.offset
        if self.name != self.overflow.name:
            return f"the content is that of {self.overflow.name}"
        for entry in self.overflow.entries:
            if entry.start < end:
                return "its entries are not in order"
            end = entry.end
        return None

    @classmethod
    def read(cls, name: str, document: bytes, etag: str) -> Self:
        """Read the document that `Overflow.document` wrote.

        Raises:
            QuarantineUnreadableError: Something else wrote it, or a later version did.

        """
        try:
            fields = orjson.loads(document)
            entries = [OverflowEntry.read(columns) for columns in fields["entries"]]
            overflow = Overflow(
                SourceBlob.from_path(fields["blob"]),
                int(fields["generation"]),
                int(fields["offset"]),
                int(fields["crc"], 16),
                entries,
                sum(len(entry.ordinals or ()) for entry in entries),
            )
            return cls(name, overflow, read_document_time(fields["time"]), etag)
        except UNREADABLE as error:
            raise QuarantineUnreadableError(
                f"{name}: not an overflow item that this version's forwarder put in quarantine ({type(error).__name__})"
            ) from error
