"""Real processes in trouble, in short. `make crash` runs it at length."""

from tests.endurance.crashes import Torment


def test_hosts_that_are_killed_lose_nothing_and_repeat_only_the_same_flows() -> None:
    verdict = Torment("short").run(kills=6)

    assert verdict.wrong == []
    assert verdict.kills == 6
    assert verdict.between > 0
    assert verdict.written > 1000


def test_without_a_crash_nothing_comes_twice_whatever_storage_and_hub_answer() -> None:
    verdict = Torment("no crash").run(kills=0, seconds=10)

    assert verdict.wrong == []
    assert verdict.repeated == 0
    assert verdict.troubles > 10
    assert verdict.refused > 0
