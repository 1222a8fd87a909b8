"""What is logged of runs: a line for each pass, or sums once a minute and the unusual passes."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.options import ForwardOptions, RunLogForm, RunLogOptions
from flowlog_core.forwarding.outcome import Outcome, PassReport
from flowlog_core.forwarding.run_log import RunLog
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup
from tests.support.memory import ManualClock, MemoryLog

SUMS = ("bytes", "records", "flows", "events", "quarantined", "denied", "requests")
BAD = b'{"time":"2026-11-20T23:59:30Z","category":"FlowLogFlowEvent","flowLogVersion":7}'
FOUR_MINUTES = [vnet_record(2 + each, number=each).replace(b",O,B,NX", b",I,D,NX", 1) for each in range(4)]
"""Records of which one flow each was denied."""


def setup_with(form: RunLogForm, *, lag: float = 10) -> Setup:
    """Make a setup whose clock is so many seconds after the last of the records of `FOUR_MINUTES`."""
    clock = ManualClock()
    clock.began = datetime(2026, 11, 20, 23, 3, 30, 123456, tzinfo=UTC) + timedelta(seconds=lag)
    return Setup(ForwardOptions(start="all", run_log=RunLogOptions(form)), clock)


def blob(number: int) -> SourceBlob:
    return replace(VNET, name=VNET.name.replace("123456", f"{number:06d}"))


def summed(lines: list[Mapping[str, Any]]) -> dict[str, int]:
    return {key: sum(line[key] for line in lines) for key in SUMS}


def test_the_first_run_that_ends_after_the_minute_logs_the_sums_and_its_own() -> None:
    setup = setup_with("minute")
    began = setup.clock.now()
    for number, seconds in enumerate((20, 39, 3, 30)):
        setup.clock.seconds += seconds
        setup.blobs.put(blob(number), document([FOUR_MINUTES[3]]))
        setup.forwarder.forward(blob(number))
        assert len(setup.log.of("flowlog.runs")) == (number >= 2)

    (line,) = setup.log.of("flowlog.runs")
    assert setup.log.of("flowlog.run") == []
    assert (line["from"], line["to"]) == (began.isoformat(), (began + timedelta(seconds=62)).isoformat())
    assert (line["runs"], line["records"], line["flows"], line["events"], line["quarantined"]) == (3, 3, 15, 3, 0)
    assert (line["denied"], line["rules"]) == (3, {"DefaultRule_AllowVnetOutBound": 15})
    assert line["lagSeconds"] == 72

    setup.clock.seconds += 60
    setup.forwarder.forward(blob(0))

    assert [line["runs"] for line in setup.log.of("flowlog.runs")] == [3, 2]
    assert setup.log.of("flowlog.runs")[1]["from"] == line["to"]


def test_where_no_run_read_a_record_there_is_no_lag() -> None:
    setup = setup_with("minute")
    setup.clock.seconds += 60
    setup.forwarder.forward(VNET)

    (line,) = setup.log.of("flowlog.runs")
    assert (line["runs"], line["lagSeconds"], line["rules"]) == (1, None, {})


def test_a_line_of_sums_has_no_address_and_no_name_of_a_blob() -> None:
    setup = setup_with("minute")
    setup.blobs.put(VNET, document(FOUR_MINUTES))
    setup.clock.seconds += 60
    setup.forward()

    (line,) = setup.log.of("flowlog.runs")
    assert "10.0.0.4" not in str(line)
    assert VNET.name not in str(line)


def fail_to_read(setup: Setup) -> None:
    def fail() -> None:
        raise StorageError("the request failed")

    setup.blobs.before_read = fail


def rewrite(setup: Setup) -> None:
    setup.forward()
    setup.blobs.put(VNET, document([vnet_record(1, number=3)]))


def refuse_once(setup: Setup) -> None:
    setup.sink.busy = lambda send: send == 1


def hold_the_lease(setup: Setup) -> None:
    assert setup.checkpoints.acquire(VNET) is not None


UNUSUAL: dict[str, Callable[[Setup], object]] = {
    "quarantine": lambda setup: setup.blobs.put(VNET, document([*FOUR_MINUTES, BAD])),
    "no flow log": lambda setup: setup.blobs.put(VNET, b"no flow log at all" * 20),
    "an end inside a record": lambda setup: setup.blobs.put(VNET, document(FOUR_MINUTES)[:-40]),
    "rewritten": rewrite,
    "throttled": refuse_once,
    "a fault": fail_to_read,
    "held": hold_the_lease,
    "gone": lambda setup: setup.blobs.delete(VNET),
    "archived": lambda setup: setup.blobs.archive(VNET),
    "stopped": lambda setup: setup.stop.request(),
    "lag": lambda setup: setup.clock.sleep(120),
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_an_unusual_pass_has_its_own_line_as_well(what: str) -> None:
    lines = {}
    for form in ("each", "minute"):
        setup = setup_with(form)
        setup.blobs.put(VNET, document(FOUR_MINUTES))
        UNUSUAL[what](setup)
        try:
            setup.forwarder.forward(VNET)
        except StorageError:
            assert what == "a fault"
        lines[form] = setup.log.of("flowlog.run")[-1]

    assert lines["minute"] == {**lines["each"], "summed": True}


def test_a_pass_with_as_much_lag_as_is_usual_has_no_line_of_its_own() -> None:
    setup = setup_with("minute", lag=120)
    setup.blobs.put(VNET, document(FOUR_MINUTES))

    assert setup.forward().lag_seconds == 120
    assert setup.log.lines == []


@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 70), st.sampled_from([b"", b",", b"x,"])), max_size=12)
)
def test_with_both_forms_the_lines_add_up_to_the_same_where_what_is_summed_counts_once(
    steps: list[tuple[int, int, bytes]],
) -> None:
    setups = [setup_with("each"), setup_with("minute")]
    for setup in setups:
        written = {number: [FOUR_MINUTES[3]] for number in range(3)}
        for number, seconds, junk in steps:
            setup.clock.seconds += seconds
            written[number].append(junk + FOUR_MINUTES[number])
            setup.blobs.put(blob(number), document(written[number]))
            setup.forwarder.forward(blob(number))
        setup.clock.seconds += 60
        setup.forwarder.forward(blob(9))
    each, minute = setups

    own = [line for line in minute.log.of("flowlog.run") if "summed" not in line]
    assert summed([*minute.log.of("flowlog.runs"), *own]) == summed(each.log.of("flowlog.run"))
    assert sum(int(str(line["runs"])) for line in minute.log.of("flowlog.runs")) == len(steps) + 1


class InterruptedClock(ManualClock):
    """Lets another thread's run end while a run is about to log."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def monotonic(self) -> float:
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().monotonic()


def test_a_run_that_ends_while_another_one_logs_is_summed_once_and_later() -> None:
    clock, log = InterruptedClock(), MemoryLog()
    run_log = RunLog(log, clock, RunLogOptions("minute"))
    clock.seconds += 60
    clock.meanwhile.append(lambda: run_log.end_run((PassReport(VNET, Outcome.COMPLETE, flows=5),)))

    run_log.end_run((PassReport(VNET, Outcome.COMPLETE, flows=3),))
    clock.seconds += 60
    run_log.end_run(())

    assert [(line["runs"], line["flows"]) for line in log.of("flowlog.runs")] == [(1, 3), (2, 5)]


def test_runs_of_many_threads_are_each_summed_once() -> None:
    clock, log = ManualClock(), MemoryLog()
    run_log = RunLog(log, clock, RunLogOptions("minute"))

    def end_runs() -> None:
        for _ in range(500):
            clock.seconds += 1
            report = PassReport(VNET, Outcome.COMPLETE, flows=3)
            run_log.end_pass(report)
            run_log.end_run((report,))

    threads = [threading.Thread(target=end_runs) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.seconds += 60
    run_log.end_run(())

    lines: list[Mapping[str, Any]] = log.of("flowlog.runs")
    assert sum(line["runs"] for line in lines) == 4001
    assert sum(line["flows"] for line in lines) == 12_000
