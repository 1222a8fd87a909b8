"""A quarantine over the in-memory adapters, and the recovery of what is in it."""

import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.events.packer import EventOptions
from flowlog_core.operations.quarantine.replay import Recovered, Recovery, RecoveryOptions
from tests.support.flow_logs import VNET
from tests.support.forwarding import Setup as Forwarding
from tests.support.memory import ManualClock, MemoryQuarantine, MemoryQuarantineStore, MemorySink

FOUND = datetime(2026, 11, 20, 23, 7, tzinfo=UTC)
TUPLE = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
OPTIONS = RecoveryOptions(EventOptions(), partition_by="mac", patience=240)
OLD_REASON = "VNet flow log version 4 is not known"


@dataclass
class Setup:
    """A quarantine, and the recovery of what is in it."""

    options: RecoveryOptions = OPTIONS
    clock: ManualClock = field(default_factory=ManualClock)
    sink: MemorySink = field(default_factory=MemorySink)
    quarantine: MemoryQuarantine = field(default_factory=MemoryQuarantine)

    def __post_init__(self) -> None:
        forwarding = Forwarding(clock=self.clock, sink=self.sink, quarantine=self.quarantine)
        self.blobs, self.checkpoints = forwarding.blobs, forwarding.checkpoints
        self.store = MemoryQuarantineStore(self.quarantine)
        self.recovery = Recovery(forwarding.ports, store=self.store, checkpoints=self.checkpoints, options=self.options)

    def put(self, raw: bytes, offset: int = 12, reason: str = OLD_REASON, **more: Any) -> QuarantineItem:
        """Put in quarantine what an older version could not decode."""
        values = {"raw": raw, "length": len(raw), "crc": zlib.crc32(raw), **more}
        item = QuarantineItem(VNET, offset, reason=reason, **values)
        self.quarantine.put(item, FOUND)
        return item

    def recover(self, item: QuarantineItem) -> Recovered:
        return self.recovery.recover(self.store.get(item.name))

    def flows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for event, _ in self.sink.events for line in event.body.splitlines()]

    def ids(self) -> list[str]:
        return [flow["id"] for flow in self.flows()]

    def properties(self, *names: str) -> list[tuple[object, ...]]:
        return [tuple(event.properties[name] for name in names) for event, _ in self.sink.events]

    def left(self) -> list[QuarantineItem]:
        return [self.store.get(name).item for name in sorted(self.quarantine.documents)]


def forwarded(data: bytes) -> list[dict[str, Any]]:
    """The flows that a forwarder sends of a blob."""
    setup = Forwarding()
    setup.blobs.put(VNET, data)
    setup.forwarder.forward(VNET)
    return setup.flows()
