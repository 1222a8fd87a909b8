"""One line of the results."""

from dataclasses import dataclass
from typing import Literal

from bench.measure import BenchError, Sample

type Clock = Literal["processor", "wall"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        section: What it belongs to; `--only` takes its name.
        subject: What was measured: a format of flow logs, mostly.
        figure: What the value is.
        value: The median, unless the figure's name says otherwise.
        unit: Of value, low and high.
        clock: What was read, where the value is made of a time; else None.
        low: The least of the values; None where there was only one, or where it can't be told.
        high: The greatest of them, likewise.
        runs: How many there were.
        megabytes: Where the value is a rate: 1,000,000 bytes of the blob a second.
        times_reference: Where the value is a rate: that over the reference's.
        times_floor: The same over that of `orjson.loads`.
        times_copy: The same over that of copying the output.

    """

    section: str
    subject: str
    figure: str
    value: float
    unit: str
    clock: Clock | None = None
    low: float | None = None
    high: float | None = None
    runs: int = 1
    megabytes: float | None = None
    times_reference: float | None = None
    times_floor: float | None = None
    times_copy: float | None = None


def value_row(section: str, subject: str, figure: str, sample: Sample, unit: str, *, clock: Clock | None = None) -> Row:
    """Make the row of a figure that was measured as such."""
    low, high = (min(sample.values), max(sample.values)) if len(sample.values) > 1 else (None, None)
    return Row(section, subject, figure, sample.median, unit, clock, low, high, len(sample.values))


def rate_row(section: str, subject: str, figure: str, seconds: Sample, *, clock: Clock, flows: int, size: int) -> Row:
    """Make the row of a rate.

    Args:
        section: See `Row`.
        subject: See `Row`.
        figure: See `Row`.
        seconds: How long it took.
        clock: What `seconds` were read from.
        flows: So many flows.
        size: In so many bytes of a blob.

    Raises:
        BenchError: The time is a difference, and the noise was greater.

    """
    median, most, least = seconds.median, max(seconds.values), min(seconds.values)
    if median <= 0:
        raise BenchError(f"{figure}: lost in noise; take more --repeats, a larger --mib, or a quieter machine")
    several = len(seconds.values) > 1
    return Row(
        section,
        subject,
        figure,
        flows / median,
        "flows/s",
        clock,
        low=flows / most if several else None,
        high=flows / least if several and least > 0 else None,
        runs=len(seconds.values),
        megabytes=size / median / 1e6,
    )
