"""Some hundreds of histories, and the proof that they would find a bug. `make simulate` plays more."""

import pytest

from tests.endurance.simulation.history import History
from tests.endurance.simulation.planted import PLANTED

HISTORIES = 400
ENOUGH = 3000


def test_nothing_is_lost_and_nothing_comes_twice_in_any_history() -> None:
    results = [History(seed).play() for seed in range(HISTORIES)]

    assert [(result.seed, result.wrong) for result in results if result.wrong] == []
    # They are worth something only if much happens in them.
    assert sum(result.flows for result in results) > 20 * HISTORIES
    assert sum(result.crashes for result in results) > 50


def test_a_seed_is_a_history() -> None:
    assert History(11).play() == History(11).play()


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    with PLANTED[bug]():
        assert any(History(seed).play().wrong for seed in range(ENOUGH))
