"""A forwarder over the in-memory adapters, and what it sent."""

import json
from dataclasses import dataclass, field
from typing import Any

from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.forwarder import Forwarder, ForwardOptions, RunReport
from flowlog_core.source.blob import SourceBlob
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

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs(self.clock)
        self.checkpoints = MemoryCheckpoints(self.clock)
        self.forwarder = Forwarder(
            source=self.blobs,
            checkpoints=self.checkpoints,
            sink=self.sink,
            quarantine=self.quarantine,
            clock=self.clock,
            log=self.log,
            background=AtOnce(),
            options=self.options,
        )

    def forward(self, blob: SourceBlob = VNET) -> RunReport:
        reports = self.forwarder.forward(blob)
        assert len(reports) == 1
        return reports[0]

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
