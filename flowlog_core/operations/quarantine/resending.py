"""Sending flows of quarantine: how, and what became of an item."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flowlog_core.decode.log_reader import DecodedItem
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.event_properties import QUARANTINE_REPLAY
from flowlog_core.events.packer import EventOptions, PackedRange, Packer
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.delivery import Delivery, Patience
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.options import PartitionBy
from flowlog_core.forwarding.ports import CheckpointStore
from flowlog_core.forwarding.progress import Progress
from flowlog_core.source.blob import ByteRange, SourceBlob


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """How items are recovered.

    Attributes:
        events: How events are written.
        partition_by: As in `ForwardOptions`.
        patience: Seconds that a busy or unreachable destination is waited for, for each item.
        send: Whether flows are sent; if not, nothing is written anywhere.
        keep: Whether quarantine is left as it is.

    """

    events: EventOptions
    partition_by: PartitionBy
    patience: float
    send: bool = True
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of an item.

    Attributes:
        name: Its name.
        flows: Flows of it that were sent, or would be.
        remains: Records and tuples of it that still can't be decoded.
        reason: Why, or None where nothing remains.
        repeats: Whether flows of it were sent before: its list of what is in quarantine is coarse.

    """

    name: str
    flows: int
    remains: int
    reason: str | None
    repeats: bool = False


class Resending:
    """Sends flows of quarantine to one destination."""

    def __init__(self, ports: ForwardPorts, checkpoints: CheckpointStore, options: RecoveryOptions) -> None:
        """Take what sending needs, and the checkpoints of the destination."""
        self._ports = ports
        self._checkpoints = checkpoints
        self._options = options
        self._generation: tuple[SourceBlob, int] | None = None  # of the last blob

    def send(
        self,
        blob: SourceBlob,
        byte_range: ByteRange,
        decode: Callable[[Packer], Iterator[DecodedItem]],
        reject: Callable[[QuarantineItem], None],
    ) -> int:
        """Send the flows of a range of a blob, and return their number.

        Args:
            blob: The source blob.
            byte_range: The range; that of the last event ends where it does.
            decode: Decodes it; the packer says how long a flow may be.
            reject: Called with each item that still can't be decoded.

        Raises:
            BusyError: The destination is busy for too long.
            SendError: It can't be reached.
            StorageError: A storage account refused or failed a request.

        """
        progress = Progress(Checkpoint(offset=byte_range.start, range_end=byte_range.start))  # nothing is committed
        delivery = self._delivery(blob, progress)
        packer = self._packer(blob, byte_range.start, delivery)
        flows = 0
        held: DecodedItem | None = None  # the last record's range ends where all of it does
        after = TupleCounts()  # of what follows the record that is held
        for decoded in decode(packer):
            if decoded.rejected is not None:
                reject(decoded.rejected)
            after += decoded.counts
            if decoded.encoded is None or not decoded.encoded.lines:
                continue
            if held is not None:
                self._send(delivery, _pack(packer, held, held.end, progress.pending))
            progress.count(after)
            held, after = decoded, TupleCounts()
            flows += len(decoded.encoded.lines)
        if held is not None:
            progress.count(after)
            self._send(delivery, _pack(packer, held, byte_range.end, progress.pending))
            self._send(delivery, packer.flush())
        return flows

    def generation_of(self, blob: SourceBlob) -> int:
        """Return the blob's generation as its checkpoint has it: items come blob by blob, so the last one is kept."""
        if self._generation is None or self._generation[0] != blob:
            checkpoint = self._checkpoints.find([blob], blob.name).get(blob, Checkpoint())
            self._generation = blob, checkpoint.generation
        return self._generation[1]

    def _packer(self, blob: SourceBlob, start: int, delivery: Delivery) -> Packer:
        events = self._options.events
        return Packer(
            blob,
            events,
            max_event_bytes=delivery.max_event_bytes() if self._options.send else events.max_bytes,
            generation=self.generation_of(blob) if self._options.send else 0,
            range_start=start,
            replay=QUARANTINE_REPLAY,
        )

    def _delivery(self, blob: SourceBlob, progress: Progress) -> Delivery:
        return Delivery(
            blob,
            progress,
            self._ports,
            partition_key=blob.partition_key if self._options.partition_by == "mac" else None,
            patience=Patience(self._ports.clock.monotonic() + self._options.patience, self._options.patience),
            hold_lease=_nothing,
            commit=_nothing,
        )

    def _send(self, delivery: Delivery, ranges: list[PackedRange]) -> None:
        if not self._options.send:
            return
        for packed in ranges:
            delivery.enqueue(packed)
        delivery.drain()


def _pack(packer: Packer, decoded: DecodedItem, end: int, pending: TupleCounts) -> list[PackedRange]:
    return [] if decoded.encoded is None else packer.add(end, decoded.encoded, pending)


def _nothing() -> None:
    """Do nothing: an item has no checkpoint, so no lease is to be held and nothing committed."""
