"""What a load costs: US dollars, by the prices of docs/costs.md, which says what each is paid for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.sizing.loads import SWEEP_SECONDS, Runs, Swept, WayIn

_HOURS: Final = 730  # a month
_MONTH: Final = 3600 * _HOURS
_UNIT_HOUR: Final = 0.03
_STEP: Final = 0.028e-6
_STEP_BYTES: Final = 65_536
_GB_SECOND: Final = 0.000026
_REQUEST: Final = 0.44e-6
_LISTING: Final = 5.00e-6
_QUEUED: Final = 3 * 0.40e-6  # put, get, delete
_ANNOUNCED: Final = 2 * 0.60e-6  # published and delivered by Event Grid
EXECUTION: Final = 0.40e-6
_TELEMETRY_GB: Final = 2.30

_REQUESTS: Final = 4  # to storage, of a run; tests/integration/test_requests.py counts them
_HOST_REQUESTS: Final = 3  # of the host, with the blob trigger
_LINE_GB: Final = 1.25e-6  # of a pass; docs/telemetry.md has the host's part, too
_SWEEP_GB: Final = 4.1e-6
_LISTINGS: Final = 0.6  # of a sweep, for an interface: a flow log has ten, and two listings for each of three hours
_OLD_REQUESTS: Final = 6
_OLD_GB: Final[Mapping[WayIn, float]] = {"EventGrid": 49.5e-6, "StorageQueue": 18.8e-6}  # docs/telemetry.md

_INSTANCE_GB: Final = 2  # with one core (learn.microsoft.com, "Azure Functions Flex Consumption plan hosting")
_LEAST_SECONDS: Final = 1.0  # of an execution
_AT_ONCE: Final = 16  # executions on an instance that overlap, with _MANY interfaces; with fewer, none do
_MANY: Final = 100
_BATCH: Final = 128  # announcements that an invocation waits for, on each of four partitions, for so many seconds
_BATCH_SECONDS: Final = 15
_ANNOUNCEMENT_PARTITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Append:
    """What an append costs that an event announces, without processor time and executions.

    Attributes:
        storage: Requests of the app and of the host.
        announcing: Event Grid, and the queue or the hub that it writes to.
        telemetry: Lines of the app and of the host.

    """

    storage: float
    announcing: float
    telemetry: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.storage + self.announcing + self.telemetry


def announced(way_in: WayIn) -> Append:
    """Return what an append costs."""
    return _append(way_in, _REQUESTS, _LINE_GB)


def announced_before(way_in: WayIn) -> Append:
    """Return what an append cost with version 0.1.0, which came by `EventGrid` or `StorageQueue`."""
    return _append(way_in, _OLD_REQUESTS, _OLD_GB[way_in])


def _append(way_in: WayIn, requests: int, telemetry_gb: float) -> Append:
    """Return what an append costs; the blob trigger has a queue of its own beside the web hook."""
    host = _HOST_REQUESTS if way_in == "EventGrid" else 0
    delivered = _STEP if way_in == "EventHub" else _QUEUED
    return Append((requests + host) * _REQUEST, _ANNOUNCED + delivered, telemetry_gb * _TELEMETRY_GB)


def hub_dollars(runs: Runs) -> float:
    """Return a month of the hub: units, and steps of 64 KB of each event."""
    steps = runs.events * math.ceil(runs.run_bytes / runs.events / _STEP_BYTES)
    return _HOURS * runs.units * _UNIT_HOUR + _MONTH * runs.runs_a_second * steps * _STEP


def app_dollars(runs: Runs) -> float:
    """Return a month of the app."""
    return _swept(runs) if runs.way_in == "Sweep" else _triggered(runs, announced(runs.way_in))


def app_dollars_before(runs: Runs) -> float:
    """Return a month of version 0.1.0, whose executions were paid for a second at least, too."""
    return _triggered(runs, announced_before(runs.way_in))


def _triggered(runs: Runs, append: Append) -> float:
    appends = runs.runs_a_second
    if runs.way_in == "EventHub":
        executions = max(appends / _BATCH, min(appends, _ANNOUNCEMENT_PARTITIONS / _BATCH_SECONDS))
        overlapping = 1
    else:
        executions = appends
        overlapping = _AT_ONCE if runs.load.interfaces >= _MANY else 1
    billed = max(executions * _LEAST_SECONDS / overlapping, runs.cores, runs.connections)
    return _MONTH * (appends * append.total + executions * EXECUTION + billed * _INSTANCE_GB * _GB_SECOND)


def _swept(runs: Runs) -> float:
    of_interface = _REQUESTS * _REQUEST + _LISTINGS * _LISTING + _LINE_GB * _TELEMETRY_GB
    billed = max(Swept(runs).seconds, _LEAST_SECONDS) * _INSTANCE_GB * _GB_SECOND
    sweep = billed + EXECUTION + _SWEEP_GB * _TELEMETRY_GB + runs.load.interfaces * of_interface
    return _MONTH / SWEEP_SECONDS * sweep
