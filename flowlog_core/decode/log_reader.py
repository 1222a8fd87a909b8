"""What the scanner found in, flows out: one item of a log is decoded and encoded, or rejected, in part or in full."""

from dataclasses import dataclass

from flowlog_core.decode.formats import ShapeError, decode
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.scanner import Item, MalformedRange
from flowlog_core.flow.formatter import EncodedRecord, Encoder
from flowlog_core.source.blob import SourceBlob


@dataclass(frozen=True, slots=True)
class DecodedItem:
    """What became of one item.

    Attributes:
        encoded: Its flows, or None where it gives none at all.
        rejected: What of it belongs in quarantine, or None.
        time: The record's time as written, or None where there is no sound record.

    """

    encoded: EncodedRecord | None
    rejected: QuarantineItem | None
    time: str | None


def decode_item(blob: SourceBlob, item: Item, encoder: Encoder, *, max_flow_bytes: int | None = None) -> DecodedItem:
    """Decode one item of the scanner; a flow over `max_flow_bytes` is rejected like a bad tuple."""
    length = item.end - item.start
    if isinstance(item, MalformedRange):
        rejected = QuarantineItem(blob, item.start, length, item.crc, item.reason, item.raw)
        return DecodedItem(None, rejected, None)
    try:
        record = decode(item.raw, item.value)
    except ShapeError as error:
        rejected = QuarantineItem(blob, item.start, length, item.crc, str(error), item.raw)
        return DecodedItem(None, rejected, None)
    encoded = encoder.encode(blob, item, record, max_flow_bytes=max_flow_bytes)
    if not encoded.bad:
        return DecodedItem(encoded, None, record.time)
    tuples = tuple((bad.ordinal, bad.reason) for bad in encoded.bad)
    reason = f"{len(tuples)} of {len(tuples) + len(encoded.lines)} tuples give no flow"
    rejected = QuarantineItem(blob, item.start, length, item.crc, reason, item.raw, tuples)
    return DecodedItem(encoded, rejected, record.time)
