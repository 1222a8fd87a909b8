"""What a load needs: hub, cores, connections, instances, by each way in. Plain arithmetic on measured figures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bench.inputs import QUIET_FLOWS
from bench.pipeline import HUB_BYTES
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.options import ForwardOptions

Encoding = Literal["none", "gzip", "gzip, 8 keys"]
"""How flows are sent; the 8 keys are `bench.stages.FEWER_KEYS`."""

WayIn = Literal["EventGrid", "StorageQueue", "EventHub", "Sweep"]
"""What makes a run begin: `FLOWLOG_TRIGGER_SOURCE`. The sweep is there with each of them."""

ENCODINGS: Final[tuple[Encoding, ...]] = get_args(Encoding)
WAYS_IN: Final[tuple[WayIn, ...]] = get_args(WayIn)

SWEEP_SECONDS: Final = 300  # from one sweep to the next
USED: Final = 0.6  # of a core, or of a connection, at most
HEADROOM: Final = 1.5  # of throughput units over the mean
SEND_SECONDS: Final = 0.025  # of a batch: until it is acknowledged, and for handing it over

_UNIT_BYTES: Final = 1_000_000  # a second, as _UNIT_EVENTS (learn.microsoft.com, "Scaling with Event Hubs")
_UNIT_EVENTS: Final = 1_000
_MOST_UNITS: Final = 40  # of a Standard namespace (learn.microsoft.com, "Event Hubs quotas and limits")
_MOST_PARTITIONS: Final = 32  # of a Standard hub (the same)
_FEW_PARTITIONS: Final = 4

_RUN: Final = "appends · VNet v4 · run · processor"
_RUN_FLOWS: Final = "appends · VNet v4 · flows a run, mean"
_BATCH_SHARE: Final = "announced · VNet v4 · one batch, of a run each · processor"
_NOTHING_PENDING: Final = "sweeps · 1,000 interfaces · all complete, first sweep · processor"
_APPENDED: Final = "sweeps · 1,000 interfaces · all appended to · processor"
_READ: Final = "services · VNet v4 · read · processor"

NEEDED: Final = frozenset(
    {
        *(_RUN, _RUN_FLOWS, _BATCH_SHARE, _NOTHING_PENDING, _APPENDED, _READ),
        *(f"stages · VNet v4, quiet · bytes to events, {each} · processor" for each in ENCODINGS[:2]),
        *(f"services · VNet v4 · send, {each} · processor" for each in ENCODINGS[:2]),
        *(f"backlog · VNet v4, {each} · forwarded · processor" for each in ENCODINGS[:2]),
        *(f"events · VNet v4{kind} · body, {each}" for each in ENCODINGS for kind in ("", ", quiet")),
        *(f"events · VNet v4 · mean fill, ndjson, {each}, 256 KiB" for each in ENCODINGS[:2]),
    }
)
"""The figures that `unit` needs."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a flow and a run cost, of one kind of interface and sent in one encoding.

    Attributes:
        run_ms: F: processor time of a run without its flows.
        batch_ms: The same of a run that a batch of announcements makes.
        swept_ms: The same of a run that the sweep makes, its part of the listings included.
        listed_ms: L: processor time of an interface in a sweep that finds nothing pending.
        flow_us: P: processor time of a flow, from bytes to acknowledged.
        flow_bytes: B: bytes of a flow on the wire.
        event_bytes: Bytes of a full event.

    """

    run_ms: float
    batch_ms: float
    swept_ms: float
    listed_ms: float
    flow_us: float
    flow_bytes: float
    event_bytes: float


def unit(figures: Mapping[str, float], encoding: Encoding, *, busy: bool) -> Unit:
    """Derive it; the processor time of fewer keys, which is less, is taken to be that of all."""
    compression = "none" if encoding == "none" else "gzip"
    subject = "VNet v4" if busy else "VNet v4, quiet"
    run, flow_ms = figures[_RUN], _stages_us(figures, "none") / 1000
    flows_ms = figures[_RUN_FLOWS] * flow_ms
    backlog = figures[f"backlog · VNet v4, {compression} · forwarded · processor"]
    fill = figures[f"events · VNet v4 · mean fill, ndjson, {compression}, 256 KiB"]
    return Unit(
        run_ms=run - flows_ms,
        batch_ms=run * figures[_BATCH_SHARE] / 100 - flows_ms,
        swept_ms=1000 / figures[_APPENDED] - QUIET_FLOWS * flow_ms,
        listed_ms=1000 / figures[_NOTHING_PENDING],
        flow_us=1e6 / backlog if busy else _stages_us(figures, compression),
        flow_bytes=figures[f"events · {subject} · body, {encoding}"],
        event_bytes=EventOptions().max_bytes * fill / 100,
    )


def _stages_us(figures: Mapping[str, float], compression: str) -> float:
    """Sum up a quiet interface's processor time for a flow, in microseconds."""
    stages = (
        f"stages · VNet v4, quiet · bytes to events, {compression} · processor",
        f"services · VNet v4 · send, {compression} · processor",
        _READ,
    )
    return sum(1e6 / figures[stage] for stage in stages)


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be forwarded.

    Attributes:
        interfaces: Each appends once a minute.
        per_minute: Flows of each.
        busy: Which figures hold: those of a busy interface, or of a quiet one.

    """

    interfaces: int
    per_minute: int
    busy: bool


LOADS: Final = (
    *(Load(interfaces, QUIET_FLOWS, busy=False) for interfaces in (10, 100, 1_000, 10_000)),
    *(Load(interfaces, 6_000, busy=True) for interfaces in (1_000, 10_000)),
)


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a load: one a minute on each interface's blob, or with the sweep alone one for each sweep.

    Attributes:
        load: What is forwarded.
        unit: What a flow and a run cost.
        way_in: What makes the runs begin.

    """

    load: Load
    unit: Unit
    way_in: WayIn = "EventGrid"

    @property
    def seconds(self) -> int:
        """From one run on a blob to the next."""
        return SWEEP_SECONDS if self.way_in == "Sweep" else 60

    @property
    def runs_a_second(self) -> float:
        """As many as appends, where each has its run."""
        return self.load.interfaces / self.seconds

    @property
    def flows_a_second(self) -> float:
        """On average."""
        return self.load.interfaces * self.load.per_minute / 60

    @property
    def megabytes_a_second(self) -> float:
        """Into the hub, on average."""
        return self.flows_a_second * self.unit.flow_bytes / 1e6

    @property
    def run_bytes(self) -> float:
        """Bodies of the events of one run."""
        return self._run_flows * self.unit.flow_bytes

    @property
    def events(self) -> int:
        """Of one run."""
        return math.ceil(self.run_bytes / self.unit.event_bytes)

    @property
    def units(self) -> int:
        """Throughput units."""
        by_bytes = self.flows_a_second * self.unit.flow_bytes / _UNIT_BYTES
        return math.ceil(HEADROOM * max(by_bytes, self.runs_a_second * self.events / _UNIT_EVENTS))

    @property
    def namespaces(self) -> int:
        """Standard ones."""
        return math.ceil(self.units / _MOST_UNITS)

    @property
    def partitions(self) -> int:
        """Of each hub."""
        return _FEW_PARTITIONS if self.units <= _FEW_PARTITIONS else _MOST_PARTITIONS

    @property
    def cores(self) -> float:
        """Used up to `USED`, by runs and by the sweep that goes beside a way in and finds nothing pending."""
        listed = 0.0 if self.way_in == "Sweep" else self.load.interfaces / SWEEP_SECONDS * self.unit.listed_ms / 1e3
        return (self.runs_a_second * self.processor_seconds + listed) / USED

    @property
    def connections(self) -> float:
        """To the hub, used up to `USED`; a process has one."""
        return self.runs_a_second * self.sending_seconds / USED

    @property
    def instances(self) -> int:
        """Of one core, with one process each."""
        return math.ceil(max(self.cores, self.connections))

    @property
    def processor_seconds(self) -> float:
        """Of one run."""
        fixed = {"EventHub": self.unit.batch_ms, "Sweep": self.unit.swept_ms}.get(self.way_in, self.unit.run_ms)
        return fixed / 1e3 + self._run_flows * self.unit.flow_us / 1e6

    @property
    def sending_seconds(self) -> float:
        """For which one run occupies the connection."""
        return math.ceil(self.run_bytes / HUB_BYTES) * SEND_SECONDS

    @property
    def _run_flows(self) -> float:
        return self.load.per_minute * self.seconds / 60


@dataclass(frozen=True, slots=True)
class Swept:
    """One sweep, where the sweep alone forwards.

    Attributes:
        runs: What it forwards.

    """

    runs: Runs

    @property
    def bounds(self) -> dict[str, float]:
        """Seconds that the sweep takes at least, by what keeps it from being shorter."""
        interfaces = self.runs.load.interfaces
        return {
            "core": self.runs.cores * SWEEP_SECONDS,
            "connection": self.runs.connections * SWEEP_SECONDS,
            "units": interfaces * self.runs.run_bytes / (self.runs.units * _UNIT_BYTES),
        }

    @property
    def seconds(self) -> float:
        """Its duration."""
        return max(self.bounds.values())

    @property
    def bound(self) -> str:
        """What keeps it from being shorter."""
        return max(self.bounds, key=self.bounds.__getitem__)

    @property
    def deployments(self) -> int:
        """Over which sweeps are spread, so that each ends in its time."""
        return math.ceil(self.seconds / ForwardOptions().run_seconds)


def served(each: Unit, way_in: WayIn) -> dict[str, int]:
    """Return how many quiet interfaces one instance can serve, by what bounds that; throughput units are as needed."""
    runs = Runs(Load(1, QUIET_FLOWS, busy=False), each, way_in)
    share = ForwardOptions().run_seconds / SWEEP_SECONDS if way_in == "Sweep" else 1
    needed = {"core": runs.cores, "connection": runs.connections}
    return {bound: math.floor(round(share / each, 6)) for bound, each in needed.items()}
