"""The use case: recover flows from quarantine.

What an older version could not decode, this one may. Each item is scanned and decoded anew, its flows are sent with the
ids that they would have had, and once they are acknowledged the item is taken out of quarantine. Of an item of which a
part remains, that part stays, under the same name: a record with fewer bad tuples, or malformed bytes whose
`QuarantineItem.remains` tells what in them still can't be read. So a later recovery sends none of the flows again.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from flowlog_core.decode.formats import RECORD_MARKER
from flowlog_core.decode.log_reader import DecodedItem, decode_item
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.scanner import HEADER_BYTES, Scanner
from flowlog_core.errors import (
    BlobGoneError,
    BytesGoneError,
    NotAFlowLogError,
    SendError,
)
from flowlog_core.events.packer import EventOptions, PackedRange, Packer
from flowlog_core.flow.formatter import EncodedRecord, Encoder
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.delivery import Delivery, OutOfTimeError
from flowlog_core.forwarding.ports import BlobSource, CheckpointStore, Clock, EventSink, Log
from flowlog_core.operations.quarantine_store import QuarantineStore, StoredItem
from flowlog_core.source.blob import SourceBlob

REPLAY: Final = "quarantine"
"""The label, in the property `replay`, of events that come from quarantine."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an item that are read again from the source blob; one that is longer is left."""


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """How items are recovered.

    Attributes:
        events: How events are written.
        partition_by: As in `forward.ForwardOptions`.
        patience: Seconds that a busy or unreachable destination is waited for, for each item.
        send: Whether flows are sent; if not, nothing is written anywhere.
        keep: Whether quarantine is left as it is.

    """

    events: EventOptions = field(default_factory=EventOptions)
    partition_by: Literal["mac", "none"] = "mac"
    patience: float = 240
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
        *,
        store: QuarantineStore,
        source: BlobSource,
        checkpoints: CheckpointStore,
        sink: EventSink,
        clock: Clock,
        log: Log,
        options: RecoveryOptions,
    ) -> None:
        self._store = store
        self._source = source
        self._checkpoints = checkpoints
        self._sink = sink
        self._clock = clock
        self._log = log
        self._options = options
        self._encoder = Encoder(options.events.fields)
        self._generation: tuple[SourceBlob, int] | None = None  # of the last item's blob

    def recover(self, stored: StoredItem) -> Recovered:
        """Decode an item anew, send what flows it gives, and take out of quarantine what was sent.

        Raises:
            SendError: The destination can't be reached, or is busy for too long.
            StorageError: A storage account refused or failed a request.

        """
        try:
            return self._recover(stored, bytes_of(stored.item, self._source))
        except BytesGoneError as error:
            return Recovered(stored.name, 0, stored.item.count, str(error))
        except OutOfTimeError as error:
            raise SendError(f"given up after {self._options.patience:.0f} s: {error.__cause__}", busy=True) from error

    def _recover(self, stored: StoredItem, raw: bytes) -> Recovered:
        item = stored.item
        delivery = self._delivery(item.blob)
        packer = self._packer(item, delivery)
        flows, remains = 0, []
        held: tuple[int, EncodedRecord] | None = None  # the last record's range ends where the item does
        for end, decoded in self._decode(item, raw, packer.max_flow_bytes):
            if decoded.rejected is not None:
                packer.put_aside(decoded.rejected.count)
                remains.append(decoded.rejected)
            if decoded.encoded is not None and decoded.encoded.lines:
                if held is not None:
                    self._send(delivery, packer.add(*held))
                held = end, decoded.encoded
                flows += len(decoded.encoded.lines)
        if held is not None:
            self._send(delivery, [*packer.add(item.offset + item.length, held[1]), *packer.flush()])
        left = _left(item, remains)
        if self._options.send and not self._options.keep:
            if left is None:
                self._store.delete(stored.name)
            elif flows:
                self._store.put(left, stored.time)
        if left is None:
            return Recovered(stored.name, flows, 0, None)
        return Recovered(stored.name, flows, left.count, (left.remains or (left,))[0].reason)

    def _decode(self, item: QuarantineItem, raw: bytes, max_flow_bytes: int) -> Iterator[tuple[int, DecodedItem]]:
        """Decode what of an item is not sent yet; give what is found in it, each with the offset of its end."""
        for piece in item.remains or (item,):
            start = piece.offset - item.offset
            scanner = Scanner(RECORD_MARKER, offset=piece.offset)
            scanner.feed(raw[start : start + piece.length])
            if piece.offset == 0:
                scanner.end()  # a complete blob; anything else is from the midst of one, and no end of the array
            any_found = False
            try:
                for found in scanner.items():
                    decoded = decode_item(item.blob, found, self._encoder, max_flow_bytes=max_flow_bytes)
                    yield found.end, _only_rejected(decoded, piece) if piece.tuples else decoded
                    any_found = True
            except NotAFlowLogError:
                pass  # as before
            if not any_found:
                yield piece.offset, DecodedItem(None, piece, None)
            elif scanner.unfinished:
                rest = raw[scanner.offset - item.offset : start + piece.length]
                tail = replace(piece, offset=scanner.offset, length=len(rest), crc=zlib.crc32(rest))
                yield scanner.offset, DecodedItem(None, tail, None)

    def _packer(self, item: QuarantineItem, delivery: Delivery) -> Packer:
        events = self._options.events
        return Packer(
            item.blob,
            events,
            max_event_bytes=delivery.max_event_bytes() if self._options.send else events.max_bytes,
            generation=self._generation_of(item.blob) if self._options.send else 0,
            range_start=item.offset,
            replay=REPLAY,
        )

    def _delivery(self, blob: SourceBlob) -> Delivery:
        return Delivery(
            blob,
            sink=self._sink,
            clock=self._clock,
            log=self._log,
            partition_key=blob.partition_key if self._options.partition_by == "mac" else None,
            deadline=self._clock.monotonic() + self._options.patience,
            patience=self._options.patience,
            hold_lease=_no_lease,
        )

    def _send(self, delivery: Delivery, ranges: list[PackedRange]) -> None:
        if not self._options.send:
            return
        for packed in ranges:
            delivery.enqueue(packed, Checkpoint())  # nothing is committed
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


def _no_lease() -> None:
    """Nothing is committed, so there is nothing to hold."""


def _only_rejected(decoded: DecodedItem, piece: QuarantineItem) -> DecodedItem:
    """Reduce a record to the tuples that were rejected: its others were sent when it was forwarded."""
    encoded, rejected = decoded.encoded, decoded.rejected
    if encoded is None:  # not even the record can be decoded any more
        return DecodedItem(None, piece, None)
    wanted = {ordinal for ordinal, _ in piece.tuples}
    chosen = [pair for pair in zip(encoded.lines, encoded.ordinals, strict=True) if pair[1] in wanted]
    lines, ordinals = [line for line, _ in chosen], [ordinal for _, ordinal in chosen]
    if rejected is not None:
        tuples = tuple(each for each in rejected.tuples if each[0] in wanted)
        rejected = replace(rejected, tuples=tuples) if tuples else None
    return DecodedItem(replace(encoded, lines=lines, ordinals=ordinals), rejected, decoded.time)


def _left(item: QuarantineItem, remains: list[QuarantineItem]) -> QuarantineItem | None:
    """Make the item that is left, if any: the same place and bytes, and what of them can't be decoded."""
    if not remains:
        return None
    first = remains[0]
    if (first.offset, first.length) == (item.offset, item.length):
        return replace(first, crc=item.crc, raw=item.raw)
    return replace(item, remains=tuple(remains))
