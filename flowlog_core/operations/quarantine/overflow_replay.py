"""Replaying an overflow item: what it lists is read from the source blob, as it has no bytes of its own."""

from collections.abc import Iterator
from typing import Final

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.decode.overflow import REASON, Overflow, OverflowEntry, OverflowLimits, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import BlobGoneError, BytesGoneError, ItemChangedError, NotAFlowLogError, StorageError
from flowlog_core.events.packer import Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.ports import BlobSource
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.operations.quarantine.resending import Recovered, RecoveryOptions, Resending
from flowlog_core.source.blob import ByteRange, SourceBlob

_CHUNK_BYTES: Final = 4 * 1024 * 1024
_LIMITS: Final = OverflowLimits()
_TRIES: Final = 5


class OverflowReplay:
    """Replays overflow items of one quarantine."""

    def __init__(
        self, source: BlobSource, store: QuarantineStore, resending: Resending, options: RecoveryOptions
    ) -> None:
        self._source = source
        self._store = store
        self._resending = resending
        self._options = options
        self._encoder = Encoder(options.events.schema)

    def recover(self, stored: StoredOverflow) -> Recovered:
        """Send what the item lists, as far as it can be decoded now, and list only the rest.

        Of a coarse entry all flows are sent, those included that were sent when it was forwarded.

        Raises:
            BytesGoneError: The source blob was rewritten: nothing was sent.
            BusyError: The destination is busy for too long.
            SendError: It can't be reached.
            StorageError: A storage account refused or failed a request.

        """
        listed = stored.overflow
        if self._resending.generation_of(listed.blob) != listed.generation:
            raise BytesGoneError(f"{listed.blob}: it was rewritten since, so what is listed is no longer there")
        window = _Window(self._source, listed.blob)
        left = Overflow(listed.blob, listed.generation, listed.offset, listed.crc)
        flows, gone = 0, None
        for entry in listed.entries:
            try:
                flows += self._send(entry, window, left) if gone is None else 0
            except BytesGoneError as error:
                gone = error
            if gone is not None:
                left.add(entry, _LIMITS)
        if flows and self._options.send and not self._options.keep:
            self._write(left, stored)
        reason = str(gone or REASON) if left.entries else None
        repeats = flows > 0 and any(entry.coarse for entry in listed.entries)
        return Recovered(stored.name, flows, left.count, reason, repeats)

    def _send(self, entry: OverflowEntry, window: "_Window", left: Overflow) -> int:
        def reject(item: QuarantineItem) -> None:
            lost = entry.ordinals is not None and not item.tuples  # its tuples could be counted once
            left.add(entry if lost else OverflowEntry.of(item, _LIMITS), _LIMITS)

        return self._resending.send(
            left.blob,
            ByteRange(entry.start, entry.end),
            lambda packer: self._decode(entry, window, packer),
            reject,
        )

    def _decode(self, entry: OverflowEntry, window: "_Window", packer: Packer) -> Iterator[DecodedItem]:
        log = LogReader(
            window.blob,
            self._encoder,
            offset=entry.start,
            max_flow_bytes=lambda: packer.max_flow_bytes,
            only=entry.selection,
        )
        try:
            for chunk in window.chunks(entry.start, entry.end):
                log.feed(chunk)
                for decoded in log.items():
                    _check(decoded.end, entry, window.blob)
                    yield decoded
            if entry.start == 0:
                log.end()  # a complete blob; anything else is from the midst of one
                yield from log.items()
        except NotAFlowLogError:
            pass  # as before
        if log.offset < entry.end and (log.unfinished or log.offset == entry.start):
            _check(log.offset, entry, window.blob)
            rest = QuarantineItem(window.blob, log.offset, entry.end - log.offset, 0, REASON, None)
            yield DecodedItem(entry.end, None, None, rest, TupleCounts(1, 1), is_record=False)

    def _write(self, left: Overflow, stored: StoredOverflow) -> None:
        """Write what is left; what a run has added meanwhile is kept."""
        etag = stored.etag
        for _ in range(_TRIES):
            try:
                if left.entries:
                    self._store.put_overflow(left, stored.time, etag)
                else:
                    self._store.delete_overflow(stored.name, etag)
            except ItemChangedError:
                now = self._store.overflow(stored.name)
                if now is None:  # another replay was as quick
                    return
                etag = now.etag
                for entry in now.overflow.without(stored.overflow.entries).entries:
                    left.add(entry, _LIMITS)
            else:
                return
        raise StorageError(f"{stored.name}: it is written all the time; its flows were sent, and would come again")


class _Window:
    """A source blob's bytes, read in chunks that several entries share."""

    def __init__(self, source: BlobSource, blob: SourceBlob) -> None:
        self.blob = blob
        self._source = source
        self._start, self._data = 0, b""

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """Read a range.

        Raises:
            BytesGoneError: The blob is gone, or shorter.

        """
        while start < end:
            if not self._start <= start < self._start + len(self._data):
                self._read(start)
            chunk = self._data[start - self._start : end - self._start]
            start += len(chunk)
            yield chunk

    def _read(self, start: int) -> None:
        try:
            self._start, self._data = start, self._source.read(self.blob, start, _CHUNK_BYTES).data
        except BlobGoneError as error:
            raise BytesGoneError(f"{self.blob}: kept by reference, and the source blob is gone") from error
        if not self._data:
            raise BytesGoneError(f"{self.blob}: it has no bytes at offset {start} any more")


def _check(end: int, entry: OverflowEntry, blob: SourceBlob) -> None:
    """Ensure that what was found in an entry is the record whose tuples it lists.

    Raises:
        BytesGoneError: It isn't.

    """
    if entry.ordinals is not None and end != entry.end:
        raise BytesGoneError(f"{blob} at offset {entry.start}: there is no longer the record that is listed")
