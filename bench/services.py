"""The stages that wait for others: read from storage, send to the hub, commit the checkpoint."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bench.inputs import BUSY_FLOWS, CHUNK_BYTES, VNET, Document, Sizes, interface_of, write_document
from bench.measure import BenchError, Task, Tell, Timing, in_turns
from bench.pipeline import encode, new_packer, pack, scan
from bench.row import Row, rate_row, value_row
from bench.servers import Wired, wired
from flowlog_core.events.packer import Event, EventOptions
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of
from flowlog_core.forwarding.lease import SEND_SECONDS
from flowlog_core.forwarding.ports import BlobSource, CheckpointLease, EventSink
from flowlog_core.source.blob import SourceBlob

SECTION: Final = "services"

_COMMITS: Final = 50
_SENDS: Final = {"send, none": EventOptions(), "send, gzip": EventOptions(compression="gzip")}


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Measure them on a VNet blob; what is read, sent and committed doesn't depend on the format."""
    document = write_document(VNET, interface_of(VNET), BUSY_FLOWS, sizes.document_bytes)
    with wired() as product:
        timings = _measure(product, document, sizes.repeats, tell)
    rows = []
    for name in ("read", *_SENDS):
        rows += _rates(document, name, timings[name])
    per_commit = 1000 / _COMMITS
    rows.append(value_row(SECTION, VNET, "commit", timings["commit"].wall.times(per_commit), "ms", clock="wall"))
    processor = timings["commit"].processor.times(per_commit)
    rows.append(value_row(SECTION, VNET, "commit", processor, "ms", clock="processor"))
    return rows


def _rates(document: Document, name: str, timing: Timing) -> list[Row]:
    size = len(document.data)
    return [
        rate_row(SECTION, VNET, name, timing.wall, clock="wall", flows=document.flows, size=size),
        rate_row(SECTION, VNET, name, timing.processor, clock="processor", flows=document.flows, size=size),
    ]


def _measure(product: Wired, document: Document, rounds: int, tell: Tell) -> dict[str, Timing]:
    services = product.services
    blob = _upload(product, document)
    sends = [_send_task(document, services.sink, name, options) for name, options in _SENDS.items()]
    lease = services.checkpoints.acquire(blob, lambda: None)
    if lease is None:
        raise BenchError("commit: the lease was refused, where nobody else can hold it")
    try:
        lease.read()
        tasks = [
            Task("read", lambda: _read(services.source, blob), len(document.data)),
            *sends,
            Task("commit", lambda: _commit(lease, document), _COMMITS, prepare=lease.renew),
        ]
        return in_turns(tasks, rounds, tell)
    finally:
        lease.release()


def _upload(product: Wired, document: Document) -> SourceBlob:
    account = str(product.writer.account_name)
    product.writer.create_container(document.blob.container)
    product.writer.get_blob_client(document.blob.container, document.blob.name).upload_blob(document.data)
    return replace(document.blob, account=account)


def _read(source: BlobSource, blob: SourceBlob) -> int:
    """Read a blob by chunks, as a run does; give its length."""
    first = source.read(blob, 0, CHUNK_BYTES)
    position = len(first.data)
    while position < first.length:
        position += len(source.read(blob, position, CHUNK_BYTES, etag=first.etag).data)
    return position


def _send_task(document: Document, sink: EventSink, name: str, options: EventOptions) -> Task:
    packer = new_packer(document, replace(options, max_bytes=min(options.max_bytes, sink.max_event_bytes())))
    flows = encode(document.blob, scan(document), Encoder(), packer.max_flow_bytes)
    events = [event for packed in pack(flows, packer) for event in packed.events]
    return Task(name, lambda: _send(sink, events, document.blob.partition_key), len(events))


def _send(sink: EventSink, events: Sequence[Event], partition_key: str) -> int:
    """Send events, batch by batch; give how many were acknowledged."""
    sent = 0
    while sent < len(events):
        sent += sink.send(events[sent:], partition_key, within=SEND_SECONDS)
    return sent


def _commit(lease: CheckpointLease, document: Document) -> int:
    """Commit checkpoints that differ; give how many."""
    fingerprint = fingerprint_of(document.data[:512])
    for number in range(_COMMITS):
        lease.commit(Checkpoint(offset=number, range_end=number, fingerprint=fingerprint, length=len(document.data)))
    return _COMMITS
