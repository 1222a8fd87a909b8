"""Sweeps: over interfaces whose blobs are all forwarded, and over interfaces that all got an append."""

import gc
import time
from dataclasses import dataclass
from typing import Final, Self

from bench.inputs import Sizes
from bench.measure import BenchError, Sample, Tell
from bench.quiet_fleet import QuietFleet
from bench.row import Row, value_row
from bench.servers import Wired, wired

SECTION: Final = "sweeps"

_SWEPT: Final = 7_000  # so many interfaces are swept in all, or more, in a few rounds
_APPENDED: Final = 3_000  # likewise, of those that got an append
_SETTINGS: Final = {"FLOWLOG_SWEEP_GRACE_SECONDS": "0", "FLOWLOG_RUN_SECONDS": "480"}


@dataclass(slots=True)
class _Rates:
    """Interfaces a second of each sweep, by both clocks."""

    processor: list[float]
    wall: list[float]

    @classmethod
    def none(cls) -> Self:
        return cls([], [])

    def sweep(self, product: Wired, interfaces: int, *, behind: int) -> None:
        """Sweep once.

        Raises:
            BenchError: It found something else than was to be found.

        """
        gc.collect()
        wall, processor = time.perf_counter(), time.process_time()
        report = product.sweeper.sweep()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        if not report.complete or (report.seen, report.behind, report.caught) != (interfaces, behind, behind):
            raise BenchError(f"sweeps: of {interfaces:,} blobs {report.caught:,} of {behind:,} were forwarded")
        self.processor.append(interfaces / processor)
        self.wall.append(interfaces / wall)

    def rows(self, interfaces: int, figure: str) -> list[Row]:
        subject, unit = f"{interfaces:,} interfaces", "interfaces/s"
        return [
            value_row(SECTION, subject, figure, Sample(tuple(self.processor)), unit, clock="processor"),
            value_row(SECTION, subject, figure, Sample(tuple(self.wall)), unit, clock="wall"),
        ]


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Sweep each number of interfaces."""
    return [row for interfaces in sizes.interfaces for row in _measure(sizes, interfaces, tell)]


def _measure(sizes: Sizes, interfaces: int, tell: Tell) -> list[Row]:
    first, later, appended = _Rates.none(), _Rates.none(), _Rates.none()
    with wired(**_SETTINGS) as product:
        tell(f"{interfaces:,} interfaces are written")
        fleet = QuietFleet(product, interfaces)
        fleet.set_complete(fleet.append())
        for number in range(_rounds(sizes.repeats, _SWEPT, interfaces)):
            tell(f"{interfaces:,} interfaces, round {number + 1}")
            with product.restarted() as restarted:
                first.sweep(restarted, interfaces, behind=0)
                later.sweep(restarted, interfaces, behind=0)
        for _ in range(_rounds(sizes.backlog_repeats, _APPENDED, interfaces)):
            tell(f"{interfaces:,} interfaces get an append")
            fleet.append()
            appended.sweep(product, interfaces, behind=interfaces)
    return [
        *first.rows(interfaces, "all complete, first sweep"),
        *later.rows(interfaces, "all complete, later sweeps"),
        *appended.rows(interfaces, "all appended to"),
    ]


def _rounds(most: int, swept: int, interfaces: int) -> int:
    """Return how many rounds sweep so many interfaces in all; one at least, since Azurite takes minutes for 10,000."""
    return min(most, max(1, swept // interfaces))
