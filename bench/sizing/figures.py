"""The tables of what was measured, with the targets beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from bench.inputs import FEW_PEERS, NSG, VNET
from bench.sizing.markdown import short, table
from bench.sizing.measured import Measured

_SUBJECTS: Final = (VNET, NSG, f"{VNET}, quiet")
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_NONE: Final = "\N{EN DASH}"


def _rate(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _inverse(value: float) -> str:
    return short(1 / value)


@dataclass(frozen=True, slots=True)
class _Figure:
    """A line of a table.

    Attributes:
        text: What it says of the figures.
        names: Of the figures; in a table of documents one name for all, with the subject left out.
        target: As text.
        form: How they are written.

    """

    text: str
    names: tuple[str, ...]
    target: str = ""
    form: Callable[[float], str] = short

    def cell(self, figures: Mapping[str, float], ending: str = "") -> str:
        """Write the figures; of documents whose subjects have this ending."""
        names = (name.format(f"{subject}{ending}") for name in self.names for subject in _SUBJECTS)
        found = (figures.get(name) for name in dict.fromkeys(names))
        return " · ".join(_NONE if value is None else self.form(value) for value in found)


_PROCESSOR: Final = "stages · {} · %s · processor"
_DECODE: Final = _PROCESSOR % "decode and encode"
_DECODING: Final = (
    _Figure("decode and encode, flows a second", (_DECODE,), "", _rate),
    _Figure(
        f"… {_TIMES} the reference, the standard library's way", (f"{_DECODE} · times reference",), f"4.5 · 5 · {_NONE}"
    ),
    _Figure(
        f"… {_TIMES} the time of `orjson.loads` of the blob",
        (f"{_DECODE} · times floor",),
        f"at most 15 · {_NONE} · {_NONE}",
        _inverse,
    ),
    _Figure("scanner, parsing included, flows a second", (_PROCESSOR % "scanner, parsing included",), "", _rate),
    _Figure(f"from bytes to flows, {_TIMES} the reference", (f"{_PROCESSOR % 'bytes to flows'} · times reference",)),
    _Figure("from bytes to events, flows a second", (_PROCESSOR % "bytes to events, none",), "", _rate),
    _Figure(
        "… processor time that `gzip` adds",
        (_PROCESSOR % "bytes to events: gzip's extra over none",),
        "less than 25 %",
        _percent,
    ),
    *(
        _Figure(
            f"… in `{schema}`, of the rate in `flow`",
            (_PROCESSOR % f"flows a second in {schema}, of those in flow",),
            "",
            _percent,
        )
        for schema in ("ocsf", "ecs", "asim")
    ),
    _Figure("bytes a flow, `none`", ("events · {} · body, none",)),
    _Figure("bytes a flow, `gzip`", ("events · {} · body, gzip",), "60 or less"),
    _Figure("… with 8 keys", ("events · {} · body, gzip, 8 keys",)),
)

_FORWARDED: Final = ("backlog · VNet v4, none · forwarded · %s", "backlog · NSG v2, none · forwarded · %s")
_MEMORY: Final = ("backlog · VNet v4, none · memory at the %s", "backlog · NSG v2, none · memory at the %s")
_APPENDS: Final = ("appends · VNet v4 · %s", "appends · NSG v2 · %s")
_ANNOUNCED: Final = ("announced · VNet v4 · a run each, %s", "announced · VNet v4 · one batch, %s")
_SWEEPS: Final = ("all complete, first sweep", "all complete, later sweeps", "all appended to")
_FILL: Final = "events · VNet v4 · mean fill, ndjson, %s, 256 KiB"


def _sweeps(interfaces: str) -> tuple[str, ...]:
    return tuple(f"sweeps · {interfaces} interfaces · {figure} · processor" for figure in _SWEEPS)


def _with(names: tuple[str, ...], part: str) -> tuple[str, ...]:
    return tuple(name % part for name in names)


_MANY_SWEPT: Final = _sweeps("10,000")
_SYSTEM: Final = (
    _Figure(
        "how full events are, `none` · `gzip`", (_FILL % "none", _FILL % "gzip"), "90 % or more", "{:.1f} %".format
    ),
    _Figure("a backlog of 64 MiB, VNet · NSG, flows a second", _with(_FORWARDED, "wall"), "", _rate),
    _Figure(
        "… flows for a second of the app's processor time", _with(_FORWARDED, "processor"), "100,000 or more", _rate
    ),
    _Figure(
        "… VNet with `gzip`, flows a second · for a second of processor time",
        ("backlog · VNet v4, gzip · forwarded · wall", "backlog · VNet v4, gzip · forwarded · processor"),
        "",
        _rate,
    ),
    _Figure("… memory of the app's process at the start, MB", _with(_MEMORY, "start")),
    _Figure("… at the peak, MB", _with(_MEMORY, "peak"), "less than 200 above the start"),
    _Figure("a quiet append, VNet · NSG: processor time, ms", _with(_APPENDS, "run · processor")),
    _Figure("… storage requests, mean; a blob's first run makes more", _with(_APPENDS, "storage requests a run, mean")),
    _Figure("… bytes read for each appended", _with(_APPENDS, "bytes read for each appended, mean"), "1.05 or less"),
    _Figure(
        "appends announced at once, a run each · one batch: processor time of one, ms",
        _with(_ANNOUNCED, "an append · processor"),
    ),
    _Figure("… storage requests of one", _with(_ANNOUNCED, "storage requests an append"), "4"),
    _Figure(
        "sweeps of 1,000 interfaces: interfaces for a second of processor time, at first · later with nothing pending, "
        "and all with an append",
        _sweeps("1,000"),
    ),
    _Figure("… of 10,000 interfaces", _MANY_SWEPT),
    _Figure(
        "bytes of log lines for an append: `each` · `minute` with 20 interfaces in a process",
        ("telemetry · 20 interfaces · a line for each pass, mean", "telemetry · 20 interfaces · sums, for each append"),
    ),
    _Figure(
        "cold start: what our code adds to importing the packages it needs, ms",
        ("cold-start · fresh interpreter · import of the app less its packages · processor",),
        "60 or less",
    ),
    _Figure("… MB", ("cold-start · fresh interpreter · memory with the app less its packages",), "15 or less"),
)

NEEDED: Final = frozenset(
    {
        *(
            name.format(f"{subject}{ending}")
            for figure in _DECODING
            for name in figure.names
            for subject in _SUBJECTS
            for ending in ("", FEW_PEERS)
        ),
        *(name for figure in _SYSTEM for name in figure.names),
    }
    - {*_MANY_SWEPT}
)
"""The figures that the tables need."""

OPTIONAL: Final = frozenset(_MANY_SWEPT)
"""Those that they have only where they were asked for."""


def describe(measured: Measured) -> str:
    """Say on what it was measured."""
    days = " and ".join(f"{day.day} {day:%B %Y}" for day in map(date.fromisoformat, measured.dates))
    versions = ", ".join(f"{name} {version}" for name, version in measured.versions.items())
    loads = ", ".join(f"{load:.1f}" for load in measured.loads)
    return f"Measured on {days}: {measured.cores} cores ({measured.processor}), load before {loads}; {versions}."


def decoding(figures: Mapping[str, float]) -> list[str]:
    """Write the table of what is pure computing, for VNet, NSG and a quiet VNet interface."""
    rows = ((each.text, each.cell(figures), each.cell(figures, FEW_PEERS), each.target) for each in _DECODING)
    return table(("figure", "facing the internet", "a fleet with few peers", "target"), rows, texts=4)


def system(figures: Mapping[str, float]) -> list[str]:
    """Write the table of the complete app."""
    return table(
        ("figure", "measured", "target"), ((each.text, each.cell(figures), each.target) for each in _SYSTEM), texts=3
    )
