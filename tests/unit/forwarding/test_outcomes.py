"""Why a run ended: in its result, and in the log line of each pass."""

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup
from tests.support.memory import MemorySink


def logged(setup: Setup) -> list[object]:
    return [fields["outcome"] for fields in setup.log.of("flowlog.run")]


def test_a_blob_that_is_forwarded_to_its_end_is_complete() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))

    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert logged(setup) == ["complete"]


def test_a_blob_that_ends_inside_a_record_is_incomplete() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2), vnet_record(1, number=1)])[:-40])

    assert setup.forwarder.forward(VNET).outcome is Outcome.INCOMPLETE
    assert logged(setup) == ["incomplete"]


def test_a_run_whose_time_is_up_is_out_of_time_and_does_not_look_at_the_blob_again() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=30, batch_bytes=1, commit_seconds=60))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(9)]))
    setup.sink.after_send = lambda: setup.clock.sleep(20)

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.OUT_OF_TIME
    assert logged(setup) == ["outOfTime"]
    acquire, checkpoint, read, commit, release = 4, 1, 1, 1, 1  # the checkpoint is made with the first lease
    assert result.passes[0].requests == acquire + checkpoint + read + commit + release


def test_a_run_ends_when_its_callers_time_is_up() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=1000, batch_bytes=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(9)]))
    setup.sink.after_send = lambda: setup.clock.sleep(20)

    assert setup.forwarder.forward(VNET, until=30).outcome is Outcome.OUT_OF_TIME
    assert setup.forwarder.forward(VNET, until=1000).outcome is Outcome.COMPLETE


def test_a_run_that_the_hub_refused_until_its_time_was_up_is_busy() -> None:
    setup = Setup(ForwardOptions(start="all", run_seconds=30))
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.sink.busy = lambda _: True

    assert setup.forwarder.forward(VNET).outcome is Outcome.BUSY
    assert logged(setup) == ["busy"]
    assert setup.log.of("flowlog.fault") == []


def test_a_run_that_finds_the_lease_held_costs_one_request_and_says_so() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    assert setup.checkpoints.acquire(VNET) is not None

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.LEASE_HELD
    assert logged(setup) == ["leaseHeld"]
    assert (setup.blobs.reads, result.passes[0].requests) == ([], 1)


def test_a_blob_that_is_no_flow_log_is_skipped_without_a_pass() -> None:
    setup = Setup()

    result = setup.forwarder.forward(SourceBlob(VNET.account, VNET.container, "notes.txt"))

    assert (result.outcome, result.passes) == (Outcome.SKIPPED, ())


def test_a_blob_that_is_deleted_is_gone() -> None:
    setup = Setup()

    assert setup.forwarder.forward(VNET).outcome is Outcome.GONE
    assert logged(setup) == ["gone"]


def test_a_blob_that_was_never_seen_leaves_no_checkpoint_and_costs_three_requests() -> None:
    setup = Setup()

    (report,) = setup.forwarder.forward(VNET).passes

    assert setup.checkpoints.blobs == set()
    assert report.requests == 3  # the lease, the blob, and the look at it after the pass


def test_a_blob_that_is_deleted_between_two_runs_keeps_its_checkpoint() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.forwarder.forward(VNET)
    before = setup.checkpoints.stored(VNET)
    setup.blobs.delete(VNET)

    (report,) = setup.forwarder.forward(VNET).passes

    assert report.outcome is Outcome.GONE
    assert report.requests == 3  # the lease, the blob, the release
    assert setup.checkpoints.stored(VNET) == before


def test_an_archived_blob_ends_its_run_without_a_fault_and_flows_once_it_is_rehydrated() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.blobs.archive(VNET)

    assert setup.forwarder.forward(VNET).outcome is Outcome.ARCHIVED
    assert logged(setup) == ["archived"]
    assert setup.checkpoints.blobs == set()
    assert setup.log.of("flowlog.fault") == []
    assert setup.checkpoints.blobs == set()

    setup.blobs.rehydrate(VNET)
    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert len(setup.flows()) == 2


def test_a_blob_that_is_archived_as_soon_as_it_was_forwarded_is_complete() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.blobs.before_etag = lambda: setup.blobs.archive(VNET) if setup.sink.sends else None

    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert setup.log.of("flowlog.fault") == []


def test_of_a_blob_that_is_archived_while_it_is_read_what_was_read_is_committed() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", chunk_bytes=2000, batch_bytes=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(9)]))
    setup.sink.after_send = lambda: setup.blobs.archive(VNET)

    assert setup.forwarder.forward(VNET).outcome is Outcome.ARCHIVED
    assert 0 < setup.checkpoints.stored(VNET).flows == len(setup.flows()) < 90

    setup.sink.after_send = lambda: None
    setup.blobs.rehydrate(VNET)
    assert setup.forwarder.forward(VNET).outcome is Outcome.COMPLETE
    assert len({flow["id"] for flow in setup.flows()}) == len(setup.flows()) == 90


def test_a_blob_that_is_deleted_and_written_again_meanwhile_is_read_again() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.forwarder.forward(VNET)
    setup.blobs.delete(VNET)

    def write_once() -> None:
        setup.blobs.before_etag = lambda: None
        setup.blobs.put(VNET, document([vnet_record(2), vnet_record(3, number=1)]))

    setup.blobs.before_etag = write_once
    setup.blobs.before_read = lambda: setup.clock.sleep(3)  # so that it looks at the blob again

    result = setup.forwarder.forward(VNET)

    assert [report.outcome for report in result.passes] == [Outcome.GONE, Outcome.COMPLETE]
    assert len(setup.flows()) == 5


def test_a_pass_that_fails_logs_its_line_and_then_the_fault() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([b'{"bad":1}', vnet_record(2)]))
    setup.quarantine.full = True

    with pytest.raises(StorageError):
        setup.forwarder.forward(VNET)

    assert logged(setup) == ["failed"]
    assert [name for name, _ in setup.log.lines][-2:] == ["flowlog.run", "flowlog.fault"]


# Stopping.


def test_a_stop_ends_the_pass_with_what_was_read_committed_and_the_lease_released() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(30)]))
    setup.sink.after_send = setup.stop.request

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.STOPPED
    checkpoint = setup.checkpoints.stored(VNET)
    assert 0 < checkpoint.flows == len(setup.flows()) < 300
    assert setup.checkpoints.acquire(VNET) is not None


@pytest.mark.parametrize("batch_bytes", [1, 1024 * 1024], ids=["while it reads", "when all is read"])
def test_a_stop_lets_no_further_batch_be_sent(batch_bytes: int) -> None:
    options = ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=batch_bytes)
    setup = Setup(options, sink=MemorySink(batch_events=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(30)]))
    setup.sink.after_send = setup.stop.request

    report = setup.forward()

    assert (report.outcome, setup.sink.sends, len(setup.flows())) == (Outcome.STOPPED, 1, report.flows)


def test_a_run_that_begins_after_a_stop_takes_no_lease_and_reads_nothing() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.stop.request()

    result = setup.forwarder.forward(VNET)

    assert (result.outcome, setup.blobs.reads, setup.checkpoints.blobs) == (Outcome.STOPPED, [], set())
    ((_, fields),) = setup.log.lines
    assert (fields["blob"], fields["outcome"], fields["requests"]) == (VNET.path, "stopped", 0)


def test_a_stop_while_the_hub_is_busy_ends_the_waiting() -> None:
    setup = Setup(ForwardOptions(start="all", run_seconds=600))
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.sink.busy = lambda _: True
    setup.sink.before_send = setup.stop.request

    assert setup.forwarder.forward(VNET).outcome is Outcome.STOPPED
    assert setup.clock.seconds == 0


def test_a_stop_finishes_the_range_of_which_a_part_has_arrived_and_a_second_one_does_not() -> None:
    def stopped(*, at: int, twice: bool) -> Setup:
        setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=600), sink=MemorySink(batch_events=1))
        setup.blobs.put(VNET, document([vnet_record(100)]))  # one range of several events

        def request() -> None:
            if setup.sink.sends == at:
                setup.stop.request()
                if twice:
                    setup.stop.request()

        setup.sink.after_send = request
        setup.sink.busy = lambda send: send == at + 1
        setup.forwarder.forward(VNET)
        return setup

    finished, given_up = stopped(at=2, twice=False), stopped(at=2, twice=True)

    assert len(finished.flows()) == finished.checkpoints.stored(VNET).flows == 100
    assert (len(given_up.sink.events), given_up.checkpoints.stored(VNET).flows) == (2, 0)
    assert given_up.checkpoints.acquire(VNET) is not None


def test_names_of_rules_are_cut_and_made_printable_in_the_log_line() -> None:
    setup = Setup()
    names = ["r" * 100_000, "r" * 99_999 + "s", "Allow\n10.1.2.3\x9b", "DefaultRule_AllowVnetOutBound"]
    setup.blobs.put(VNET, document([vnet_record(2, number=number, rule=name) for number, name in enumerate(names)]))

    setup.forwarder.forward(VNET)

    (line,) = setup.log.of("flowlog.run")
    assert line["rules"] == {"r" * 255 + "…": 4, "Allow�…�": 2, "DefaultRule_AllowVnetOutBound": 2}
