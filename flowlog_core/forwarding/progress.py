"""How far one pass over a blob has come: read, packed, acknowledged, committed. Nothing else keeps any of it.

Always ``committed <= acknowledged <= packed <= read``. Events are acknowledged in the order in which they were packed,
so a range is acknowledged when as many events are as were packed up to its end. What was read after the last range gave
no flow, as long as no flow waits to be packed: then all that was read counts as acknowledged.
"""

from collections import deque
from dataclasses import dataclass, replace

from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.packer import PackedRange
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of


@dataclass(slots=True)
class _PackedUntil:
    """A range that is packed, and not yet acknowledged.

    Attributes:
        checkpoint: The one to commit once it is acknowledged.
        flows: Flows in its events.
        events: Its events that are not acknowledged yet.
        begun: Whether some of them are.

    """

    checkpoint: Checkpoint
    flows: int
    events: int
    begun: bool = False


class Progress:
    """The progress of one pass, from the checkpoint that it began with.

    Attributes:
        committed: The checkpoint as stored.
        pending: What was read that no range accounts for yet.
        flows: Flows of the ranges acknowledged completely.
        events: Events acknowledged.
        records: Records read.
        quarantined: Tuples put in quarantine, see `TupleCounts`.
        items: Items put in quarantine of this generation, those of earlier passes included.
        overflow: Where the overflow item of this generation begins, if there is one.

    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Begin where the last pass ended."""
        self.committed = checkpoint
        self.pending = _pending_at(checkpoint)
        self.items, self.overflow = checkpoint.items, checkpoint.overflow
        self.flows = self.events = self.records = self.quarantined = 0
        self._acknowledged = checkpoint
        self._read = checkpoint  # up to `_read.offset`; the items since then:
        self._offset = checkpoint.offset
        self._preceding: bytes | None = None
        self._new_records = self._new_quarantined = 0
        self._unpacked_flows = 0
        self._packed: deque[_PackedUntil] = deque()

    # What the pass reports.

    def begin_generation(self) -> None:
        """Begin again at the blob's start: it was rewritten."""
        self._begin(self.reached.next_generation())

    def begin_snapshot(self, etag: str, length: int) -> None:
        """Begin to read a snapshot of the blob, after all that is acknowledged."""
        self._begin(replace(self.reached, etag=etag, length=length, complete=False))

    def count(self, counts: TupleCounts) -> None:
        """Count what an item holds; what of it can't be decoded is in quarantine. The next range accounts for it."""
        self.quarantined += counts.quarantined
        self._new_quarantined += counts.quarantined
        self.pending += counts

    def put(self, item_offset: int, *, overflow: bool) -> None:
        """Take note of an item in quarantine, before what it stands for is read; the overflow item is one more."""
        if not overflow:
            self.items += 1
        elif self.overflow is None:
            self.overflow = item_offset

    def read(self, offset: int, preceding: bytes, *, records: int, flows: int) -> None:
        """Take note of an item, or of some, that were read and counted.

        Args:
            offset: Its end.
            preceding: The bytes before `offset`, for the fingerprint.
            records: How many records these are.
            flows: Flows that it gave; they are to be packed.

        """
        self.records += records
        self._new_records += records
        self._unpacked_flows += flows
        self._offset = offset
        self._preceding = preceding

    def pack(self, packed: PackedRange) -> None:
        """Take note of a range, which holds all flows read and not packed before."""
        read = self._read_so_far()
        self._unpacked_flows -= packed.flows
        self.pending -= packed.counts
        self._read = replace(
            read,
            range_end=packed.end,
            pending_quarantined=self.pending.quarantined,
            flows=read.flows + packed.flows,
            events=read.events + len(packed.events),
        )
        self._packed.append(_PackedUntil(self._read, packed.flows, len(packed.events)))

    def acknowledge(self, events: int) -> None:
        """Take note of acknowledged events, the next ones in order."""
        self.events += events
        while events:
            packed = self._packed[0]
            taken = min(events, packed.events)
            events -= taken
            packed.events -= taken
            packed.begun = True
            if not packed.events:
                self._packed.popleft()
                self._acknowledged = packed.checkpoint
                self.flows += packed.flows

    def read_no_flow_log(self) -> None:
        """Take note of a blob that is no flow log: it is in quarantine by reference, and the offset stays at 0."""
        self.quarantined += 1
        self._read = replace(
            self._read, quarantined=self._read.quarantined + 1, items=self.items, overflow=self.overflow
        )

    def end_snapshot(self, *, complete: bool) -> None:
        """Take note that a snapshot was read to its end, and all of it acknowledged."""
        self._begin(replace(self.reached, complete=complete))

    def commit(self, checkpoint: Checkpoint) -> None:
        """Take note of a commit of `reached`; the stored checkpoint also has the time of the commit."""
        self.committed = checkpoint

    def lose(self) -> None:
        """Take note that the checkpoint belongs to another run: nothing is committed any more."""
        self.committed = self.reached

    # What it knows.

    @property
    def reached(self) -> Checkpoint:
        """The checkpoint that may be committed: everything before its offset is acknowledged or in quarantine."""
        return self._acknowledged if self._packed or self._unpacked_flows else self._read_so_far()

    @property
    def acknowledged(self) -> Checkpoint:
        """The checkpoint as of the last range that is acknowledged, without what was read after it."""
        return self._acknowledged

    @property
    def has_moved(self) -> bool:
        """Whether there is more to commit than was committed."""
        return replace(self.reached, time=self.committed.time) != self.committed

    @property
    def in_range(self) -> bool:
        """Whether a part of a range is acknowledged, and another is not: a later run would send the first again."""
        return bool(self._packed) and self._packed[0].begun

    @property
    def range_start(self) -> int:
        """Where the next range begins."""
        return self._read.range_end

    def _begin(self, checkpoint: Checkpoint) -> None:
        self._acknowledged = self._read = checkpoint
        self._offset, self._preceding = checkpoint.offset, None
        self._new_records = self._new_quarantined = self._unpacked_flows = 0
        self._packed.clear()
        self.pending = _pending_at(checkpoint)
        self.items, self.overflow = checkpoint.items, checkpoint.overflow

    def _read_so_far(self) -> Checkpoint:
        if self._preceding is not None:
            self._read = replace(
                self._read,
                offset=self._offset,
                fingerprint=fingerprint_of(self._preceding),
                records=self._read.records + self._new_records,
                quarantined=self._read.quarantined + self._new_quarantined,
                pending_quarantined=self.pending.quarantined,
                items=self.items,
                overflow=self.overflow,
            )
            self._preceding = None
            self._new_records = self._new_quarantined = 0
        return self._read


def _pending_at(checkpoint: Checkpoint) -> TupleCounts:
    """Return what a checkpoint has pending: what gave a flow is in a range, so all of it is in quarantine."""
    return TupleCounts(checkpoint.pending_quarantined, checkpoint.pending_quarantined)
