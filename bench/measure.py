"""Tasks in, their times out: they are run in turns, so that the noise of a shared machine meets all of them alike."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

type Tell = Callable[[str], None]
"""Hears what is being measured."""

GC_STATE: Final = "on, as in the app; collected before each measurement, with the inputs frozen"


class BenchError(Exception):
    """What was measured did not do its work, so that its time means nothing."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be timed.

    Attributes:
        name: What it is called in the results.
        run: Does the work; gives a count that shows that it did.
        result: The count that it must give.
        prepare: What must come before, and is not timed.

    """

    name: str
    run: Callable[[], int]
    result: int
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one figure, a value a round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    def minus(self, other: "Sample") -> "Sample":
        """Subtract another sample, round by round: what both met in a round takes itself away."""
        return Sample(tuple(mine - its for mine, its in zip(self.values, other.values, strict=True)))

    def over(self, other: "Sample") -> "Sample":
        """Divide by another sample, round by round."""
        return Sample(tuple(mine / its for mine, its in zip(self.values, other.values, strict=True)))

    def times(self, factor: float) -> "Sample":
        """Scale, to another unit for one."""
        return Sample(tuple(factor * value for value in self.values))


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a task took, in seconds.

    Attributes:
        processor: Processor time of this process, all its threads together.
        wall: Time as on a clock.

    """

    processor: Sample
    wall: Sample


def in_turns(tasks: Sequence[Task], rounds: int, tell: Tell) -> dict[str, Timing]:
    """Time the tasks, A B C A B C …; a first round, in which tables fill, doesn't count.

    Raises:
        BenchError: A task gave another count than it must.

    """
    times: dict[str, list[tuple[float, float]]] = {task.name: [] for task in tasks}
    gc.collect()
    gc.freeze()  # what is kept here belongs to the measuring: the app's collector would not have it to walk
    try:
        for number in range(rounds + 1):
            tell(f"round {number} of {rounds}")
            for task in tasks:
                times[task.name].append(_time(task))
    finally:
        gc.unfreeze()
    return {
        name: Timing(Sample(tuple(each[0] for each in pairs[1:])), Sample(tuple(each[1] for each in pairs[1:])))
        for name, pairs in times.items()
    }


def _time(task: Task) -> tuple[float, float]:
    if task.prepare:
        task.prepare()
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    result = task.run()
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    if result != task.result:
        raise BenchError(f"{task.name}: counted {result:,} where {task.result:,} were to come")
    return processor, wall
