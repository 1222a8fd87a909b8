"""What of a pass goes to quarantine: neighbours as one item, up to a blob's most items, and the rest as one list.

Neighbours that can't be read are held back until the next thing that can, so that the same bytes become the same items
in whatever chunks they come. What is held back counts as not read: no checkpoint passes it before it is in quarantine.
"""

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from flowlog_core.decode.items import LARGE_RECORD_BYTES
from flowlog_core.decode.log_reader import DecodedItem
from flowlog_core.decode.overflow import Overflow, OverflowEntry
from flowlog_core.decode.quarantine import MOST_MERGED, QuarantineItem
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import ItemChangedError, QuarantineUnreadableError, StorageError
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.lease import HeldLease
from flowlog_core.forwarding.options import QuarantineLimits
from flowlog_core.forwarding.progress import Progress
from flowlog_core.forwarding.quarantined import Quarantined
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import overflow_name

_TRIES: Final = 5  # to write the overflow item, while others write it


@dataclass(slots=True)
class _Neighbours:
    """Neighbouring records and malformed ranges, none of which can be read, as one item to be."""

    items: list[QuarantineItem] = field(default_factory=list)
    gaps: list[bytes] = field(default_factory=list)  # before each of them, but the first
    length: int = 0
    records: int = 0
    preceding: bytes = b""  # the bytes before its end

    def has_room_for(self, item: QuarantineItem, gap: bytes | None) -> bool:
        if gap is None or len(self.items) == MOST_MERGED:
            return False
        return self.length + len(gap) + item.length <= LARGE_RECORD_BYTES

    def add(self, item: QuarantineItem, gap: bytes, *, is_record: bool, preceding: bytes) -> None:
        if self.items:
            self.gaps.append(gap)
            self.length += len(gap)
        self.items.append(item)
        self.length += item.length
        self.records += is_record
        self.preceding = preceding

    def as_item(self) -> QuarantineItem:
        first = self.items[0]
        if len(self.items) == 1:
            return first
        raw = (first.raw or b"") + b"".join(
            gap + (item.raw or b"") for gap, item in zip(self.gaps, self.items[1:], strict=True)
        )
        merged = tuple(Counter(item.reason for item in self.items).items())
        return QuarantineItem(first.blob, first.offset, self.length, zlib.crc32(raw), first.reason, raw, merged=merged)


class Quarantining:
    """Puts into quarantine what a pass can't decode, and reports it to the pass's progress."""

    def __init__(
        self,
        blob: SourceBlob,
        lease: HeldLease,
        ports: ForwardPorts,
        *,
        progress: Progress,
        limits: QuarantineLimits,
        quarantined: Quarantined,
    ) -> None:
        """Take what it needs.

        Args:
            blob: The source blob.
            lease: On its checkpoint: held before each write.
            ports: Where quarantine is.
            progress: Of the pass.
            limits: How much a blob may put there.
            quarantined: What the run put there so far; counted on.

        """
        self.requests = 0
        self._blob = blob
        self._lease = lease
        self._ports = ports
        self._progress = progress
        self._limits = limits
        self._quarantined = quarantined
        self._neighbours = _Neighbours()
        self._overflow: Overflow | None = None
        self._etag: str | None = None  # of the overflow item as it was read or written
        self._added: list[OverflowEntry] = []  # since then
        self._added_ordinals = 0

    def begin_snapshot(self) -> None:
        """Write what is listed, and forget what was held back: it is read again. The errors are those of `put_held`."""
        self._neighbours = _Neighbours()
        self.put_overflow()
        self._overflow, self._etag = None, None

    def hold(self, decoded: DecodedItem, preceding: bytes) -> bool:
        """Hold back what can't be read, and has no tuples that could be counted; say whether it is held.

        Where it isn't, all that is held must be put with `put_held` before the item is counted.
        """
        item = decoded.rejected
        if item is None or decoded.encoded is not None or item.tuples or item.raw is None:
            return False
        if item.length > LARGE_RECORD_BYTES:
            return False
        if self._neighbours.items and not self._neighbours.has_room_for(item, decoded.gap):
            self.put_held()
        self._neighbours.add(item, decoded.gap or b"", is_record=decoded.is_record, preceding=preceding)
        return True

    def put_held(self) -> None:
        """Put what is held back, if anything, and count it as read.

        Raises:
            StorageError: It can't be put.
            CheckpointLostError: The lease is another's.

        """
        held, self._neighbours = self._neighbours, _Neighbours()
        if not held.items:
            return
        item = held.as_item()
        self.put(item)
        self._progress.count(TupleCounts(item.count, item.count))
        self._progress.read(item.offset + item.length, held.preceding, records=held.records, flows=0)

    def put(self, item: QuarantineItem) -> None:
        """Put an item, or list it where there are enough items. The errors are those of `put_held`."""
        overflow = self._progress.items >= self._limits.items
        if overflow:
            self._list(item)
        else:
            self._lease.hold()
            self._ports.quarantine.put(item, self._ports.clock.now())
            self.requests += 1
        self._progress.put(item.offset, overflow=overflow)
        self._quarantined.add(item, overflow=overflow)

    def put_overflow(self) -> None:
        """Write the overflow item, where something was added to it. Call it before each commit.

        Raises:
            StorageError: It can't be written.
            CheckpointLostError: The lease is another's.

        """
        tries = 0
        while self._overflow is not None and self._added:
            self._lease.hold()
            self.requests += 1
            try:
                self._etag = self._ports.quarantine.put_overflow(self._overflow, self._ports.clock.now(), self._etag)
                self._added.clear()
                self._added_ordinals = 0
            except ItemChangedError as error:  # a replay took something out of it, or another destination's run wrote
                tries += 1
                if tries == _TRIES:
                    raise StorageError(str(error)) from error
                self._read_overflow(self._overflow.offset, self._overflow.crc)

    def _list(self, item: QuarantineItem) -> None:
        if self._overflow is None:
            begun = self._progress.overflow
            self._read_overflow(item.offset if begun is None else begun, item.crc)
        limits = self._limits.overflow
        entry = OverflowEntry.of(item, limits)
        if self._overflow is not None and self._overflow.add(entry, limits):
            self._added.append(entry)
            self._added_ordinals += len(entry.ordinals or ())
            if len(self._added) > limits.entries or self._added_ordinals > limits.ordinals:
                self.put_overflow()

    def _read_overflow(self, offset: int, crc: int) -> None:
        """Read the overflow item as it is, or begin one; then add again what was not written."""
        generation = self._progress.reached.generation
        self.requests += 1
        try:
            stored = self._ports.quarantine.overflow(overflow_name(self._blob, generation, offset))
        except QuarantineUnreadableError as error:
            raise StorageError(f"{error}; delete it, so that the next run can write it") from error
        if stored is None:
            self._overflow, self._etag = Overflow(self._blob, generation, offset, crc), None
        else:
            self._overflow, self._etag = stored.overflow, stored.etag
        for entry in self._added:
            self._overflow.add(entry, self._limits.overflow)
