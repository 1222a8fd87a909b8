"""The use case: recover flows from quarantine.

What an older version could not decode, this one may. Each item is scanned and decoded anew, its flows are sent with the
ids that they would have had, and once they are acknowledged the item is taken out of quarantine. Of an item of which a
part remains, that part stays, under the same name: a record with fewer bad tuples, or malformed bytes whose
`QuarantineItem.remains` tells what in them still can't be read. So a later recovery sends none of the flows again.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.decode.rejected import Selection
from flowlog_core.decode.scanner import HEADER_BYTES
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import (
    BlobGoneError,
    BusyError,
    BytesGoneError,
    NotAFlowLogError,
    SendError,
)
from flowlog_core.events.event_properties import QUARANTINE_REPLAY
from flowlog_core.events.packer import EventOptions, PackedRange, Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.delivery import Delivery, Patience
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.options import PartitionBy
from flowlog_core.forwarding.ports import BlobSource, CheckpointStore
from flowlog_core.forwarding.progress import Progress
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.source.blob import SourceBlob

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an item that are read again from the source blob; one that is longer is left."""


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

    """

    name: str
    flows: int
    remains: int
    reason: str | None


class Recovery:
    """Recovers items of one quarantine for one destination."""

    def __init__(
        self,
        ports: ForwardPorts,
        *,
        store: QuarantineStore,
        checkpoints: CheckpointStore,
        options: RecoveryOptions,
    ) -> None:
        self._ports = ports
        self._store = store
        self._checkpoints = checkpoints
        self._options = options
        self._encoder = Encoder(options.events.fields)
        self._generation: tuple[SourceBlob, int] | None = None  # of the last item's blob

    def recover(self, stored: StoredItem) -> Recovered:
        """Decode an item anew, send what flows it gives, and take out of quarantine what was sent.

        One whose name and content disagree, or whose blob the gate refuses, is left alone.

        Raises:
            SendError: The destination can't be reached, or is busy for too long.
            StorageError: A storage account refused or failed a request.

        """
        refusal = stored.disagreement or self._ports.gate.refusal(stored.item.blob)
        if refusal is not None:
            return Recovered(stored.name, 0, 1, f"left alone: {refusal}")
        try:
            return self._recover(stored, bytes_of(stored.item, self._ports.source))
        except BytesGoneError as error:
            return Recovered(stored.name, 0, stored.item.count, str(error))
        except BusyError as error:
            raise SendError(f"given up after {self._options.patience:.0f} s: {error.__cause__}", busy=True) from error

    def _recover(self, stored: StoredItem, raw: bytes) -> Recovered:
        item = stored.item
        flows, remains = self._send_flows(item, raw)
        left = _left(item, remains)
        if self._options.send and not self._options.keep:
            if left is None:
                self._store.delete(stored.name)
            elif flows:
                self._store.put(left, stored.time)
        if left is None:
            return Recovered(stored.name, flows, 0, None)
        return Recovered(stored.name, flows, left.count, (left.remains or (left,))[0].reason)

    def _send_flows(self, item: QuarantineItem, raw: bytes) -> tuple[int, list[QuarantineItem]]:
        """Send the flows of an item; return their number, and what of it still can't be decoded."""
        progress = Progress(Checkpoint(offset=item.offset, range_end=item.offset))  # nothing of it is committed
        delivery = self._delivery(item.blob, progress)
        packer = self._packer(item, delivery)
        flows, remains = 0, []
        held: DecodedItem | None = None  # the last record's range ends where the item does
        after = TupleCounts()  # of what follows the record that is held
        for decoded in self._decode(item, raw, packer):
            if decoded.rejected is not None:
                remains.append(decoded.rejected)
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
            self._send(delivery, _pack(packer, held, item.offset + item.length, progress.pending))
            self._send(delivery, packer.flush())
        return flows, remains

    def _decode(self, item: QuarantineItem, raw: bytes, packer: Packer) -> Iterator[DecodedItem]:
        """Decode what of an item is not sent yet; return what is found in it."""
        for piece in item.remains or (item,):
            start = piece.offset - item.offset
            log = LogReader(
                item.blob,
                self._encoder,
                offset=piece.offset,
                max_flow_bytes=lambda: packer.max_flow_bytes,
                only=Selection(piece.tuples) if piece.tuples else None,  # its others were sent when it was forwarded
            )
            log.feed(raw[start : start + piece.length])
            if piece.offset == 0:
                log.end()  # a complete blob; anything else is from the midst of one, and no end of the array
            any_found = False
            try:
                for decoded in log.items():
                    yield _still_rejected(decoded.end, piece) if _is_lost(decoded, piece) else decoded
                    any_found = True
            except NotAFlowLogError:
                pass  # as before
            if not any_found:
                yield _still_rejected(piece.offset, piece)
            elif log.unfinished:
                rest = raw[log.offset - item.offset : start + piece.length]
                tail = replace(piece, offset=log.offset, length=len(rest), crc=zlib.crc32(rest))
                yield _still_rejected(log.offset, tail)

    def _packer(self, item: QuarantineItem, delivery: Delivery) -> Packer:
        events = self._options.events
        return Packer(
            item.blob,
            events,
            max_event_bytes=delivery.max_event_bytes() if self._options.send else events.max_bytes,
            generation=self._generation_of(item.blob) if self._options.send else 0,
            range_start=item.offset,
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

    def _generation_of(self, blob: SourceBlob) -> int:
        """Give the blob's generation as its checkpoint has it: items come blob by blob, so the last one is kept."""
        if self._generation is None or self._generation[0] != blob:
            checkpoint = self._checkpoints.find([blob], blob.name).get(blob, Checkpoint())
            self._generation = blob, checkpoint.generation
        return self._generation[1]


def bytes_of(item: QuarantineItem, source: BlobSource) -> bytes:
    """Give an item's bytes, from the source blob where quarantine has none. Nothing, or one request.

    Raises:
        BytesGoneError: They are not to be had, or others than those that were quarantined.
        StorageError: The request failed.

    """
    raw, place = item.raw, f"{item.blob} at offset {item.offset}"
    if raw is None:
        if item.length > MOST_BYTES:
            raise BytesGoneError(f"{place}: {item.length} bytes are too many to be read again")
        try:
            raw = source.read(item.blob, item.offset, item.length).data
        except BlobGoneError as error:
            raise BytesGoneError(f"{place}: kept by reference, and the source blob is gone") from error
    # A range of records never begins at 0. What does is a complete blob, known by the checksum of its header.
    checked = raw[:HEADER_BYTES] if item.raw is None and item.offset == 0 else raw
    if len(raw) != item.length or zlib.crc32(checked) != item.crc:
        where = "in quarantine" if item.raw is not None else "in the source blob"
        raise BytesGoneError(f"{place}: the bytes {where} are no longer those that could not be decoded")
    return raw


def _pack(packer: Packer, decoded: DecodedItem, end: int, pending: TupleCounts) -> list[PackedRange]:
    return [] if decoded.encoded is None else packer.add(end, decoded.encoded, pending)


def _nothing() -> None:
    """Do nothing: an item has no checkpoint, so no lease is to be held and nothing committed."""


def _still_rejected(end: int, rejected: QuarantineItem) -> DecodedItem:
    return DecodedItem(end, None, None, rejected, TupleCounts(rejected.count, rejected.count), is_record=False)


def _is_lost(decoded: DecodedItem, piece: QuarantineItem) -> bool:
    """Whether a record whose tuples could be counted once can't be read at all any more."""
    return bool(piece.tuples) and decoded.rejected is not None and not decoded.rejected.tuples


def _left(item: QuarantineItem, remains: list[QuarantineItem]) -> QuarantineItem | None:
    """Make the item that is left, if any: the same place and bytes, and what of them can't be decoded."""
    if not remains:
        return None
    first = remains[0]
    if (first.offset, first.length) == (item.offset, item.length):
        return replace(first, crc=item.crc, raw=item.raw)
    return replace(item, remains=tuple(remains))
