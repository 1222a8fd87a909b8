"""The use case: recover flows from quarantine.

What an older version could not decode, this one may. Each item is scanned and decoded anew, its flows are sent with the
ids that they would have had, and once they are acknowledged the item is taken out of quarantine. Of an item of which a
part remains, that part stays, under the same name: a record with fewer bad tuples, or malformed bytes whose
`QuarantineItem.remains` tells what in them still can't be read. So a later recovery sends none of the flows again.
"""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.decode.overflow import StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.decode.rejected import Selection
from flowlog_core.decode.scanner import HEADER_BYTES
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import BlobGoneError, BusyError, BytesGoneError, NotAFlowLogError, SendError
from flowlog_core.events.packer import Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.ports import BlobSource, CheckpointStore
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.operations.quarantine.listing import Stored
from flowlog_core.operations.quarantine.overflow_replay import OverflowReplay
from flowlog_core.operations.quarantine.resending import Recovered, RecoveryOptions, Resending
from flowlog_core.source.blob import ByteRange

__all__ = ["MOST_BYTES", "Recovered", "Recovery", "RecoveryOptions", "bytes_of"]

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an item that are read again from the source blob; one that is longer is left."""


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
        self._options = options
        self._encoder = Encoder(options.events.schema)
        self._resending = Resending(ports, checkpoints, options)
        self._overflow = OverflowReplay(ports.source, store, self._resending, options)

    def recover(self, stored: Stored) -> Recovered:
        """Decode an item anew, send what flows it gives, and take out of quarantine what was sent.

        One whose name and content disagree, or whose blob the gate refuses, is left alone.

        Raises:
            SendError: The destination can't be reached, or is busy for too long.
            StorageError: A storage account refused or failed a request.

        """
        refusal = stored.disagreement or self._ports.gate.refusal(stored.blob)
        if refusal is not None:
            return Recovered(stored.name, 0, 1, f"left alone: {refusal}")
        try:
            if isinstance(stored, StoredOverflow):
                return self._overflow.recover(stored)
            return self._recover(stored, bytes_of(stored.item, self._ports.source))
        except BytesGoneError as error:
            return Recovered(stored.name, 0, sum(stored.reason_counts.values()), str(error))
        except BusyError as error:
            raise SendError(f"given up after {self._options.patience:.0f} s: {error.__cause__}", busy=True) from error

    def _recover(self, stored: StoredItem, raw: bytes) -> Recovered:
        item = stored.item
        remains: list[QuarantineItem] = []
        byte_range = ByteRange(item.offset, item.offset + item.length)
        flows = self._resending.send(
            item.blob, byte_range, lambda packer: self._decode(item, raw, packer), remains.append
        )
        left = _left(item, remains)
        if self._options.send and not self._options.keep:
            if left is None:
                self._store.delete(stored.name)
            elif flows:
                self._store.put(left, stored.time)
        if left is None:
            return Recovered(stored.name, flows, 0, None)
        return Recovered(stored.name, flows, left.count, (left.remains or (left,))[0].reason)

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
