"""The tables of what a load needs and costs, from 10 to 10,000 interfaces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bench.sizing.costs import EXECUTION, announced, announced_before, app_dollars, app_dollars_before, hub_dollars
from bench.sizing.loads import (
    ENCODINGS,
    HEADROOM,
    LOADS,
    SEND_SECONDS,
    USED,
    WAYS_IN,
    Encoding,
    Runs,
    Swept,
    Unit,
    WayIn,
    served,
    unit,
)
from bench.sizing.markdown import cell, short, table

_EXAMPLE: Final = LOADS[2]
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_INSTANCE: Final[Mapping[str, WayIn]] = {
    "`EventGrid` or `StorageQueue`": "EventGrid",
    "`EventHub`": "EventHub",
    "`Sweep` alone": "Sweep",
}
_MILLION: Final = 1_000_000
_BEFORE: Final[tuple[WayIn, ...]] = ("EventGrid", "StorageQueue")


def sizes(figures: Mapping[str, float]) -> list[str]:
    """Write all tables, each under its title."""
    sections = (
        ("What a run and a flow take", _basis(figures)),
        ("Load and hub", _loads(figures, ENCODINGS, _HUB)),
        ("By `EventGrid`, `StorageQueue` or `EventHub`", _loads(figures, ENCODINGS[:2], _TRIGGERED)),
        ("By `Sweep` alone", _loads(figures, ENCODINGS[:2], _SWEPT)),
        ("Dollars a month", _loads(figures, ENCODINGS[:2], _DOLLARS)),
        ("Version 0.1.0 and this one", _before_and_now(figures)),
    )
    lines = [line for title, lines in sections for line in (f"### {title}", "", *lines, "")]
    return [*lines, _example(Runs(_EXAMPLE, unit(figures, "none", busy=False)))]


def one_instance(figures: Mapping[str, float]) -> str:
    """Say how many interfaces one instance can serve, by each way in."""
    units = [unit(figures, encoding, busy=False) for encoding in ENCODINGS[:2]]
    parts = []
    for name, way_in in _INSTANCE.items():
        bounds = [served(each, way_in) for each in units]
        most = cell(f"{min(each.values()):,}" for each in bounds)
        binding = cell(min(each, key=each.__getitem__) for each in bounds)
        cores = cell(f"{each['core']:,}" for each in bounds)
        parts.append(f"by {name} {most} (bound by its {binding}; its core is enough for {cores})")
    return (
        f"**One instance serves**, of interfaces with {_EXAMPLE.per_minute} flows a minute, `none` · `gzip`: "
        f"{'; '.join(parts)}."
    )


def _basis(figures: Mapping[str, float]) -> list[str]:
    kinds = [[unit(figures, each, busy=busy) for each in ENCODINGS] for busy in (False, True)]
    rows = (
        (name, *(cell(short(value(each)) for each in units[:encodings]) for units in kinds))
        for name, encodings, value in _BASIS
    )
    return table(("", "quiet: 200 flows a minute", "busy: 6,000 flows a minute"), rows, texts=1)


def _loads(
    figures: Mapping[str, float],
    encodings: Sequence[Encoding],
    columns: Mapping[str, tuple[WayIn, Callable[[Runs], str]]],
) -> list[str]:
    def rows() -> Iterator[tuple[str, ...]]:
        for load in LOADS:
            units = [unit(figures, each, busy=load.busy) for each in encodings]
            cells = (cell(write(Runs(load, each, way_in)) for each in units) for way_in, write in columns.values())
            yield f"{load.interfaces:,}", f"{load.per_minute:,}", *cells

    return table(("interfaces", "flows a minute of each", *columns), rows())


def _before_and_now(figures: Mapping[str, float]) -> list[str]:
    each = unit(figures, "none", busy=False)

    def rows() -> Iterator[tuple[str, ...]]:
        for way_in in _BEFORE:
            runs = Runs(_EXAMPLE, each, way_in)
            old, new = announced_before(way_in), announced(way_in)
            changes = (
                (_MILLION * old.storage, _MILLION * new.storage),
                (_MILLION * old.telemetry, _MILLION * new.telemetry),
                (_MILLION * (old.total + EXECUTION), _MILLION * (new.total + EXECUTION)),
                (app_dollars_before(runs), app_dollars(runs)),
            )
            yield f"`{way_in}`", *(f"{short(before)} → {short(now)}" for before, now in changes)

    columns = (
        "way in",
        "a million appends: storage, $",
        "telemetry, $",
        "all without processor time, $",
        f"{_EXAMPLE.interfaces:,} interfaces a month, $",
    )
    return table(columns, rows(), texts=1)


def _example(runs: Runs) -> str:
    load, each, appends, flows = runs.load, runs.unit, short(runs.runs_a_second), short(runs.flows_a_second)
    return (
        f"For example, {load.interfaces:,} interfaces with {load.per_minute} flows a minute, `none`: "
        f"{load.interfaces:,} ÷ 60 = {appends} appends/s; {_TIMES} {load.per_minute} = {flows} flows/s; {_TIMES} "
        f"{short(each.flow_bytes)} bytes = {short(runs.megabytes_a_second)} MB/s; {_TIMES} {HEADROOM}, rounded up: "
        f"{runs.units} units. {appends} {_TIMES} {short(each.run_ms)} ms + {flows} {_TIMES} {short(each.flow_us)} "
        f"µs + {load.interfaces:,} ÷ 300 {_TIMES} {short(each.listed_ms)} ms = {short(runs.cores * USED)} s of "
        f"processor time a second; ÷ {USED} = {short(runs.cores)} cores. {appends} {_TIMES} {SEND_SECONDS} s ÷ {USED} "
        f"= {short(runs.connections)} connections."
    )


def _dollars(value: float) -> str:
    return f"{value:,.0f}"


_BASIS: Final[Sequence[tuple[str, int, Callable[[Unit], float]]]] = (
    ("F: processor time of a run without its flows, ms", 1, lambda each: each.run_ms),
    ("… by `EventHub`, in a batch", 1, lambda each: each.batch_ms),
    ("… by `Sweep`, its part of the listings included", 1, lambda each: each.swept_ms),
    ("L: processor time of an interface in a sweep with nothing pending, ms", 1, lambda each: each.listed_ms),
    ("P: processor time of a flow, from bytes to acknowledged, µs", 2, lambda each: each.flow_us),
    ("B: bytes of a flow on the wire", 3, lambda each: each.flow_bytes),
    ("bytes of a full event", 2, lambda each: each.event_bytes),
)
_HUB: Final[Mapping[str, tuple[WayIn, Callable[[Runs], str]]]] = {
    "appends/s": ("EventGrid", lambda runs: short(runs.runs_a_second)),
    "flows/s": ("EventGrid", lambda runs: short(runs.flows_a_second)),
    "MB/s": ("EventGrid", lambda runs: short(runs.megabytes_a_second)),
    "events/s": ("EventGrid", lambda runs: short(runs.runs_a_second * runs.events)),
    "throughput units": (
        "EventGrid",
        lambda runs: f"{runs.units:,}" + (f" in {runs.namespaces}" if runs.namespaces > 1 else ""),
    ),
    "partitions": ("EventGrid", lambda runs: f"{runs.partitions}"),
}
_TRIGGERED: Final[Mapping[str, tuple[WayIn, Callable[[Runs], str]]]] = {
    "cores, a run each": ("EventGrid", lambda runs: short(runs.cores)),
    "cores, `EventHub`": ("EventHub", lambda runs: short(runs.cores)),
    "connections": ("EventGrid", lambda runs: short(runs.connections)),
    "instances, a run each": ("EventGrid", lambda runs: f"{runs.instances}"),
    "instances, `EventHub`": ("EventHub", lambda runs: f"{runs.instances}"),
}
_SWEPT: Final[Mapping[str, tuple[WayIn, Callable[[Runs], str]]]] = {
    "seconds": ("Sweep", lambda runs: short(Swept(runs).seconds)),
    "bound by": ("Sweep", lambda runs: Swept(runs).bound),
    "fits, or deployments": (
        "Sweep",
        lambda runs: "yes" if Swept(runs).deployments == 1 else f"{Swept(runs).deployments}",
    ),
}
_DOLLARS: Final[Mapping[str, tuple[WayIn, Callable[[Runs], str]]]] = {
    **{f"app, `{way_in}`": (way_in, lambda runs: _dollars(app_dollars(runs))) for way_in in WAYS_IN},
    "hub": ("EventGrid", lambda runs: _dollars(hub_dollars(runs))),
}
