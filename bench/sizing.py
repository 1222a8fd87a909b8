"""What sizes to choose: tables from 10 to 10,000 interfaces, derived from the measured figures by plain arithmetic.

`python -m bench.sizing` prints Markdown, and docs/performance.md holds exactly what it prints for `MEASURED`. Prices,
and what they are paid for, are those of docs/deploy.md, "Sizes and costs".
"""

import argparse
import json
import math
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from bench.pipeline import HUB_BYTES
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.options import ForwardOptions

Way = Literal["none", "gzip", "gzip, 8 keys"]
"""How flows are sent; the 8 keys are `bench.stages.FEWER_KEYS`."""

PRINTED: Final = 0
NOT_READ: Final = 2

MEASURED: Final[Mapping[str, float]] = {
    "appends · VNet v4 · run · processor": 12.46,
    "appends · VNet v4 · flows a run, mean": 200.4,
    "stages · VNet v4, quiet · bytes to events, none · processor": 322100.0,
    "stages · VNet v4, quiet · bytes to events, gzip · processor": 289500.0,
    "services · VNet v4 · read · processor": 12640000.0,
    "services · VNet v4 · send, none · processor": 877700.0,
    "services · VNet v4 · send, gzip · processor": 24870000.0,
    "backlog · VNet v4, none · forwarded · processor": 189400.0,
    "backlog · VNet v4, gzip · forwarded · processor": 338800.0,
    "events · VNet v4, quiet · body, none": 947.1,
    "events · VNet v4, quiet · body, gzip": 39.77,
    "events · VNet v4, quiet · body, gzip, 8 keys": 14.58,
    "events · VNet v4 · body, none": 947.4,
    "events · VNet v4 · body, gzip": 32.87,
    "events · VNet v4 · body, gzip, 8 keys": 12.52,
    "events · VNet v4 · mean fill, ndjson, none, 256 KiB": 96.56,
    "events · VNet v4 · mean fill, ndjson, gzip, 256 KiB": 91.78,
}
"""The figures of `make bench` that docs/performance.md tells, by section, subject, figure and clock, in its units.

`python -m bench.sizing --measured FILE --constants` writes them anew.
"""

WAYS: Final[tuple[Way, ...]] = get_args(Way)

_USED: Final = 0.6  # of a core, or of a connection, at most
_HEADROOM: Final = 1.5  # of throughput units over the mean
_SEND_SECONDS: Final = 0.025  # of a batch: until it is acknowledged, and for handing it over
_SWEEP_MINUTES: Final = 5
_REQUESTS: Final = 4  # to storage, of a run; tests/integration/test_requests.py counts them
_MEASURED_REQUESTS: Final = 6  # of the run that MEASURED has the processor time of, which is more
_LISTINGS: Final = 0.6  # of a sweep, for an interface: a flow log has ten, and two listings for each of three hours

_UNIT_BYTES: Final = 1_000_000  # a second, as _UNIT_EVENTS (learn.microsoft.com, "Scaling with Event Hubs")
_UNIT_EVENTS: Final = 1_000
_MOST_UNITS: Final = 40  # of a Standard namespace (learn.microsoft.com, "Event Hubs quotas and limits")
_MOST_PARTITIONS: Final = 32  # of a Standard hub (the same)
_FEW_PARTITIONS: Final = 4
_INSTANCE_GB: Final = 2  # with one core (learn.microsoft.com, "Azure Functions Flex Consumption plan hosting")

# docs/costs.md: US dollars, and what they are paid for.
_HOURS: Final = 730  # a month
_UNIT_HOUR: Final = 0.03
_STEP: Final = 0.028e-6
_STEP_BYTES: Final = 65_536
_GB_SECOND: Final = 0.000026
_APPEND: Final = 8.8e-6  # by web hook, without processor time
_REQUEST: Final = 0.44e-6
_LISTING: Final = 5.00e-6
_SWEPT_RUN: Final = 1.25e-6 * 2.30  # its line of telemetry: GB, and dollars for one
_LEAST_SECONDS: Final = 1.0  # of an execution
_AT_ONCE: Final = 16  # executions on an instance that overlap, with _MANY interfaces; with fewer, none do
_MANY: Final = 100

_HUNDRED: Final = 100
_WIDTH: Final = 120  # of a line
_TIMES: Final = "\N{MULTIPLICATION SIGN}"


def read_measured(text: str) -> dict[str, float]:
    """Read the figures of `MEASURED` from a bench's JSON, each to four digits: more of them would mean nothing.

    Raises:
        ValueError: It is no JSON of a bench, or some aren't there.

    """
    document = json.loads(text)
    if not isinstance(document, dict) or "rows" not in document:
        raise ValueError("make bench did not write this")
    found = {_name(row): row["value"] for row in document["rows"]}
    if missing := MEASURED.keys() - found:
        raise ValueError(f"it lacks {'; '.join(sorted(missing))}")
    return {name: float(f"{found[name]:.4g}") for name in MEASURED}


def _name(row: Mapping[str, Any]) -> str:
    return " · ".join(filter(None, (row["section"], row["subject"], row["figure"], row["clock"])))


@dataclass(frozen=True, slots=True)
class Unit:
    """What a flow and a run cost, of one kind of interface and sent in one way.

    Attributes:
        fixed_ms: F: processor time of a run without its flows.
        flow_us: P: processor time of a flow, from bytes to acknowledged.
        flow_bytes: B: bytes of a flow on the wire.
        event_bytes: Bytes of a full event.

    """

    fixed_ms: float
    flow_us: float
    flow_bytes: float
    event_bytes: float


def unit(measured: Mapping[str, float], way: Way, *, busy: bool) -> Unit:
    """Derive it; the processor time of fewer keys, which is less, is taken to be that of all."""
    compression = "none" if way == "none" else "gzip"
    subject = "VNet v4" if busy else "VNet v4, quiet"
    run, flows = measured["appends · VNet v4 · run · processor"], measured["appends · VNet v4 · flows a run, mean"]
    backlog = measured[f"backlog · VNet v4, {compression} · forwarded · processor"]
    fill = measured[f"events · VNet v4 · mean fill, ndjson, {compression}, 256 KiB"]
    return Unit(
        fixed_ms=run - flows * _stages_us(measured, "none") / 1000,
        flow_us=1e6 / backlog if busy else _stages_us(measured, compression),
        flow_bytes=measured[f"events · {subject} · body, {way}"],
        event_bytes=EventOptions().max_bytes * fill / 100,
    )


def _stages_us(measured: Mapping[str, float], compression: str) -> float:
    """Sum up a quiet interface's processor time for a flow, in microseconds."""
    stages = (
        f"stages · VNet v4, quiet · bytes to events, {compression} · processor",
        f"services · VNet v4 · send, {compression} · processor",
        "services · VNet v4 · read · processor",
    )
    return sum(1e6 / measured[stage] for stage in stages)


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
    *(Load(interfaces, 200, busy=False) for interfaces in (10, 100, 1_000, 10_000)),
    *(Load(interfaces, 6_000, busy=True) for interfaces in (1_000, 10_000)),
)
_EXAMPLE: Final = LOADS[2]


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a load: with the blob trigger one a minute on each interface's blob, with the sweep alone fewer.

    Attributes:
        load: What is forwarded.
        unit: What a flow and a run cost.
        minutes: From one run on a blob to the next.

    """

    load: Load
    unit: Unit
    minutes: int = 1

    @property
    def runs_a_second(self) -> float:
        """As many as appends, where each has its run."""
        return self.load.interfaces / (60 * self.minutes)

    @property
    def flows_a_second(self) -> float:
        """On average."""
        return self.load.interfaces * self.load.per_minute / 60

    @property
    def megabytes_a_second(self) -> float:
        """Into the hub, on average."""
        return self.flows_a_second * self.unit.flow_bytes / 1e6

    @property
    def events(self) -> int:
        """Of one run."""
        return math.ceil(self._run_bytes / self.unit.event_bytes)

    @property
    def units(self) -> int:
        """Throughput units."""
        by_bytes = self.flows_a_second * self.unit.flow_bytes / _UNIT_BYTES
        return math.ceil(_HEADROOM * max(by_bytes, self.runs_a_second * self.events / _UNIT_EVENTS))

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
        """Used up to `_USED`."""
        return self.runs_a_second * self._processor_seconds / _USED

    @property
    def connections(self) -> float:
        """To the hub, used up to `_USED`; a process has one."""
        return self.runs_a_second * self._sending_seconds / _USED

    @property
    def instances(self) -> int:
        """Of one core, with one process each."""
        return math.ceil(max(self.cores, self.connections))

    @property
    def hub_dollars(self) -> float:
        """A month: units, and steps of 64 KB of each event."""
        steps = self.events * math.ceil(self._run_bytes / self.events / _STEP_BYTES)
        return _HOURS * (self.units * _UNIT_HOUR + 3600 * self.runs_a_second * steps * _STEP)

    @property
    def triggered_dollars(self) -> float:
        """A month of the app, where each append has its execution."""
        overlapping = _AT_ONCE if self.load.interfaces >= _MANY else 1
        billed = max(self.runs_a_second * _LEAST_SECONDS / overlapping, self.cores, self.connections)
        return _HOURS * 3600 * (self.runs_a_second * _APPEND + billed * _INSTANCE_GB * _GB_SECOND)

    @property
    def swept_seconds(self) -> float:
        """Duration of one sweep: core, connection or throughput units keep it from being shorter."""
        listing = _LISTINGS * self.unit.fixed_ms / 1e3 / _MEASURED_REQUESTS
        core = (self._processor_seconds + listing) / _USED
        connection = self._sending_seconds / _USED
        return self.load.interfaces * max(core, connection, self._run_bytes / (self.units * _UNIT_BYTES))

    @property
    def deployments(self) -> int:
        """Over which sweeps are spread, so that each ends in its time."""
        return math.ceil(self.swept_seconds / ForwardOptions().run_seconds)

    @property
    def swept_dollars(self) -> float:
        """A month of the app, where the sweep alone forwards."""
        of_interface = _REQUESTS * _REQUEST + _LISTINGS * _LISTING + _SWEPT_RUN
        billed = max(self.swept_seconds, _LEAST_SECONDS) * _INSTANCE_GB * _GB_SECOND
        return _HOURS * 60 / self.minutes * (billed + self.load.interfaces * of_interface)

    @property
    def _run_flows(self) -> int:
        return self.load.per_minute * self.minutes

    @property
    def _run_bytes(self) -> float:
        return self._run_flows * self.unit.flow_bytes

    @property
    def _processor_seconds(self) -> float:
        return self.unit.fixed_ms / 1e3 + self._run_flows * self.unit.flow_us / 1e6

    @property
    def _sending_seconds(self) -> float:
        return math.ceil(self._run_bytes / HUB_BYTES) * _SEND_SECONDS


def page(measured: Mapping[str, float]) -> str:
    """Write the tables as Markdown."""
    appends = _runs(measured, WAYS)
    sections = (
        ("What a run and a flow take", _basis(measured)),
        ("Load and hub", _table(appends, _HUB)),
        ("With the blob trigger", _table({load: runs[:2] for load, runs in appends.items()}, _TRIGGER)),
        ("With the sweep alone", _table(_runs(measured, WAYS[:2], _SWEEP_MINUTES), _SWEEP)),
    )
    example = textwrap.wrap(_example(appends[_EXAMPLE][0]), _WIDTH)
    lines = (line for title, table in sections for line in (f"### {title}", "", *table, ""))
    return "\n".join((*lines, *example)) + "\n"


def _basis(measured: Mapping[str, float]) -> Iterator[str]:
    kinds = [[unit(measured, way, busy=busy) for way in WAYS] for busy in (False, True)]
    yield "| | quiet: 200 flows a minute | busy: 6,000 flows a minute |"
    yield "|---|---:|---:|"
    for name, ways, tell in _BASIS:
        yield f"| {name} | {' | '.join(_cell(_short(tell(each)) for each in units[:ways]) for units in kinds)} |"


def _example(runs: Runs) -> str:
    load, each, appends, flows = runs.load, runs.unit, _short(runs.runs_a_second), _short(runs.flows_a_second)
    return (
        f"For example, {load.interfaces:,} interfaces with {load.per_minute} flows a minute, `none`: "
        f"{load.interfaces:,} ÷ 60 = {appends} appends/s; {_TIMES} {load.per_minute} = {flows} flows/s; {_TIMES} "
        f"{_short(each.flow_bytes)} bytes = {_short(runs.megabytes_a_second)} MB/s; {_TIMES} {_HEADROOM}, rounded up: "
        f"{runs.units} units. {appends} {_TIMES} {_short(each.fixed_ms)} ms + {flows} {_TIMES} {_short(each.flow_us)} "
        f"µs = {_short(runs.cores * _USED)} s of processor time a second; ÷ {_USED} = {_short(runs.cores)} cores. "
        f"{appends} {_TIMES} {_SEND_SECONDS} s ÷ {_USED} = {_short(runs.connections)} connections."
    )


def _runs(measured: Mapping[str, float], ways: Sequence[Way], minutes: int = 1) -> dict[Load, list[Runs]]:
    return {load: [Runs(load, unit(measured, way, busy=load.busy), minutes) for way in ways] for load in LOADS}


def _table(runs: Mapping[Load, Sequence[Runs]], columns: Mapping[str, Callable[[Runs], str]]) -> Iterator[str]:
    yield f"| interfaces | flows a minute of each | {' | '.join(columns)} |"
    yield "|" + "---:|" * (len(columns) + 2)
    for load, ways in runs.items():
        cells = (_cell(tell(each) for each in ways) for tell in columns.values())
        yield f"| {load.interfaces:,} | {load.per_minute:,} | {' | '.join(cells)} |"


def _cell(texts: Iterable[str]) -> str:
    """Join the values of the ways; where all are the same, once."""
    values = list(texts)
    return " · ".join(values if len(set(values)) > 1 else values[:1])


def _short(value: float) -> str:
    """Write a number with three digits, or all before the point, or two where it is below 1."""
    if value >= _HUNDRED:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}"


_BASIS: Final[Sequence[tuple[str, int, Callable[[Unit], float]]]] = (
    ("F: processor time of a run without its flows, ms", 1, lambda each: each.fixed_ms),
    ("P: processor time of a flow, from bytes to acknowledged, µs", 2, lambda each: each.flow_us),
    ("B: bytes of a flow on the wire", 3, lambda each: each.flow_bytes),
    ("bytes of a full event", 2, lambda each: each.event_bytes),
)
_HUB: Final[Mapping[str, Callable[[Runs], str]]] = {
    "appends/s": lambda runs: _short(runs.runs_a_second),
    "flows/s": lambda runs: _short(runs.flows_a_second),
    "MB/s": lambda runs: _short(runs.megabytes_a_second),
    "events/s": lambda runs: _short(runs.runs_a_second * runs.events),
    "throughput units": lambda runs: f"{runs.units:,}" + (f" in {runs.namespaces}" if runs.namespaces > 1 else ""),
    "partitions": lambda runs: f"{runs.partitions}",
}
_TRIGGER: Final[Mapping[str, Callable[[Runs], str]]] = {
    "cores": lambda runs: _short(runs.cores),
    "connections": lambda runs: _short(runs.connections),
    "instances": lambda runs: f"{runs.instances}",
    "$ a month, app": lambda runs: f"{runs.triggered_dollars:,.0f}",
    "$ a month, hub": lambda runs: f"{runs.hub_dollars:,.0f}",
}
_SWEEP: Final[Mapping[str, Callable[[Runs], str]]] = {
    "seconds": lambda runs: _short(runs.swept_seconds),
    "fits, or deployments": lambda runs: "yes" if runs.deployments == 1 else f"{runs.deployments}",
    "$ a month, app": lambda runs: f"{runs.swept_dollars:,.0f}",
    "$ a month, hub": lambda runs: f"{runs.hub_dollars:,.0f}",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print; return the exit status."""
    about = "Print sizing tables as Markdown; docs/performance.md tells their arithmetic."
    parser = argparse.ArgumentParser(prog="python -m bench.sizing", description=about)
    parser.add_argument("--measured", type=Path, metavar="FILE", help="what make bench ARGUMENTS='--json FILE' wrote")
    parser.add_argument("--constants", action="store_true", help="print the figures as this module's source instead")
    options = parser.parse_args(arguments)
    try:
        measured = read_measured(options.measured.read_text()) if options.measured else MEASURED
    except (OSError, ValueError) as error:
        sys.stderr.write(f"bench.sizing: {options.measured}: {error}\n")
        return NOT_READ
    if options.constants:
        print("\n".join(f'    "{name}": {value!r},' for name, value in measured.items()))
    else:
        print(page(measured), end="")
    return PRINTED


if __name__ == "__main__":
    sys.exit(main())
