"""What arrives is compared with what was written."""

import pytest

from local.comparison import Comparison
from local.network_watcher.expected import Expected, Flow, Quarantined

FLOW: Flow = {"id": "a-12-b-0", "srcIp": "10.0.0.4", "bytesSrcToDest": None}
OTHER: Flow = FLOW | {"id": "a-12-b-1"}


def comparison() -> Comparison:
    made = Comparison()
    made.expect(Expected("a/c/n", [FLOW, OTHER], [Quarantined(99, "c", (0, 2))]))
    made.put_in_quarantine(2)
    return made


def test_flows_that_arrive_once_as_written_are_all_well() -> None:
    made = comparison()
    assert not made.wait_until_even(0)

    made.arrive("a/c/n", [OTHER])
    made.arrive("a/c/n", [FLOW])

    assert made.wait_until_even(0)
    assert made.verdict() == []


@pytest.mark.parametrize(
    ("arrivals", "fault"),
    [
        ([FLOW], "1 flows did not arrive"),
        ([FLOW, OTHER, FLOW], "1 flows arrived again, or were never written"),
        ([FLOW, OTHER, FLOW | {"id": "x"}], "1 flows arrived again, or were never written"),
        ([FLOW, OTHER | {"bytesSrcToDest": 0}], "1 flows arrived with other values"),
        ([FLOW, dict(reversed(OTHER.items()))], "1 flows arrived with other values"),
    ],
)
def test_what_differs_is_in_the_verdict(arrivals: list[Flow], fault: str) -> None:
    made = comparison()
    for flow in arrivals:
        made.arrive("a/c/n", [flow])

    assert fault in made.verdict()


def test_what_is_missing_in_quarantine_is_in_the_verdict() -> None:
    made = Comparison()
    made.expect(Expected("a/c/n", [], [Quarantined(99, "c", ())]))

    assert made.verdict() == ["1 more or fewer in quarantine than belong there"]


def test_events_that_are_passed_over_are_counted_and_change_no_verdict() -> None:
    made = Comparison()

    made.pass_over_foreign()
    made.pass_over_replay()

    assert made.verdict() == []
    assert (made.totals.events, made.totals.foreign, made.totals.replays) == (2, 1, 1)
    assert made.wait_for_events(2, timeout=0)
    assert not made.wait_for_events(3, timeout=0)
