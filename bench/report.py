"""The results, as a table for a person and as JSON for a program; and what they were measured on."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.inputs import Sizes
from bench.measure import GC_STATE
from bench.row import Row

_PACKAGES: Final = ("orjson", "isal", "azure-eventhub", "azure-storage-blob")
_WIDTH: Final = 200  # more than the table needs: on a narrow terminal a row is better broken than cut
_SMALL: Final = 100  # from here on, no decimals
_COLUMNS: Final = ("FIGURE", "VALUE", "UNIT", "CLOCK", "MB/S", "X REF", "X FLOOR", "MIN TO MAX", "RUNS")


def document(rows: Sequence[Row], sizes: Sizes, date: datetime, load: float) -> dict[str, object]:
    """Give everything that is known of a bench, to be written as JSON.

    Args:
        rows: The results.
        sizes: What was asked for.
        date: When it began.
        load: How many processes wanted a core in the minute before: those of others.

    """
    return {
        "date": date.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "machine": {
            "cores": os.process_cpu_count(),
            "processor": _processor(),
            "system": platform.platform(),
            "loadBefore": round(load, 2),
        },
        "garbageCollector": GC_STATE,
        "sizes": asdict(sizes),
        "rows": [asdict(row) for row in rows],
    }


def print_json(content: dict[str, object], file: str) -> None:
    """Write it to a file; ``-`` is standard output."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if file == "-":
        sys.stdout.write(text)
    else:
        Path(file).write_text(text)


def print_table(rows: Sequence[Row], content: dict[str, object]) -> None:
    """Print the table, for a terminal in colours."""
    console = Console()
    console.width = _WIDTH
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in {"FIGURE", "UNIT", "CLOCK"} else "right", no_wrap=True)
    for (section, subject), members in groupby(rows, lambda row: (row.section, row.subject)):
        table.add_row(Text(f"{section} · {subject}", style="bold"))
        for row in members:
            table.add_row(*_cells(row))
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        print(line.rstrip())
    for name in ("date", "versions", "machine", "garbageCollector"):
        print(f"{name}: {_plain(content[name])}")


def _cells(row: Row) -> tuple[str, ...]:
    spread = "" if row.low is None else f"{_number(row.low)} to {_number(row.high)}"
    ratios = (row.megabytes, row.times_reference, row.times_floor)
    texts = ("" if ratio is None else _number(ratio) for ratio in ratios)
    return (f"  {row.figure}", _number(row.value), row.unit, row.clock or "", *texts, spread, str(row.runs))


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    if abs(value) >= _SMALL or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    return str(value)


def _versions() -> dict[str, str | None]:
    """Give the versions of Python and of the packages that matter; None for one that isn't installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _processor() -> str:
    """Name the processor, as Linux does (proc_cpuinfo(5))."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
