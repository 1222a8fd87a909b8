"""Traffic by time as bars of characters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flowlog_core.operations.report.traffic import Table

_MOST_BARS: Final = 60
_BAR_WIDTH: Final = 40
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))


@dataclass(slots=True)
class Bar:
    """A span of time.

    Attributes:
        time: Its begin.
        flows: Flows in it.
        denied: Of those, the ones denied.
        bytes: Bytes in it, as far as they are known.
        counted: Flows whose bytes are known.

    """

    time: datetime
    flows: int = 0
    denied: int = 0
    bytes: int = 0
    counted: int = 0


def bars(minutes: Table) -> tuple[timedelta, list[Bar]]:
    """Put minutes together to spans of one length, so that there are few enough, with the empty ones between."""
    times = [(datetime.fromisoformat(str(key[0])), total) for key, total in minutes.rows]
    if not times:
        return _STEPS[0], []
    step = next(step for step in _steps() if (times[-1][0] - times[0][0]) // step < _MOST_BARS - 1)
    first = _floor(times[0][0], step)
    made = [Bar(first + number * step) for number in range((times[-1][0] - first) // step + 1)]
    for time, total in times:
        bar = made[(time - first) // step]
        bar.flows += total.flows
        bar.denied += total.denied
        bar.bytes += total.bytes
        bar.counted += total.counted
    return step, made


def drawn(made: list[Bar], character: str) -> list[str]:
    """Draw the bars: of bytes, or of flows where the logs tell no bytes at all."""
    sizes = [bar.bytes for bar in made] if any(bar.counted for bar in made) else [bar.flows for bar in made]
    largest = max(sizes, default=0)
    return [character * (-(-size * _BAR_WIDTH // largest) if size else 0) for size in sizes]


def _steps() -> Iterator[timedelta]:
    """Give spans of a day's round parts, then ever longer ones."""
    yield from _STEPS
    step = _STEPS[-1]
    while True:
        step *= 2
        yield step


def _floor(time: datetime, step: timedelta) -> datetime:
    return time - (time - _EPOCH) % step
