"""How large events come out: bytes a flow, and how far they are filled. Counted, not timed: the same in every run."""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from typing import Final, get_args

from bench.inputs import MEBIBYTE, VNET, Document, Sizes, documents
from bench.measure import BenchError, Tell
from bench.pipeline import Encoded, encode, new_packer, pack, scan
from bench.row import Row
from bench.stages import FEWER_KEYS
from flowlog_core.events.packer import Event, EventCompression, EventFormat, EventOptions
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema

SECTION: Final = "events"

_BODIES: Final[Mapping[str, EventOptions]] = {
    "body, none": EventOptions(),
    "body, gzip": EventOptions(compression="gzip"),
    f"body, gzip, {len(FEWER_KEYS)} keys": EventOptions(compression="gzip", schema=flow_schema(FEWER_KEYS)),
}
"""What bytes a flow are told of."""

_COMPRESSIONS: Final[tuple[EventCompression, ...]] = get_args(EventCompression)
_FORMATS: Final[tuple[EventFormat, ...]] = ("ndjson", "records")
_LIMITS: Final = {"256 KiB": 256 * 1024, "1 MiB": MEBIBYTE}
_SHORT_TEXT: Final = 255
_FEWEST: Final = 8  # full events that a fill is told of
_MOST_PASSES: Final = 1000


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Pack each document; fill hardly depends on what is packed, so it is told of one."""
    rows: list[Row] = []
    for document in documents(sizes.document_bytes):
        tell(document.subject)
        rows += [_bytes_a_flow(document, figure, options) for figure, options in _BODIES.items()]
        if document.subject == VNET:
            rows += _fills(document)
    return rows


def _bytes_a_flow(document: Document, figure: str, options: EventOptions) -> Row:
    packer = new_packer(document, options)
    encoded = encode(document.blob, scan(document), Encoder(options.schema), packer.max_flow_bytes)
    size = sum(len(event.body) for packed in pack(encoded, packer) for event in packed.events)
    return Row(SECTION, document.subject, figure, size / document.flows, "bytes/flow")


def _fills(document: Document) -> list[Row]:
    longest = new_packer(document, EventOptions()).max_flow_bytes
    encoded = list(encode(document.blob, scan(document), Encoder(), longest))
    rows = []
    for (limit, size), form, compression in itertools.product(_LIMITS.items(), _FORMATS, _COMPRESSIONS):
        options = EventOptions(form, compression, size)
        fills = [100 * _size(event) / size for event in _full_events(document, encoded, options)]
        rows.append(
            Row(
                SECTION,
                document.subject,
                f"mean fill, {form}, {compression}, {limit}",
                statistics.fmean(fills),
                "%",
                low=min(fills),
                high=max(fills),
                runs=len(fills),
            )
        )
    return rows


def _full_events(document: Document, encoded: Sequence[Encoded], options: EventOptions) -> list[Event]:
    """Pack the document, again where it gives few events, and leave out the last one, which the end cuts short."""
    packer = new_packer(document, options)
    events: list[Event] = []
    for _ in range(_MOST_PASSES):
        for end, each, counts in encoded:
            events += [event for packed in packer.add(end, each, counts) for event in packed.events]
        if len(events) >= _FEWEST:
            return events
    raise BenchError(f"{options}: {len(events)} events of {_MOST_PASSES * document.flows:,} flows")


def _size(event: Event) -> int:
    """Give the size of body and application properties, as AMQP 1.0 encodes the latter (part 1, section 1.6)."""
    return len(event.body) + _properties_size(event.properties)


def _properties_size(properties: Mapping[str, str | int]) -> int:
    """Longs take 9 bytes; strings, keys among them, 2 more than their own, or 5 where one byte can't tell these."""
    texts = [*properties, *(value for value in properties.values() if isinstance(value, str))]
    longs = sum(isinstance(value, int) for value in properties.values())
    return 9 * longs + sum(len(text.encode()) + (2 if len(text.encode()) <= _SHORT_TEXT else 5) for text in texts)
