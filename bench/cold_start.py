"""Cold start: what importing the app costs a fresh interpreter beyond the packages that it can't do without."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from typing import Final

from bench.hub_process import PROJECT
from bench.inputs import Sizes
from bench.measure import BenchError, Sample, Tell
from bench.row import Clock, Row, value_row
from bench.servers import settings_for
from local.azurite import Azurite
from local.event_hub.server import EventHub

SECTION: Final = "cold-start"

_APP: Final = "function_app"
_PACKAGES: Final = "azure.functions, azurefunctions.extensions.base, azure.storage.blob, azure.eventhub, orjson"
_IMPORTED: Final = {"the app": _APP, "its packages alone": _PACKAGES}
_DIFFERENCE: Final = "the app less its packages"
_SUBJECT: Final = "fresh interpreter"
_SECONDS: Final = 60.0

# Nothing but built-in modules before the clock is read.
_PROGRAM: Final = """
import time
wall, processor = time.perf_counter(), time.process_time()
import {modules}
processor, wall = time.process_time() - processor, time.perf_counter() - wall
with open("/proc/self/status") as status:
    [memory] = [line.split()[1] for line in status if line.startswith("VmRSS:")]
print(f"[{{wall}}, {{processor}}, {{memory}}]")
"""


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Import both in turns; a first round, which may have to compile, doesn't count."""
    wall: dict[str, list[float]] = defaultdict(list)
    processor: dict[str, list[float]] = defaultdict(list)
    megabytes: dict[str, list[float]] = defaultdict(list)
    # Connections are opened when first used, so nobody needs to listen at these.
    environment = os.environ | settings_for(Azurite().connection_string, EventHub().connection_string)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each round would compile what the first one compiled
    for number in range(sizes.cold_repeats + 1):
        tell(f"round {number} of {sizes.cold_repeats}")
        for name, modules in _IMPORTED.items():
            wall_seconds, processor_seconds, kibibytes = _import(modules, environment)
            if number:
                wall[name].append(1000 * wall_seconds)
                processor[name].append(1000 * processor_seconds)
                megabytes[name].append(kibibytes * 1024 / 1e6)
    return [
        *_rows("import of", wall, "ms", clock="wall"),
        *_rows("import of", processor, "ms", clock="processor"),
        *_rows("memory with", megabytes, "MB", clock=None),
    ]


def _import(modules: str, environment: dict[str, str]) -> tuple[float, float, int]:
    """Import modules in a fresh interpreter; give wall and processor seconds, and KiB of memory afterwards.

    Raises:
        BenchError: They can't be imported.

    """
    command = [sys.executable, "-c", _PROGRAM.format(modules=modules)]
    ended = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if ended.returncode:
        raise BenchError(f"importing {modules} failed: {ended.stderr.strip().splitlines()[-1]}")
    wall, processor, kibibytes = json.loads(ended.stdout)
    return wall, processor, kibibytes


def _rows(what: str, values: dict[str, list[float]], unit: str, *, clock: Clock | None) -> list[Row]:
    samples = {name: Sample(tuple(each)) for name, each in values.items()}
    app, packages = (samples[name] for name in _IMPORTED)
    rows = [value_row(SECTION, _SUBJECT, f"{what} {name}", samples[name], unit, clock=clock) for name in _IMPORTED]
    between = value_row(SECTION, _SUBJECT, f"{what} {_DIFFERENCE}", app.minus(packages), unit, clock=clock)
    # Of the medians: a round's two interpreters meet different noise, as each is a process of its own.
    return [*rows, replace(between, value=app.median - packages.median)]
