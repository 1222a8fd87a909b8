"""The one reader of flow logs: chunks of bytes in; flows, and what can't be decoded, out. No I/O."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from flowlog_core.decode.encoded_record import EncodedRecord, RecordEncoder
from flowlog_core.decode.formats import RECORD_MARKER, decode
from flowlog_core.decode.formats.record import FlowRecord, WithheldRecord
from flowlog_core.decode.items import Item, MalformedRange, Record
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple, Selection
from flowlog_core.decode.scanner import Scanner
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import ShapeError
from flowlog_core.source.blob import SourceBlob

_NOT_COUNTED: Final = TupleCounts(1, 1)


@dataclass(frozen=True, slots=True)
class DecodedItem:
    """One item of a log, decoded.

    Attributes:
        end: Offset just after it.
        record: The decoded record, or None where it is of no known layout, has a fault itself, or is no record.
        encoded: Its flows, or None where it gives none at all.
        rejected: What of it belongs in quarantine, or None.
        gap: The bytes between the item before and it, where its own go to quarantine completely, and these are at most
            `PRECEDING_BYTES`.
        counts: What it counts for.
        is_record: Whether it is a sound JSON object, known or not.

    """

    end: int
    record: FlowRecord | None
    encoded: EncodedRecord | None
    rejected: QuarantineItem | None
    counts: TupleCounts
    is_record: bool
    gap: bytes | None = None


class LogReader:
    """Reads one log: `feed` bytes, then take `items`; `end` when no more bytes will come. Or `read` does it all.

    It has the scanner's properties: any cut into chunks gives the same items, and `offset` is the end of the last one.
    """

    def __init__(
        self,
        blob: SourceBlob,
        encoder: RecordEncoder,
        *,
        offset: int = 0,
        preceding: bytes = b"",
        max_flow_bytes: Callable[[], int] | None = None,
        only: Selection | None = None,
        before_large: Callable[[], None] | None = None,
    ) -> None:
        """Begin at the start of a log, or after a record that ended at `offset`.

        Args:
            blob: The source blob, of which ids are made.
            encoder: Writes the flows.
            offset: Where the bytes to be fed begin; over 0, the end of a record.
            preceding: The up to `PRECEDING_BYTES` bytes before `offset`.
            max_flow_bytes: A longer flow is rejected like a bad tuple. Called when the first record is found.
            only: Of the tuples of each record, leave out those that are not in this selection.
            before_large: Called before a large record is parsed, or its flows are formed: one of over
                `LARGE_RECORD_BYTES`, or whose flows may take more than `OutputLimits.large`. It may be called twice,
                and whatever it raises ends the reading.

        """
        self._blob = blob
        self._encoder = encoder
        self._scanner = Scanner(RECORD_MARKER, offset=offset, preceding=preceding, before_large=before_large)
        self._max_flow_bytes = max_flow_bytes
        self._only = only
        self._before_large = before_large
        self._end = offset  # of the last item

    @property
    def offset(self) -> int:
        """End of the last item returned."""
        return self._scanner.offset

    @property
    def preceding(self) -> bytes:
        """The last `PRECEDING_BYTES` bytes before `offset`, or all that there are."""
        return self._scanner.preceding

    @property
    def unfinished(self) -> bool:
        """Whether the bytes after `offset` hold something that has begun and not ended, or that has no place there."""
        return self._scanner.unfinished

    def feed(self, data: bytes) -> None:
        """Add the bytes that follow those fed before."""
        self._scanner.feed(data)

    def end(self) -> None:
        """Mark the end of the input. What was held back in the hope of more may now come out as items."""
        self._scanner.end()

    def items(self) -> Iterator[DecodedItem]:
        """Return the items that the bytes fed so far give.

        Raises:
            NotAFlowLogError: There is no array of records in the first `HEADER_BYTES`.

        """
        return map(self._decode, self._scanner.items())

    def read(self, chunks: Iterable[bytes]) -> Iterator[DecodedItem]:
        """Read a log to its end: all items of the chunks, which are taken one at a time.

        Raises:
            NotAFlowLogError: There is no array of records in the first `HEADER_BYTES`.

        """
        for chunk in chunks:
            self.feed(chunk)
            yield from self.items()
        self.end()
        yield from self.items()

    def _decode(self, item: Item) -> DecodedItem:
        limit = self._max_flow_bytes() if self._max_flow_bytes is not None and isinstance(item, Record) else None
        decoded = decode_item(
            self._blob,
            item,
            self._encoder,
            max_flow_bytes=limit,
            only=self._only,
            before_large=self._before_large,
        )
        end, self._end = self._end, item.end
        if decoded.encoded is not None or item.raw is None:
            return decoded
        return replace(decoded, gap=self._scanner.between(end, item.start))


def decode_item(
    blob: SourceBlob,
    item: Item,
    encoder: RecordEncoder,
    *,
    max_flow_bytes: int | None = None,
    only: Selection | None = None,
    before_large: Callable[[], None] | None = None,
) -> DecodedItem:
    """Decode and encode one item of the scanner; for the arguments see `LogReader`."""
    if isinstance(item, MalformedRange):
        return DecodedItem(item.end, None, None, _reject(blob, item, item.reason), _NOT_COUNTED, is_record=False)
    try:
        record = decode(item.raw, item.value)
    except ShapeError as error:
        return DecodedItem(item.end, None, None, _reject(blob, item, str(error)), _NOT_COUNTED, is_record=True)
    total = record.count
    if only is not None:
        record = record.select(only)
    if isinstance(record, WithheldRecord):
        rejected = _reject(blob, item, record.reason, record.reject())
        counts = TupleCounts(rejected.count, rejected.count)
        return DecodedItem(item.end, None, None, rejected, counts, is_record=True)
    encoded = encoder.encode(blob, item, record, max_flow_bytes=max_flow_bytes, before_large=before_large)
    some_rejected = None
    if encoded.bad:
        some_rejected = _reject(blob, item, f"{len(encoded.bad)} of {total} tuples give no flow", encoded.bad)
    counts = TupleCounts(record.count, len(encoded.bad))
    return DecodedItem(item.end, record, encoded, some_rejected, counts, is_record=True)


def _reject(blob: SourceBlob, item: Item, reason: str, tuples: tuple[RejectedTuple, ...] = ()) -> QuarantineItem:
    return QuarantineItem(blob, item.start, item.end - item.start, item.crc, reason, item.raw, tuples)
