"""Times are taken in turns, of tasks that prove their work."""

import gc
from collections.abc import Callable

import pytest

from bench.measure import BenchError, Sample, Task, in_turns
from bench.row import rate_row


def say_nothing(_: str) -> None:
    pass


def test_tasks_run_in_turns_and_the_first_round_does_not_count() -> None:
    ran: list[str] = []

    def task(name: str) -> Task:
        return Task(name, lambda: ran.append(name) or 7, 7, prepare=lambda: ran.append(f"before {name}"))  # type: ignore[func-returns-value]  # None, on purpose

    timings = in_turns([task("a"), task("b")], 2, say_nothing)

    assert ran == ["before a", "a", "before b", "b"] * 3
    assert [len(timing.wall.values) for timing in timings.values()] == [2, 2]
    assert gc.get_freeze_count() == 0


def test_a_task_that_did_not_do_its_work_gives_no_figure() -> None:
    with pytest.raises(BenchError, match="pack: counted 9 where 10 were to come"):
        in_turns([Task("pack", lambda: 9, 10)], 1, say_nothing)
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(
    ("combine", "expected"),
    [(Sample.minus, (1.0, 4.0, 2.0)), (Sample.over, (2.0, 3.0, 1.5))],
)
def test_samples_are_combined_round_by_round(
    combine: Callable[[Sample, Sample], Sample], expected: tuple[float, ...]
) -> None:
    combined = combine(Sample((2.0, 6.0, 6.0)), Sample((1.0, 2.0, 4.0)))

    assert combined == Sample(expected)
    assert combined.median == 2.0


def test_a_rate_tells_its_spread_as_far_as_there_is_one() -> None:
    row = rate_row("s", "x", "scan", Sample((0.5, 1.0, 4.0)), clock="wall", flows=100, size=3_000_000)
    assert (row.low, row.value, row.high, row.megabytes) == (25, 100, 200, 3)

    one = rate_row("s", "x", "scan", Sample((0.5,)), clock="wall", flows=100, size=1)
    assert (one.low, one.high, one.runs) == (None, None, 1)

    # A difference in which noise outweighed the figure once: no rate comes of that round.
    noisy = rate_row("s", "x", "scan", Sample((-0.1, 1.0, 4.0)), clock="wall", flows=100, size=1)
    assert (noisy.low, noisy.value, noisy.high) == (25, 100, None)


def test_a_difference_that_noise_outweighs_is_no_figure() -> None:
    with pytest.raises(BenchError, match="lost in noise"):
        rate_row("s", "x", "scan", Sample((-1.0, -0.5, 1.0)), clock="wall", flows=1, size=1)
