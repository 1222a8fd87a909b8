"""A record whose flows take much memory: what is good before it is committed, and one run forms one at a time."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from flowlog_core.decode.scanner import Scanner
from flowlog_core.errors import SendError
from flowlog_core.forwarding.outcome import Outcome
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup, assert_tiles
from tests.support.memory import ManualClock

LARGE = vnet_record(60, number=1, rule="r" * 100_000)
"""Its flows take 6 MB."""


def _nothing() -> None:
    pass


@dataclass
class WatchedTurn:
    """A turn that notes who has it; another run has it for so many tries first."""

    clock: ManualClock
    taken_by_other: int = 0
    held: bool = False
    takes: int = 0
    before_take: Callable[[], None] = _nothing
    before_release: Callable[[], None] = _nothing

    def acquire(self, *, timeout: float) -> bool:
        assert not self.held
        if self.taken_by_other:
            self.taken_by_other -= 1
            self.clock.sleep(timeout)
            return False
        self.before_take()
        self.held = True
        self.takes += 1
        return True

    def release(self) -> None:
        assert self.held
        self.before_release()
        self.held = False


def new_setup(*records: bytes, taken_by_other: int = 0) -> tuple[Setup, WatchedTurn]:
    clock = ManualClock()
    turn = WatchedTurn(clock, taken_by_other)
    setup = Setup(clock=clock, large_records=turn)
    setup.blobs.put(VNET, document(list(records)))
    return setup, turn


def test_what_is_good_before_a_large_record_is_committed_before_it_is_formed() -> None:
    setup, turn = new_setup(vnet_record(2), LARGE, vnet_record(3, number=2))
    seen: list[tuple[int, int]] = []
    turn.before_take = lambda: seen.append((setup.checkpoints.stored(VNET).flows, len(setup.flows())))

    report = setup.forward()

    assert seen == [(2, 2)]
    assert (report.outcome, report.flows, turn.takes, turn.held) == (Outcome.COMPLETE, 65, 1, False)
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)


def test_a_large_record_is_sent_before_another_run_has_its_turn() -> None:
    setup, turn = new_setup(LARGE, vnet_record(3, number=2), LARGE)
    sent: list[int] = []
    turn.before_release = lambda: sent.append(len(setup.flows()))

    assert setup.forward().flows == 123

    assert (turn.takes, sent) == (2, [60, 123])


def test_records_of_usual_size_need_no_turn() -> None:
    setup, turn = new_setup(*(vnet_record(200, number=number) for number in range(5)))
    assert setup.forward().flows == 1000
    assert turn.takes == 0


def test_a_record_that_is_large_itself_waits_for_its_turn_before_it_is_parsed() -> None:
    big = vnet_record(1)[:-1] + b',"more":"' + b"x" * 1_100_000 + b'"}'
    setup, turn = new_setup(vnet_record(2), big)
    assert setup.forward().flows == 3
    assert turn.takes == 1


def test_a_run_that_waits_for_its_turn_keeps_its_lease_and_goes_on() -> None:
    setup, turn = new_setup(vnet_record(2), LARGE, taken_by_other=300)

    report = setup.forward()

    assert setup.clock.seconds >= 150  # more than two leases
    assert (report.outcome, report.flows, turn.held) == (Outcome.COMPLETE, 62, False)


def test_a_run_whose_time_is_up_while_it_waits_ends_with_what_is_good_and_the_next_one_goes_on() -> None:
    setup, turn = new_setup(vnet_record(2), LARGE, taken_by_other=500)

    report = setup.forward()

    assert (report.outcome, report.flows, turn.takes) == (Outcome.OUT_OF_TIME, 2, 0)
    assert setup.checkpoints.stored(VNET).flows == 2
    turn.taken_by_other = 0
    assert setup.forward().flows == 60
    assert len({flow["id"] for flow in setup.flows()}) == len(setup.flows()) == 62


def test_a_run_that_is_stopped_while_it_waits_ends() -> None:
    setup, turn = new_setup(vnet_record(2), LARGE, taken_by_other=10)
    setup.sink.after_send = setup.stop.request

    report = setup.forward()

    assert (report.outcome, report.flows, turn.takes) == (Outcome.STOPPED, 2, 0)


def test_a_turn_ends_with_a_run_that_fails() -> None:
    setup, turn = new_setup(LARGE)
    setup.sink.lost = lambda _: True

    with pytest.raises(SendError):
        setup.forward()

    assert (turn.takes, turn.held) == (1, False)


def test_tuples_beyond_the_limit_go_to_quarantine_and_the_records_around_them_flow() -> None:
    setup, _ = new_setup(vnet_record(2), vnet_record(700, number=1, rule="r" * 100_000), vnet_record(3, number=2))

    report = setup.forward()

    assert report.outcome is Outcome.COMPLETE
    (item,) = setup.quarantine.items.values()
    assert {(each.reason, each.pointer) for each in item.tuples} == {("output too large", None)}
    assert [each.ordinal for each in item.tuples] == list(range(700 - len(item.tuples), 700))
    assert report.flows + len(item.tuples) == 705


def test_a_pass_leaves_nothing_of_the_log_in_memory() -> None:
    setup, _ = new_setup(vnet_record(2))
    scanners: list[weakref.ref[Scanner]] = []
    made = Scanner.__init__

    def noted(self: Scanner, *arguments: object, **named: object) -> None:
        scanners.append(weakref.ref(self))
        made(self, *arguments, **named)  # type: ignore[arg-type]  # passed on as they are

    gc.disable()  # what is in a cycle would stay
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Scanner, "__init__", noted)
            setup.forward()
    finally:
        gc.enable()

    assert [reference() for reference in scanners] == [None]
