"""A backfill that is stopped, or meets trouble, over the in-memory adapters."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flowlog_core.forwarding.options import ForwardOptions, RunLogOptions
from flowlog_core.operations.backfill.backfill import RUN_SECONDS
from flowlog_core.operations.backfill.report import Ending
from flowlog_core.wiring import SystemClock
from tests.support.flow_logs import document, vnet_record
from tests.support.memory import MemorySink
from tests.unit.operations.backfill.test_backfill import Filling, blob_of, log_of


@pytest.fixture
def setup() -> Filling:
    return Filling()


# The end before the end.


def test_a_stop_commits_what_was_acknowledged_and_releases_the_blob(setup: Filling) -> None:
    for hour in (22, 23):
        setup.blobs.put(blob_of(hour), log_of(60))
    backfill = setup.backfill()
    setup.sink.after_send = backfill.stop

    report = backfill.run(lambda _: None)

    assert (report.stopped, report.endings) == (True, {Ending.STOPPED: 1})
    sent = report.flows
    assert 0 < sent < 120
    assert setup.checkpoints.stored(blob_of(22)).flows == sent
    assert setup.checkpoints.acquire(blob_of(22)) is not None
    assert setup.checkpoints.find([blob_of(23)], "") == {}


def test_what_was_stopped_is_gone_on_with_and_no_flow_comes_twice(setup: Filling) -> None:
    for hour in (21, 22, 23):
        setup.blobs.put(blob_of(hour), log_of(60))
    runs = 0
    while True:
        backfill = setup.backfill()
        setup.sink.after_send = backfill.stop
        runs += 1
        if not backfill.run(lambda _: None).stopped:
            break

    assert runs > 6
    assert len(set(setup.ids())) == len(setup.ids()) == 360


def test_a_stop_ends_the_wait_for_a_busy_hub(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(3))
    backfill = setup.backfill()
    setup.sink.busy = lambda _: True
    setup.sink.before_send = lambda: backfill.stop() if setup.sink.sends == 3 else None

    report = backfill.run(lambda _: None)

    assert (report.stopped, report.flows, setup.sink.sends) == (True, 0, 4)


def test_an_interruption_as_soon_as_the_first_send_gives_nothing_up(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    backfill = setup.backfill()
    setup.sink.after_send = backfill.stop

    report = backfill.run(lambda _: None)

    assert report.stopped
    assert backfill.stops == 1


def test_a_stop_while_a_run_sleeps_wakes_it(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(3))
    backfill = setup.backfill()
    setup.sink.busy = lambda _: True
    setup.waits.after_sleep = backfill.stop

    backfill.run(lambda _: None)

    assert 0 < setup.clock.seconds < 1


def test_after_a_stop_a_range_of_which_a_part_arrived_is_still_finished(setup: Filling) -> None:
    setup.sink = MemorySink(batch_events=1)
    setup.blobs.put(blob_of(), document([vnet_record(100), vnet_record(100, number=1)]))
    backfill = setup.backfill()

    def stop_behind_a_part() -> None:
        if setup.sink.sends == 2:
            backfill.stop()

    setup.sink.before_send = stop_behind_a_part
    setup.sink.busy = lambda send: 2 < send < 5

    report = backfill.run(lambda _: None)

    parts = {event.properties["parts"] for event, _ in setup.sink.events}
    assert parts == {len(setup.sink.events)}
    assert (report.stopped, report.flows) == (True, 100)
    assert setup.run().flows == 100
    assert len(set(setup.ids())) == len(setup.ids()) == 200


def test_a_second_stop_gives_up_a_range_of_which_a_part_arrived(setup: Filling) -> None:
    setup.sink = MemorySink(batch_events=1)
    setup.blobs.put(blob_of(), document([vnet_record(100)]))
    backfill = setup.backfill()
    setup.sink.before_send = lambda: backfill.stop() if setup.sink.sends in {2, 5} else None
    setup.sink.busy = lambda send: send > 2

    report = backfill.run(lambda _: None)

    assert (report.stopped, setup.sink.sends) == (True, 6)
    assert setup.checkpoints.acquire(blob_of()) is not None


def test_a_stop_ends_a_walk_through_empty_hours(setup: Filling) -> None:
    setup.blobs.put(blob_of(20), log_of(1))
    backfill = setup.backfill()
    setup.sink.before_send = backfill.stop

    backfill.run(lambda _: None)

    assert setup.store.listings == 1


def test_some_seconds_after_a_stop_a_range_of_which_a_part_arrived_is_given_up(setup: Filling) -> None:
    setup.sink = MemorySink(batch_events=1)
    setup.sink.busy = lambda send: send > 2
    setup.blobs.put(blob_of(), document([vnet_record(100)]))
    with ThreadPoolExecutor(1) as executor:
        backfill = setup.backfill(executor=executor, clock=SystemClock(), grace_seconds=0)
        setup.sink.before_send = lambda: backfill.stop() if setup.sink.sends == 2 else None

        report = backfill.run(lambda _: None)

    assert (report.stopped, report.endings) == (True, {Ending.STOPPED: 1})
    assert backfill.stops == 2
    assert setup.sink.sends in {3, 4}


# Trouble.


def test_a_blob_is_taken_up_again_for_as_long_as_the_hub_is_busy(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(3))
    setup.sink.busy = lambda _: setup.clock.seconds < 5 * RUN_SECONDS

    report = setup.run()

    assert report.endings == {Ending.COMPLETE: 1}
    assert len(setup.ids()) == 6
    assert setup.clock.seconds >= 5 * RUN_SECONDS


def test_a_blob_of_which_a_range_arrived_in_part_is_taken_up_again_as_well(setup: Filling) -> None:
    setup.sink = MemorySink(batch_events=1)
    setup.blobs.put(blob_of(), document([vnet_record(100)]))
    setup.sink.busy = lambda _: setup.sink.sends > 1 and setup.clock.seconds < 3 * RUN_SECONDS

    report = setup.run()

    assert report.endings == {Ending.COMPLETE: 1}
    assert len(set(setup.ids())) == 100


def test_a_blob_that_takes_longer_than_a_run_is_taken_up_again(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(60))

    def take_long() -> None:
        setup.clock.seconds += 0.9 * RUN_SECONDS

    setup.blobs.before_read = take_long

    report = setup.run()

    assert report.endings == {Ending.COMPLETE: 1}
    assert len(setup.log.of("flowlog.run")) > 5
    assert len(set(setup.ids())) == len(setup.ids()) == 120


def test_a_fault_on_one_blob_does_not_stop_the_others_and_is_told(setup: Filling) -> None:
    for hour in (21, 22, 23):
        setup.blobs.put(blob_of(hour), log_of(2))
    setup.store.out_of_reach = blob_of(22)

    report = setup.run()

    assert report.endings == {Ending.COMPLETE: 2, Ending.FAILED: 1}
    (fault,) = report.faults
    assert (fault.blob, fault.ending) == (blob_of(22), Ending.FAILED)
    assert fault.reason == "out of reach"
    assert report.at_fault == 1


def test_what_was_sent_before_a_fault_is_counted(setup: Filling) -> None:
    setup.blobs.put(blob_of(), document([*(vnet_record(2, number=number) for number in range(20)), b'{"a":1}']))
    setup.quarantine.full = True

    report = setup.run()

    assert report.endings == {Ending.FAILED: 1}
    assert report.flows == len(setup.ids()) > 0


def test_a_hub_that_cannot_be_reached_is_not_tried_for_each_blob(setup: Filling) -> None:
    for hour in (20, 21, 22, 23):
        setup.blobs.put(blob_of(hour), log_of(2))
    setup.sink.lost = lambda _: True

    report = setup.run(parallel=1)

    assert report.broken_off == "connection lost"
    assert report.endings == {Ending.STOPPED: 1}
    assert setup.store.listings == 2
    assert setup.clock.seconds <= RUN_SECONDS


def test_a_listing_that_fails_breaks_off_and_what_was_begun_is_finished(setup: Filling) -> None:
    for hour in (21, 22, 23):
        setup.blobs.put(blob_of(hour), log_of(2))
    setup.store.most_listings = 3

    report = setup.run()

    assert report.broken_off == "no more listings"
    assert report.endings == {Ending.COMPLETE: 2}


def test_a_blob_that_another_run_holds_is_taken_up_once_it_is_free(setup: Filling) -> None:
    held, free = blob_of(21), blob_of(22)
    for blob in (held, free):
        setup.blobs.put(blob, log_of(2))
    lease = setup.hold(held)

    def release() -> None:
        lease.release()

    setup.sink.after_send = release

    report = setup.run()

    assert report.endings == {Ending.COMPLETE: 2}
    assert [event.properties["blob"] for event, _ in setup.sink.events] == [free.path, held.path]


def test_the_blob_of_a_run_that_died_is_waited_for(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    setup.hold(blob_of())

    assert setup.run().endings == {Ending.COMPLETE: 1}
    assert 60 <= setup.clock.seconds < 75


def test_a_blob_that_stays_held_is_told(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    lease = setup.hold(blob_of())
    setup.waits.after_sleep = lease.renew

    report = setup.run()

    assert report.endings == {Ending.HELD: 1}
    assert [(fault.blob, fault.reason) for fault in report.faults] == [(blob_of(), "another run holds it")]


def test_an_archived_blob_is_told_and_not_touched(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    setup.blobs.archive(blob_of())

    report = setup.run()

    assert (report.endings, report.at_fault) == ({Ending.ARCHIVED: 1}, 1)
    assert setup.checkpoints.find([blob_of()], "") == {}


def test_a_blob_that_is_archived_after_it_was_listed_is_told_likewise(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    setup.blobs.before_read = lambda: setup.blobs.archive(blob_of())

    report = setup.run()

    assert (report.endings, report.at_fault) == ({Ending.ARCHIVED: 1}, 1)
    assert [fault.reason for fault in report.faults] == ["it is in the archive tier"]


def test_a_backfill_logs_each_pass_whatever_the_app_does(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))

    setup.run(options=ForwardOptions(run_log=RunLogOptions("minute")))

    assert len(setup.log.of("flowlog.run")) == 1


def test_a_blob_that_breaks_off_inside_a_record_is_told_once_and_its_complete_records_flow(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2)[:-20])

    report = setup.run()

    assert (report.endings, report.flows) == ({Ending.UNFINISHED: 1}, 2)
    assert "inside a record" in report.faults[0].reason
    assert len(setup.log.of("flowlog.run")) == 1


def test_a_blob_that_is_deleted_meanwhile_is_no_fault(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(2))
    setup.blobs.before_read = lambda: setup.blobs.delete(blob_of())

    report = setup.run()

    assert (report.endings, report.at_fault) == ({Ending.GONE: 1}, 0)


def test_blobs_are_taken_up_while_the_listing_goes_on(setup: Filling) -> None:
    for hour in (20, 21, 22, 23):
        setup.blobs.put(blob_of(hour), log_of(2))
    seen: list[int] = []
    setup.sink.before_send = lambda: seen.append(setup.store.listings)

    setup.run()

    assert seen == [1, 2, 3, 4]
