"""The pure stages and their whole, by processor time, beside three references on the same bytes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import orjson

from bench.inputs import Document, Sizes, documents
from bench.measure import Sample, Task, Tell, in_turns
from bench.pipeline import Encoded, encode, new_packer, pack, scan
from bench.reference import encode_flows
from bench.row import Row, rate_row, value_row
from flowlog_core.decode.items import Record
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.flow.tree import Schema

SECTION: Final = "stages"
FEWER_KEYS: Final = ("time", "srcIp", "destIp", "srcPort", "destPort", "protocol", "direction", "decision")
"""A choice of fields that a consumer with little room might make."""

_REFERENCE: Final = "reference: bytes to flows"
_FLOOR: Final = "floor: orjson.loads"
_COPY: Final = "copy of the output"
_SCANNER: Final = "scanner, parsing included"
_PARSE: Final = "parse"
_SCAN: Final = "scan: the scanner less parse"
_WAYS: Final = ("records to events", "bytes to events")
_OF_FLOW: Final = "bytes to events, none"
OTHER_SCHEMAS: Final = tuple(name for name in SCHEMAS if name != "flow")


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Measure each document."""
    return [row for document in documents(sizes.document_bytes) for row in _measure(document, sizes.repeats, tell)]


def _measure(document: Document, rounds: int, tell: Tell) -> list[Row]:
    timings = in_turns(_tasks(document), rounds, lambda text: tell(f"{document.subject}, {text}"))
    seconds: dict[str, Sample] = {}
    for name, timing in timings.items():
        seconds[name] = timing.processor
        if name == _PARSE:
            seconds[_SCAN] = seconds[_SCANNER].minus(seconds[_PARSE])
    rows = [
        Row(SECTION, document.subject, "blob", len(document.data), "bytes"),
        Row(SECTION, document.subject, "flows in it", document.flows, "flows"),
        *(_rate(document, name, seconds) for name in seconds),
    ]
    for way in _WAYS:
        extra = seconds[f"{way}, gzip"].minus(seconds[f"{way}, none"]).over(seconds[f"{way}, none"])
        figure = f"{way}: gzip's extra over none"
        rows.append(value_row(SECTION, document.subject, figure, extra.times(100), "%", clock="processor"))
    for name in OTHER_SCHEMAS:
        share = seconds[_OF_FLOW].over(seconds[f"bytes to events, {name}"])
        figure = f"flows a second in {name}, of those in flow"
        rows.append(value_row(SECTION, document.subject, figure, share.times(100), "%", clock="processor"))
    return rows


def _rate(document: Document, name: str, seconds: Mapping[str, Sample]) -> Row:
    own = seconds[name]
    row = rate_row(
        SECTION, document.subject, name, own, clock="processor", flows=document.flows, size=len(document.data)
    )
    return replace(
        row,
        times_reference=seconds[_REFERENCE].over(own).median,
        times_floor=seconds[_FLOOR].over(own).median,
        times_copy=seconds[_COPY].over(own).median,
    )


def _tasks(document: Document) -> list[Task]:
    """Give the tasks. What each needs of the stages before it is made beforehand; encoders are kept, as in the app."""
    flows = document.flows
    limit = new_packer(document, EventOptions()).max_flow_bytes
    encoder, terse = Encoder(), Encoder(flow_schema(FEWER_KEYS))
    records = list(scan(document))
    encoded = list(encode(document.blob, records, encoder, limit))
    output = "\n".join(line for _, each, _ in encoded for line in each.lines).encode("ascii")

    def encoding(source: Iterable[Record], by: Encoder = encoder) -> Iterable[Encoded]:
        return encode(document.blob, source, by, limit)

    def packing(source: Iterable[Encoded], options: EventOptions) -> int:
        return sum(packed.flows for packed in pack(source, new_packer(document, options)))

    def in_schema(schema: Schema) -> Callable[[], int]:
        by, options = Encoder(schema), EventOptions(schema=schema)
        return lambda: packing(encoding(scan(document), by), options)

    none, gzip = EventOptions(), EventOptions(compression="gzip")
    return [
        Task(_REFERENCE, lambda: len(encode_flows(document.data, document.blob.path)), flows),
        Task(_FLOOR, lambda: len(orjson.loads(document.data)["records"]), len(records)),
        Task(_COPY, lambda: _copy(output), len(output)),
        Task(_SCANNER, lambda: sum(1 for _ in scan(document)), len(records)),
        Task(_PARSE, lambda: sum(1 for record in records if orjson.loads(record.raw)), len(records)),
        Task("decode and encode", lambda: _count(encoding(records)), flows),
        Task(f"decode and encode {len(FEWER_KEYS)} keys", lambda: _count(encoding(records, terse)), flows),
        Task("pack, none", lambda: packing(encoded, none), flows),
        Task("pack, gzip", lambda: packing(encoded, gzip), flows),
        Task("records to events, none", lambda: packing(encoding(records), none), flows),
        Task("records to events, gzip", lambda: packing(encoding(records), gzip), flows),
        Task("bytes to flows", lambda: _count(encoding(scan(document))), flows),
        Task(_OF_FLOW, lambda: packing(encoding(scan(document)), none), flows),
        Task("bytes to events, gzip", lambda: packing(encoding(scan(document)), gzip), flows),
        *(Task(f"bytes to events, {name}", in_schema(SCHEMAS[name]), flows) for name in OTHER_SCHEMAS),
    ]


def _count(flows: Iterable[Encoded]) -> int:
    return sum(len(encoded.lines) for _, encoded, _ in flows)


def _copy(output: bytes) -> int:
    """Copy in pieces of an event's size: of the whole at once, fresh pages of memory would cost more than the copy."""
    size = EventOptions().max_bytes
    return sum(len(bytearray(output[start : start + size])) for start in range(0, len(output), size))
