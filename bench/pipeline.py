"""The product's pure modules one after the other, as a run has them: bytes, records, flows, events."""

from collections.abc import Iterable, Iterator
from typing import Final

from bench.inputs import MEBIBYTE, Document
from bench.measure import BenchError
from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.formats import RECORD_MARKER
from flowlog_core.decode.items import Item, Record
from flowlog_core.decode.log_reader import decode_item
from flowlog_core.decode.scanner import Scanner
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.packer import EventOptions, PackedRange, Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.source.blob import SourceBlob

HUB_BYTES: Final = MEBIBYTE
"""The largest event that a hub takes (learn.microsoft.com, "Event Hubs quotas and limits")."""

type Encoded = tuple[int, EncodedRecord, TupleCounts]
"""Where a record ends in its blob, its flows, and what it counts for."""


def scan(document: Document) -> Iterator[Record]:
    """Find and parse the records, chunk by chunk."""
    scanner = Scanner(RECORD_MARKER)
    for chunk in document.chunks:
        scanner.feed(chunk)
        yield from map(_sound, scanner.items())
    scanner.end()
    yield from map(_sound, scanner.items())


def encode(blob: SourceBlob, records: Iterable[Record], encoder: Encoder, max_flow_bytes: int) -> Iterator[Encoded]:
    """Decode, validate and encode records. Some of their tuples may be rejected; who counts flows, sees how many."""
    for record in records:
        decoded = decode_item(blob, record, encoder, max_flow_bytes=max_flow_bytes)
        if decoded.encoded is None:
            raise BenchError(f"{blob}: the record at offset {record.start} was rejected")
        yield record.end, decoded.encoded, decoded.counts


def pack(flows: Iterable[Encoded], packer: Packer) -> Iterator[PackedRange]:
    """Pack flows into events, to the last one."""
    pending = TupleCounts()  # what no range accounts for yet
    for end, encoded, counts in flows:
        pending += counts
        for packed in packer.add(end, encoded, pending):
            pending -= packed.counts
            yield packed
    yield from packer.flush()


def new_packer(document: Document, options: EventOptions) -> Packer:
    """Make a packer for a document, on a hub that takes as much as any."""
    return Packer(document.blob, options, max_event_bytes=HUB_BYTES)


def _sound(item: Item) -> Record:
    if not isinstance(item, Record):
        raise BenchError(f"a malformed range from offset {item.start} on: {item.reason}")
    return item
