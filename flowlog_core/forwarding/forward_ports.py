"""The ports that forwarding works with, together."""

from concurrent.futures import Executor
from dataclasses import dataclass

from flowlog_core.forwarding.ports import BlobSource, Clock, EventSink, Log, Quarantine, Turn
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.source.gate import Gate


@dataclass(frozen=True, slots=True)
class ForwardPorts:
    """What passes over blobs work with.

    Attributes:
        gate: Admits the blobs that may be forwarded.
        source: The accounts that Network Watcher writes to.
        sink: The destination.
        quarantine: Where what can't be decoded goes.
        clock: Time and chance.
        log: Where log events go.
        background: Where a large blob is read ahead, and its events are sent.
        stop: Ends passes early.
        large_records: Which run forms a large record, of all in the process.

    """

    gate: Gate
    source: BlobSource
    sink: EventSink
    quarantine: Quarantine
    clock: Clock
    log: Log
    background: Executor
    stop: StopFlag
    large_records: Turn
