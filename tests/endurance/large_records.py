"""Forwards hostile records in many threads of one process.

``python -m tests.endurance.large_records THREADS TUPLES RULE_BYTES``

Prints, as JSON, what the process took of memory, and what was sent.
"""

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from flowlog_core.adapters.large_records import LargeRecords
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.events.packer import Event
from flowlog_core.source.blob import SourceBlob
from tests.endurance.backlog import memory_of
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup

TUPLES = 15_000
"""In a record of 1 MB, with a rule of 100 kB: 1.5 GB of flows, if nobody stopped."""


@dataclass
class CountingSink:
    """A hub that keeps nothing but counts."""

    bytes: int = 0
    flows: int = 0

    def max_event_bytes(self) -> int:
        return 1_048_576

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        self.bytes += sum(len(event.body) for event in events)
        self.flows += sum(int(event.properties["flows"]) for event in events)
        return len(events)


@dataclass
class CountingQuarantine:
    """A quarantine that keeps nothing but the size of what it got."""

    bytes: int = 0

    def put(self, item: QuarantineItem, time: datetime) -> None:
        self.bytes += len(item.document(time))


def main(threads: int, tuples: int, rule_bytes: int) -> None:
    """Let each thread forward a blob of its own: a good record, a hostile one, and a good one."""
    setup, sink, quarantine = Setup(large_records=LargeRecords()), CountingSink(), CountingQuarantine()
    hostile = vnet_record(tuples, rule="r" * rule_bytes)
    data = document([vnet_record(1, number=1), hostile, vnet_record(1, number=2)])
    blobs = [SourceBlob(VNET.account, VNET.container, f"{number}/{VNET.name}") for number in range(threads)]
    for blob in blobs:
        setup.blobs.put(blob, data)
    forwarder = setup.new_forwarder(sink=sink, quarantine=quarantine)
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(forwarder.forward, blobs))
    report = {
        "recordBytes": len(hostile),
        "peakBytes": memory_of(os.getpid(), "VmHWM"),
        "sentBytes": sink.bytes,
        "flows": sink.flows,
        "quarantined": sum(each.quarantined for result in results for each in result.passes),
        "quarantineBytes": quarantine.bytes,
        "outcomes": sorted({result.outcome.value for result in results}),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
