"""The sweep: what it forwards, what it leaves alone, and what it reports."""

from datetime import timedelta

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import RunResult
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import NSG_CONTAINER
from tests.unit.forwarding.sweeping import HOUR, MINUTE, Listing, Sweeping


def test_blobs_that_no_event_announced_are_forwarded_and_counted() -> None:
    setup = Sweeping()
    setup.put(0)
    setup.put(1, resource="deep/er/and/deeper", minutes_ago=25)
    setup.put(1, resource="deep/er", mac="00155D000002")
    done = setup.put(2)
    setup.forwarder.forward(done)

    report = setup.sweeper().sweep()

    assert (report.seen, report.behind, report.caught, report.failed) == (4, 3, 3, 0)
    assert report.oldest_lag_seconds == 25 * 60
    assert report.complete
    assert len(setup.flows()) == 8
    assert setup.log.of("flowlog.sweep") == [report.fields()]


def test_a_second_sweep_finds_nothing_behind() -> None:
    setup = Sweeping()
    setup.put(0)
    sweeper = setup.sweeper()
    sweeper.sweep()

    assert sweeper.sweep().behind == 0
    assert len(setup.flows()) == 2


def test_the_last_append_of_an_hour_is_caught_though_its_event_was_lost() -> None:
    setup = Sweeping()
    blob = setup.put(1, minutes_ago=40)
    setup.forwarder.forward(blob)
    setup.blobs.put(blob, document([vnet_record(2), vnet_record(3, number=1)]))
    setup.clock.seconds += 300

    assert setup.sweeper().sweep().caught == 1
    assert len(setup.flows()) == 5


def test_a_run_that_ended_before_its_blob_is_gone_on_with() -> None:
    setup = Sweeping()
    blob = setup.put(0)
    lease = setup.checkpoints.acquire(blob)
    assert lease is not None
    lease.read()
    lease.commit(Checkpoint(etag=setup.blobs.etag(blob), complete=False))
    lease.release()

    assert setup.sweeper().sweep().caught == 1


def test_a_blob_of_the_same_length_but_another_etag_is_behind() -> None:
    setup = Sweeping()
    blob = setup.put(0)
    setup.forwarder.forward(blob)
    setup.clock.seconds -= 300
    setup.blobs.put(blob, document([vnet_record(2)]).replace(b"10.0.0.4", b"10.0.0.5"))
    setup.clock.seconds += 300

    assert setup.sweeper().sweep().caught == 1
    assert len(setup.flows()) == 4


def test_a_blob_that_was_written_just_now_is_left_to_its_event() -> None:
    setup = Sweeping()
    setup.put(0, minutes_ago=1)

    report = setup.sweeper(grace_seconds=120).sweep()

    assert (report.seen, report.behind) == (1, 0)


def test_other_blobs_and_older_hours_are_left_alone() -> None:
    setup = Sweeping()
    setup.put(4)
    blob = setup.put(0)
    setup.blobs.put(SourceBlob(blob.account, blob.container, blob.name.replace("PT1H", "other")), b"{}")

    report = setup.sweeper(hours=3, grace_seconds=0).sweep()

    assert (report.seen, report.caught) == (1, 1)


def test_hours_before_the_start_are_not_looked_at() -> None:
    setup = Sweeping(ForwardOptions(start="now"))
    setup.put(1)
    setup.put(0)

    assert setup.sweeper().sweep().seen == 1


# Late appends, and late blobs.


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_what_is_appended_hours_late_arrives_though_the_process_saw_the_hour_complete(hours: int) -> None:
    setup = Sweeping()
    sweeper = setup.sweeper(hours=hours, max_hours=168)
    blob = setup.put(0)
    for _ in range(hours + 1):
        sweeper.sweep()
        setup.advance(HOUR)
    setup.advance(-HOUR)
    assert len(setup.flows()) == 2

    setup.write(blob, records=2)

    assert sweeper.sweep().caught == 1
    assert len(setup.flows()) == 4


def test_a_blob_that_appears_hours_late_arrives_though_the_process_saw_its_hour_empty() -> None:
    setup = Sweeping()
    sweeper = setup.sweeper()
    setup.put(0)
    for _ in range(3):
        sweeper.sweep()
        setup.advance(HOUR)

    setup.put(3, mac="00155D000002")
    setup.put(3, resource="another")

    assert sweeper.sweep().caught == 2


def test_a_resource_that_appears_below_another_is_found_within_the_hour() -> None:
    setup = Sweeping()
    sweeper = setup.sweeper()
    setup.put(0)
    sweeper.sweep()
    setup.put(0, resource="net/subnet")
    setup.advance(HOUR)

    assert sweeper.sweep().caught == 1


def test_a_checkpoint_that_somebody_deleted_is_noticed_within_the_hour() -> None:
    setup = Sweeping()
    sweeper = setup.sweeper()
    blob = setup.put(0)
    sweeper.sweep()
    sweeper.sweep()
    setup.checkpoints.delete(blob)
    setup.advance(HOUR)

    assert sweeper.sweep().caught == 1


@pytest.mark.parametrize("swept_before", [timedelta(seconds=5), timedelta(seconds=119), 5 * MINUTE, 55 * MINUTE])
def test_what_is_appended_at_the_very_end_of_the_look_back_arrives_with_a_later_sweep(swept_before: timedelta) -> None:
    setup = Sweeping()
    sweeper = setup.sweeper(hours=1)
    blob = setup.put(0)
    setup.advance(90 * MINUTE - swept_before)
    sweeper.sweep()
    setup.advance(swept_before - timedelta(seconds=1))
    setup.write(blob, records=2, minutes_ago=0)  # a second before the hour leaves the look-back

    for wait in (MINUTE, 4 * MINUTE, 4 * MINUTE):  # the first of them finds it within the grace
        setup.advance(wait)
        sweeper.sweep()

    assert len(setup.flows()) == 4


# Archived blobs.


def test_archived_blobs_are_skipped_without_a_checkpoint_and_reported_in_one_line() -> None:
    setup = Sweeping()
    archived = [setup.put(1, resource=f"net{number:02d}") for number in range(12)]
    setup.put(1)
    for blob in archived:
        setup.blobs.archive(blob)

    report = setup.sweeper().sweep()

    assert (report.seen, report.behind, report.caught, report.failed, report.complete) == (13, 1, 1, 0, True)
    assert report.oldest_lag_seconds == 10 * 60
    assert setup.log.of("flowlog.archived") == [{"count": 12, "blobs": [blob.path for blob in archived[:10]]}]
    assert setup.checkpoints.find(archived, "") == {}
    assert setup.log.of("flowlog.fault") == []


def test_an_archived_blob_flows_once_it_is_rehydrated_within_the_look_back() -> None:
    setup = Sweeping()
    sweeper = setup.sweeper()
    blob = setup.put(0)
    setup.blobs.archive(blob)
    for _ in range(3):
        assert sweeper.sweep().complete
        setup.advance(HOUR)
    setup.blobs.rehydrate(blob)

    assert sweeper.sweep().caught == 1
    assert len(setup.log.of("flowlog.archived")) == 3


def test_a_blob_that_was_archived_after_it_was_forwarded_is_not_reported() -> None:
    setup = Sweeping()
    blob = setup.put(1)
    setup.forwarder.forward(blob)
    setup.blobs.archive(blob)

    setup.sweeper().sweep()

    assert setup.log.of("flowlog.archived") == []


# A lease that a killed process left.


def test_a_lease_that_a_killed_process_left_spends_the_event_and_the_next_sweep_forwards_the_blob() -> None:
    setup = Sweeping()
    blob = setup.put(0, minutes_ago=0)
    assert setup.checkpoints.acquire(blob) is not None  # and nobody will release it
    setup.advance(timedelta(seconds=59))

    setup.forwarder.forward(blob)  # returns, so that the platform takes the event for handled

    assert [fields["outcome"] for fields in setup.log.of("flowlog.run")] == ["leaseHeld"]
    assert setup.flows() == []

    setup.advance(5 * MINUTE)
    assert setup.sweeper().sweep().caught == 1
    assert len(setup.flows()) == 2


def test_what_another_run_holds_is_not_counted_as_caught_and_left_to_the_next_sweep() -> None:
    setup = Sweeping()
    blob = setup.put(0)
    lease = setup.checkpoints.acquire(blob)
    assert lease is not None
    sweeper = setup.sweeper()

    report = sweeper.sweep()
    assert (report.behind, report.caught, report.complete) == (1, 0, False)

    lease.release()
    assert sweeper.sweep().complete


# Faults.


def test_a_fault_of_one_blob_does_not_stop_the_others_and_the_sweep_is_not_complete() -> None:
    setup = Sweeping()
    bad = setup.put(0, mac="00155D000001")
    setup.put(0, mac="00155D000002")
    setup.checkpoints.write(bad, {"schema": "99"})

    setup.checkpoints.keep_last_sweep(LastSweep(setup.clock.now() - 5 * MINUTE))

    report = setup.sweeper().sweep()

    assert (report.caught, report.failed, report.complete) == (1, 1, False)
    assert len(setup.log.of("flowlog.fault")) == 1
    assert setup.kept.time == setup.clock.now()  # no later try can do better: it costs the others nothing


def test_an_error_that_nobody_foresaw_does_not_stop_the_others_and_is_raised_in_the_end() -> None:
    setup = Sweeping()
    bad, good = setup.put(0, resource="a"), setup.put(0, resource="b")

    def forward(blob: SourceBlob, until: float) -> RunResult:
        if blob == bad:
            raise ZeroDivisionError("with 10.0.0.4 in it")
        return setup.forwarder.forward(blob, until)

    with pytest.raises(ZeroDivisionError):
        setup.sweeper(forward=forward).sweep()

    assert setup.arrived() == [good]
    fault = {"blob": bad.path, "error": "ZeroDivisionError", "reason": "not foreseen"}
    assert setup.log.of("flowlog.fault") == [fault]
    (line,) = setup.log.of("flowlog.sweep")
    assert (line["caught"], line["failed"], line["complete"]) == (1, 1, False)


@pytest.mark.parametrize(("unlisted", "faults"), [("prefixes", 1), ("blobs", 3)])
@pytest.mark.parametrize("container", [NSG_CONTAINER, VNET.container])
def test_a_container_that_cannot_be_listed_is_a_fault_and_does_not_stop_the_others(
    container: str, unlisted: str, faults: int
) -> None:
    setup = Sweeping()
    for name in "abcdefg":
        setup.put(0, resource=name, container=NSG_CONTAINER)
        setup.put(0, resource=name, container=VNET.container)

    def fail(call: str, place: str, _: str) -> None:
        if (call, place) == (unlisted, container):
            raise StorageError("down")

    report = setup.sweeper(listing=Listing(setup.blobs, fail)).sweep()

    assert (report.caught, report.failed, report.complete) == (7, faults, False)
    fault = {"account": VNET.account, "container": container, "error": "StorageError", "reason": "down"}
    assert setup.log.of("flowlog.fault") == [fault] * faults  # and not for each of its resources and hours
    setup.advance(5 * MINUTE)
    assert setup.sweeper().sweep().complete


def test_a_resource_that_cannot_be_listed_does_not_stop_the_others_of_its_container() -> None:
    setup = Sweeping()
    blobs = [setup.put(hours, resource=name) for hours in (3, 2, 1, 0) for name in "abc"]

    def fail(call: str, _: str, under: str) -> None:
        if call == "blobs" and "/b/" in under:
            raise StorageError("down")

    listing = Listing(setup.blobs, fail)
    for _ in range(2):
        report = setup.sweeper(listing=listing, page_resources=2).sweep()
        assert (report.failed, report.complete) == (1, False)

    assert setup.arrived() == [blob for blob in blobs if "/b/" not in blob.name]
    assert setup.sweeper().sweep().caught == 4
