"""Stored progress that can't be read is one fault, for its blob or for the start, and stays as it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowlog_core.errors import CheckpointUnreadableError
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.options import ForwardOptions, SweepOptions
from flowlog_core.forwarding.outcome import Outcome
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.forwarding.sweep_report import SweepReport
from flowlog_core.operations.backfill.backfill import Backfill, BackfillOptions
from flowlog_core.operations.backfill.report import Ending
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup
from tests.support.memory import AtOnce

PLACES = ((VNET.account, VNET.container),)
ELEVEN = datetime(2026, 11, 20, 23, tzinfo=UTC)
OTHER = replace(VNET, name=VNET.name.replace("00155D123456", "00155D999999"))
CHANGES: dict[str, dict[str, str]] = {
    "offset over what an event's property holds": {"offset": str(2**63), "length": str(2**63)},
    "range after the offset": {"rangeend": "999999"},
    "a generation that has no next one": {"generation": str(2**63 - 1)},
    "more pending than quarantined": {"pendingquarantined": "5"},
    "a later schema": {"schema": "2"},
    "no schema": {"schema": "x"},
    "a time without a zone": {"time": "2026-11-20T23:59:59"},
}


class Site(Setup):
    """A blob whose checkpoint was changed by somebody, with an append to forward, and one beside it."""

    def __init__(self, changes: dict[str, str]) -> None:
        super().__init__()
        self.blobs.put(VNET, document([vnet_record(2)]))
        self.forwarder.forward(VNET)
        self.metadata = dict(self.checkpoints.metadata(VNET)) | changes
        self.checkpoints.write(VNET, self.metadata)
        for blob in (VNET, OTHER):
            self.blobs.put(blob, document([vnet_record(2), vnet_record(3, number=1)]))
        self.clock.seconds += 600
        self.sink.events.clear()
        self.sink.sends = 0
        self.log.lines.clear()

    def faults(self) -> list[str]:
        """Return the blobs of the faults logged."""
        return [str(fields["blob"]) for fields in self.log.of("flowlog.fault")]


def sweep(setup: Setup) -> SweepReport:
    return Sweeper(
        listing=setup.blobs,
        checkpoints=setup.checkpoints,
        forward=setup.forwarder.forward,
        first_hour=setup.forwarder.first_hour,
        executor=AtOnce(),
        clock=setup.clock,
        log=setup.log,
        stop=setup.stop,
        options=SweepOptions(PLACES, run_seconds=240),
    ).sweep()


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_run_fails_at_once_with_one_readable_fault_and_leaves_the_checkpoint_as_it_is(
    changes: dict[str, str],
) -> None:
    site = Site(changes)
    began = site.clock.monotonic()

    with pytest.raises(CheckpointUnreadableError):
        site.forwarder.forward(VNET)

    (fault,) = site.log.of("flowlog.fault")
    assert (fault["blob"], fault["error"]) == (VNET.path, "CheckpointUnreadableError")
    assert str(fault["reason"]).startswith(f"checkpoints/{VNET.path}: ")
    assert "delete it to forward the blob from its start" in str(fault["reason"])
    assert (site.clock.monotonic(), site.sink.sends) == (began, 0)
    assert site.checkpoints.metadata(VNET) == site.metadata
    assert site.checkpoints.acquire(VNET) is not None  # the lease is released


def test_a_sweep_goes_on_with_the_other_blobs() -> None:
    site = Site(CHANGES["a later schema"])

    report = sweep(site)

    assert (report.behind, report.caught, report.failed) == (2, 1, 1)
    assert site.faults() == [VNET.path]
    assert len(site.flows()) == 5


def test_a_backfill_goes_on_with_the_other_blobs_and_names_this_one() -> None:
    site = Site(CHANGES["a later schema"])

    report = Backfill(
        site.ports,
        listing=site.blobs,
        checkpoints=site.checkpoints,
        executor=AtOnce(),
        options=BackfillOptions(Selection(PLACES, ELEVEN, ELEVEN + timedelta(hours=1)), site.options),
    ).run(lambda _: None)

    assert (report.endings[Ending.COMPLETE], report.endings[Ending.FAILED]) == (1, 1)
    assert [(fault.blob, "deploy that version again" in fault.reason) for fault in report.faults] == [(VNET, True)]
    assert site.checkpoints.metadata(VNET) == site.metadata


def test_a_checkpoint_that_was_deleted_as_its_fault_says_is_begun_again() -> None:
    site = Site(CHANGES["a later schema"])
    site.checkpoints.write(VNET, {})

    assert site.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert len(site.flows()) == 5


# The time of the first run.


def starting(metadata: dict[str, str]) -> Setup:
    setup = Setup(ForwardOptions(start="now"))
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.checkpoints.first_run_metadata = metadata
    setup.clock.seconds += 600
    return setup


@pytest.mark.parametrize("metadata", [{"time": "soon"}, {"other": "1"}, {"time": "2026-11-20"}])
def test_a_first_run_without_a_time_is_one_fault_for_each_run_and_each_sweep(metadata: dict[str, str]) -> None:
    setup = starting(metadata)

    for invocation in (lambda: setup.forwarder.forward(VNET), lambda: sweep(setup)):
        setup.log.lines.clear()
        with pytest.raises(CheckpointUnreadableError):
            invocation()
        (fault,) = setup.log.of("flowlog.fault")
        assert "set FLOWLOG_START to a time or to all, or delete this blob" in str(fault["reason"])

    assert (setup.checkpoints.blobs, setup.checkpoints.first_run_metadata) == (set(), metadata)


def test_a_first_run_that_was_mended_counts_for_the_same_process() -> None:
    setup = starting({"time": "soon"})
    with pytest.raises(CheckpointUnreadableError):
        setup.forwarder.forward(VNET)

    setup.checkpoints.first_run_metadata = {}

    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("time", ["2026-11-20T23:15:00+00:00", "2026-11-21T04:45:00+05:30"])
def test_the_hour_of_the_first_run_is_that_of_utc(time: str) -> None:
    assert starting({"time": time}).forwarder.first_hour() == ELEVEN
