"""Small appends: an hour of one interface, minute by minute, each append forwarded by a run of its own."""

import time
from dataclasses import dataclass, field
from typing import Final

from bench.inputs import HOUR, NSG, QUIET_FLOWS, SEED, VNET, Sizes, interface_of
from bench.measure import BenchError, Sample, Tell
from bench.row import Row, value_row
from bench.servers import Wired, wired
from flowlog_core.source.blob import SourceBlob
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.writer import NetworkWatcher, Written

SECTION: Final = "appends"


@dataclass(slots=True)
class _Runs:
    """What was counted of the runs on one interface's blob.

    Attributes:
        wall: Milliseconds of each.
        processor: The same, of processor time.
        written: What the simulator wrote.
        flows: Flows acknowledged.
        bytes_read: Bytes read of the blob, by the runs' reports.
        requests: Storage requests, likewise.
        sends: Batches that the hub got.

    """

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    written: Written = field(default_factory=Written)
    flows: int = 0
    bytes_read: int = 0
    requests: int = 0
    sends: int = 0


class _Log:
    """One interface's flow log, and the runs on it."""

    def __init__(self, subject: str, product: Wired) -> None:
        self.subject = subject
        self.runs = _Runs()
        self._product = product
        self._interface = interface_of(subject)
        # From the last minute of the hour before on: its run opens connections and makes containers, and isn't counted.
        self._minute = HOUR - 1
        self._watcher = NetworkWatcher(
            StorageAccount(product.writer),
            [self._interface],
            first_minute=self._minute,
            per_minute=QUIET_FLOWS,
            seed=SEED,
        )

    def warm_up(self) -> None:
        """Forward one append that isn't counted."""
        self.append()
        self.runs = _Runs()

    def append(self) -> None:
        """Write a minute, and forward it."""
        blob, runs, hub = self._blob(), self.runs, self._product.hub
        runs.written += self._watcher.minute()
        self._minute += 1
        sends = hub.counters().transfers
        wall, processor = time.perf_counter(), time.process_time()
        passes = self._product.forwarder.forward(blob).passes
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        runs.wall.append(1000 * wall)
        runs.processor.append(1000 * processor)
        runs.sends += hub.counters().transfers - sends
        runs.flows += sum(report.flows for report in passes)
        runs.bytes_read += sum(report.bytes_read for report in passes)
        runs.requests += sum(report.requests for report in passes)

    def rows(self) -> list[Row]:
        """Sum up.

        Raises:
            BenchError: Flows are missing.

        """
        runs, subject = self.runs, self.subject
        if runs.flows != runs.written.flows:
            raise BenchError(f"appends, {subject}: {runs.flows:,} of {runs.written.flows:,} flows were forwarded")
        count = len(runs.wall)
        appended = self._length()
        return [
            value_row(SECTION, subject, "run", Sample(tuple(runs.wall)), "ms", clock="wall"),
            value_row(SECTION, subject, "run", Sample(tuple(runs.processor)), "ms", clock="processor"),
            self._mean("bytes appended a run", appended / count, "bytes"),
            self._mean("flows a run", runs.flows / count, "flows"),
            self._mean("storage requests a run", runs.requests / count, "requests"),
            self._mean("sends a run", runs.sends / count, "sends"),
            self._mean("bytes read for each appended", runs.bytes_read / appended, "bytes"),
        ]

    def _mean(self, figure: str, value: float, unit: str) -> Row:
        return Row(SECTION, self.subject, f"{figure}, mean", value, unit, runs=len(self.runs.wall))

    def _blob(self) -> SourceBlob:
        name = self._interface.blob_name(self._minute * 60)
        return SourceBlob(str(self._product.writer.account_name), self._interface.log.container, name)

    def _length(self) -> int:
        container, name = self._interface.log.container, self._interface.blob_name(HOUR * 60)
        return self._product.writer.get_blob_client(container, name).get_blob_properties().size


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Let an interface of each format write and be forwarded, in turns."""
    with wired() as product:
        logs = [_Log(subject, product) for subject in (VNET, NSG)]
        for log in logs:
            log.warm_up()
        for number in range(sizes.minutes):
            tell(f"append {number + 1} of {sizes.minutes}")
            for log in logs:
                log.append()
        return [row for log in logs for row in log.rows()]
