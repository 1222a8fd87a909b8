"""Telemetry: the bytes of the lines that the app logs, with a line for each pass and with sums once a minute."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from bench.inputs import HOUR, QUIET_FLOWS, SEED, Sizes
from bench.measure import BenchError, Tell
from bench.row import Row
from bench.servers import Wired, wired
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions, RunLogOptions
from flowlog_core.forwarding.run_log import RunLog
from flowlog_core.log_events import LogEvent
from flowlog_core.source.blob import SourceBlob
from flowlog_core.wiring import SystemClock
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.records import Interface
from local.network_watcher.writer import NetworkWatcher

SECTION: Final = "telemetry"

_INTERFACES: Final = 20
_DELAY: Final = 30  # seconds from the end of a minute until its append is forwarded
_MINUTES: Final = 15  # at most: each is like the others
_LEAST_MINUTES: Final = 3  # sums are logged with the second


def _when(minute: int) -> float:
    """Return the second at which a minute's appends begin to be forwarded."""
    return float((minute + 1) * 60 + _DELAY)


class _Clock(SystemClock):
    """A clock of the hour that is written, moved on append by append."""

    def __init__(self) -> None:
        self.second = _when(HOUR)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.second, UTC)

    def monotonic(self) -> float:
        return self.second


@dataclass(slots=True)
class _Lines:
    """The lines of a log, counted by event.

    Attributes:
        bytes: Of the lines.
        events: Fields of each.

    """

    bytes: int = 0
    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:  # noqa: ARG002 # see `ports.Log`
        self.bytes += len(LogEvent(event, fields).write().encode())
        self.events.append((event, fields))


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Let interfaces write for some minutes, and forward each append by a run.

    Raises:
        BenchError: Lines are missing.

    """
    with wired() as product:
        each, minute = _forward(product, max(min(sizes.minutes, _MINUTES), _LEAST_MINUTES), tell)
    summed = [fields for event, fields in minute.events if event == "flowlog.runs"]
    runs = sum(int(str(fields["runs"])) for fields in summed)
    if not each.events or {event for event, _ in each.events} != {"flowlog.run"} or len(summed) != len(minute.events):
        raise BenchError("telemetry: runs that are all usual logged something else")
    subject = f"{_INTERFACES} interfaces"
    return [
        Row(
            SECTION,
            subject,
            "a line for each pass, mean",
            each.bytes / len(each.events),
            "bytes",
            runs=len(each.events),
        ),
        Row(SECTION, subject, "a line of sums, mean", minute.bytes / len(summed), "bytes", runs=len(summed)),
        Row(SECTION, subject, "sums, for each append", minute.bytes / runs, "bytes", runs=runs),
    ]


def _forward(product: Wired, minutes: int, tell: Tell) -> tuple[_Lines, _Lines]:
    """Forward the appends of some minutes, and return what is logged of them in both forms."""
    clock, each, minute = _Clock(), _Lines(), _Lines()
    ports = replace(product.services.forward_ports, clock=clock, log=each)
    forwarder = Forwarder(ports, product.services.checkpoints, ForwardOptions(start="all"))
    by_the_minute = RunLog(minute, clock, RunLogOptions("minute"))
    interfaces = fleet(_INTERFACES, SEED)
    watcher = NetworkWatcher(
        StorageAccount(product.writer), interfaces, first_minute=HOUR, per_minute=QUIET_FLOWS, seed=SEED
    )
    for number in range(minutes):
        tell(f"minute {number + 1} of {minutes}")
        watcher.minute()
        clock.second = _when(HOUR + number)
        for interface in interfaces:
            passes = forwarder.forward(_blob(product, interface, HOUR + number)).passes
            for report in passes:
                by_the_minute.end_pass(report)
            by_the_minute.end_run(passes)
            clock.second += 1
    return each, minute


def _blob(product: Wired, interface: Interface, minute: int) -> SourceBlob:
    name = interface.blob_name(minute * 60)
    return SourceBlob(str(product.writer.account_name), interface.log.container, name)
