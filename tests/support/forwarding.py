"""A forwarder over the in-memory adapters, and what it sent."""

import json
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import PassReport
from flowlog_core.forwarding.ports import Turn
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate
from tests.support.flow_logs import VNET
from tests.support.memory import (
    AtOnce,
    ManualClock,
    MemoryBlobs,
    MemoryCheckpoints,
    MemoryLog,
    MemoryQuarantine,
    MemorySink,
)

NSG_CONTAINER = "insights-logs-networksecuritygroupflowevent"
GATE = Gate(frozenset({(VNET.account, VNET.container), (VNET.account, NSG_CONTAINER)}))
SMALL_EVENTS = EventOptions(max_bytes=16_384)


@dataclass
class Setup:
    """A forwarder and all that it works on."""

    options: ForwardOptions = field(default_factory=lambda: ForwardOptions(start="all"))
    clock: ManualClock = field(default_factory=ManualClock)
    blobs: MemoryBlobs = field(init=False)
    sink: MemorySink = field(default_factory=MemorySink)
    quarantine: MemoryQuarantine = field(default_factory=MemoryQuarantine)
    log: MemoryLog = field(default_factory=MemoryLog)
    background: Executor = field(default_factory=AtOnce)
    stop: StopFlag = field(default_factory=StopFlag)
    large_records: Turn = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs(self.clock)
        self.checkpoints = MemoryCheckpoints(self.clock)
        self.forwarder = self.new_forwarder()

    def new_forwarder(self, options: ForwardOptions | None = None, **ports: Any) -> Forwarder:
        """Make another forwarder, with other options or ports."""
        return Forwarder(replace(self.ports, **ports), self.checkpoints, options or self.options)

    @property
    def ports(self) -> ForwardPorts:
        return ForwardPorts(
            gate=GATE,
            source=self.blobs,
            sink=self.sink,
            quarantine=self.quarantine,
            clock=self.clock,
            log=self.log,
            background=self.background,
            stop=self.stop,
            large_records=self.large_records,
        )

    def forward(self, blob: SourceBlob = VNET) -> PassReport:
        (report,) = self.forwarder.forward(blob).passes
        return report

    def flows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for event, _ in self.sink.events for line in event.body.splitlines()]

    def ranges(self) -> list[tuple[int, int, int, int]]:
        keys = ("rangeStart", "rangeEnd", "part", "parts")
        return [tuple(event.properties[key] for key in keys) for event, _ in self.sink.events]  # type: ignore[misc]  # four ints


def assert_tiles(ranges: list[tuple[int, int, int, int]], end: int) -> None:
    """Each range begins where the one before ended, and has all of its parts, in order."""
    at, expected_part, open_range = 0, 0, None
    for start, stop, part, parts in ranges:
        if expected_part:
            assert (start, stop, parts) == open_range
        assert (start, part) == (at, expected_part)
        open_range = (start, stop, parts)
        expected_part = part + 1 if part + 1 < parts else 0
        at = at if expected_part else stop
    assert expected_part == 0
    assert at == end
