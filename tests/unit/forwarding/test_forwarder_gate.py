"""Nothing happens to a blob that does not pass the gate, whoever names it; it is logged once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.admission import AdmittedListing
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.options import ForwardOptions, SweepOptions
from flowlog_core.forwarding.outcome import Outcome, RunResult
from flowlog_core.forwarding.ports import BlobListing
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.forwarding.sweep_report import SweepReport
from flowlog_core.operations.backfill.backfill import Backfill, BackfillOptions
from flowlog_core.operations.backfill.report import BackfillReport
from flowlog_core.source.blob import SourceBlob
from tests.support.announcements import created
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import GATE, Setup
from tests.support.memory import AtOnce

REFUSED = [
    SourceBlob("other", VNET.container, VNET.name),
    SourceBlob(VNET.account, "flowlog-quarantine", VNET.name),
    SourceBlob(VNET.account, VNET.container, "notes.txt"),
    SourceBlob(VNET.account, VNET.container, f"../{VNET.container}/{VNET.name}"),
    SourceBlob(VNET.account, VNET.container, f"\x1b[2J{VNET.name}"),
    SourceBlob(VNET.account, VNET.container, "x" * 5000 + VNET.name),
]
ODD = SourceBlob(VNET.account, VNET.container, VNET.name.replace("/NETWORKWATCHER", "//NETWORKWATCHER"))
OTHER = SourceBlob(VNET.account, VNET.container, VNET.name.replace("PT1H.json", "readme.txt"))


class Filled(Setup):
    """A forwarder that has to ask when the first run was, with all of these blobs in its accounts."""

    def __init__(self, *blobs: SourceBlob) -> None:
        super().__init__(ForwardOptions(start="now"))
        for blob in blobs:
            self.blobs.put(blob, document([vnet_record(2)]))
        self.clock.seconds += 600  # they are quiet

    def assert_untouched(self) -> None:
        assert self.checkpoints.blobs == set()
        assert (self.blobs.reads, self.sink.sends, self.quarantine.documents) == ([], 0, {})

    def sweep(self) -> SweepReport:
        return Sweeper(
            listing=AdmittedListing(self.blobs, GATE, self.log),
            checkpoints=self.checkpoints,
            forward=self.forwarder.forward,
            first_hour=self.forwarder.first_hour,
            executor=AtOnce(),
            clock=self.clock,
            log=self.log,
            stop=self.stop,
            options=SweepOptions(((VNET.account, VNET.container),), run_seconds=240),
        ).sweep()

    def backfill(self, listing: BlobListing | None = None) -> BackfillReport:
        selection = Selection(
            ((VNET.account, VNET.container),),
            datetime(2026, 11, 20, 23, tzinfo=UTC),
            datetime(2026, 11, 21, tzinfo=UTC),
        )
        return Backfill(
            self.ports,
            listing=listing or AdmittedListing(self.blobs, GATE, self.log),
            checkpoints=self.checkpoints,
            executor=AtOnce(),
            options=BackfillOptions(selection, self.options),
        ).run(lambda _: None)


@pytest.mark.parametrize("blob", REFUSED, ids=range(len(REFUSED)))
def test_a_blob_that_does_not_pass_is_skipped_before_any_request_and_logged_once(blob: SourceBlob) -> None:
    setup = Filled(blob)

    assert setup.forwarder.forward(blob) == RunResult(Outcome.SKIPPED)

    setup.assert_untouched()
    assert setup.checkpoints.first_run_metadata == {}
    ((name, fields),) = setup.log.lines
    assert (name, fields["reason"]) == ("flowlog.ignored", GATE.refusal(blob))
    shown = str(fields["blob"])
    assert len(shown) <= 256
    assert shown.isprintable()


def test_the_name_that_is_logged_is_what_somebody_asked_for() -> None:
    setup = Filled()

    setup.forwarder.forward(REFUSED[1])

    assert setup.log.of("flowlog.ignored")[0]["blob"] == REFUSED[1].path


def test_a_message_gets_the_blobs_that_pass_forwarded_and_each_other_one_logged() -> None:
    setup = Filled(VNET, *REFUSED)
    junk = [created(), b"junk", created(VNET).replace(b"BlobCreated", b"BlobDeleted")]

    setup.forwarder.forward_announced(created(*REFUSED, VNET))
    for message in junk:
        setup.forwarder.forward_announced(message)

    assert setup.checkpoints.blobs == {VNET}
    assert len(setup.flows()) == 2
    assert len(setup.log.of("flowlog.ignored")) == len(REFUSED) + 2  # an empty array says nothing


def test_a_blob_that_fails_does_not_stop_the_others_of_its_message_and_the_message_fails() -> None:
    later = replace(VNET, name=VNET.name.replace("00155D123456", "00155D999999"))
    setup = Filled(later)
    setup.blobs.put(VNET, document([b'{"bad":1}']))
    setup.quarantine.full = True

    with pytest.raises(StorageError):
        setup.forwarder.forward_announced(created(VNET, later))

    assert len(setup.flows()) == 2


@pytest.mark.parametrize("run", [Filled.sweep, Filled.backfill], ids=["sweep", "backfill"])
def test_what_a_listing_names_oddly_is_left_out_and_logged_and_other_files_are_no_fault(
    run: Callable[[Filled], Any],
) -> None:
    setup = Filled(VNET, ODD, OTHER)

    run(setup)

    assert setup.checkpoints.blobs == {VNET}
    assert len(setup.flows()) == 2
    assert setup.log.of("flowlog.ignored") == [{"reason": GATE.refusal(ODD), "blob": ODD.path}]


def test_a_backfill_ends_though_its_listing_names_what_the_gate_refuses() -> None:
    setup = Filled(ODD)

    report = setup.backfill(setup.blobs)

    assert [(fault.blob, fault.reason) for fault in report.faults] == [(ODD, "the settings do not name it")]


def test_a_sweep_does_not_wait_for_what_it_will_never_forward() -> None:
    setup = Filled(ODD)

    report = setup.sweep()

    assert (report.seen, report.behind, report.oldest_lag_seconds, report.complete) == (0, 0, 0, True)
