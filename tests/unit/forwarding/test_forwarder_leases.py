"""The forwarder's lease: runs that meet, and runs that last."""

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.lease import SHORT_SECONDS, WAIT_SECONDS
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup
from tests.support.memory import MemoryLease


def test_a_run_that_finds_the_blob_held_for_long_goes_away_and_the_holder_looks_again() -> None:
    setup = Setup()
    records = [vnet_record(2), vnet_record(3, number=1)]
    setup.blobs.put(VNET, document(records[:1]))

    def append_meanwhile() -> None:
        if len(setup.sink.events) == 1:
            setup.blobs.put(VNET, document(records))
            held = setup.forwarder.forward(VNET, announced=True)  # its event would be lost, did nobody look
            assert held.outcome is Outcome.LEASE_HELD

    setup.sink.after_send = append_meanwhile

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.COMPLETE
    assert [report.flows for report in result.passes] == [2, 3]
    assert len(setup.flows()) == 5


def test_an_announced_run_that_finds_the_blob_held_waits_and_takes_it_up_itself() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    lease = setup.checkpoints.acquire(VNET)
    assert lease is not None
    setup.clock.before_sleep = lease.release

    result = setup.forwarder.forward(VNET, announced=True)

    (report,) = result.passes
    assert (report.outcome, report.flows) == (Outcome.COMPLETE, 2)
    assert SHORT_SECONDS + 1 < setup.clock.seconds <= WAIT_SECONDS


def test_a_run_that_nothing_announced_does_not_wait_for_a_blob_that_is_held() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.checkpoints.acquire(VNET)

    (report,) = setup.forwarder.forward(VNET).passes

    assert (report.outcome, report.requests) == (Outcome.LEASE_HELD, 1)
    assert setup.clock.seconds == 0


def test_a_run_that_finds_a_dead_owners_lease_twice_ends_and_leaves_the_blob_to_the_sweep() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.checkpoints.acquire(VNET)

    (report,) = setup.forwarder.forward(VNET, announced=True).passes

    assert (report.outcome, report.requests) == (Outcome.LEASE_HELD, 2)
    assert setup.clock.seconds == WAIT_SECONDS


@pytest.mark.parametrize(("seconds", "looks"), [(SHORT_SECONDS, 0), (SHORT_SECONDS + 0.1, 1)])
def test_only_a_run_that_held_its_lease_for_long_looks_at_the_blob_again(seconds: float, looks: int) -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.sink.after_send = lambda: setup.clock.sleep(seconds)
    found: list[str] = []
    setup.forwarder.forward(VNET)
    setup.blobs.put(VNET, document([vnet_record(2), vnet_record(3, number=1)]))
    setup.blobs.before_etag = lambda: found.append("look")

    setup.forwarder.forward(VNET)

    assert len(found) == looks


def test_a_run_that_lost_its_lease_commits_nothing_more() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))

    def lose_the_lease() -> None:
        setup.checkpoints.lapse(VNET)
        assert setup.checkpoints.acquire(VNET) is not None

    setup.sink.after_send = lose_the_lease

    assert setup.forwarder.forward(VNET).outcome is Outcome.LEASE_HELD
    assert setup.checkpoints.stored(VNET).offset == 0
    assert len(setup.log.of("flowlog.conflict")) == 1


def test_a_lease_is_renewed_while_a_long_run_lasts() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=1000, chunk_bytes=3000, batch_bytes=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(24)]))

    def slowly() -> None:
        setup.clock.sleep(25)
        assert setup.checkpoints.acquire(VNET) is None

    setup.sink.before_send = slowly

    assert setup.forward().complete
    assert setup.sink.sends * 25 > 3 * setup.checkpoints.lease_seconds


def test_a_lease_that_cannot_be_renewed_does_not_keep_a_commit_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.sink.after_send = lambda: setup.clock.sleep(55)  # of 60

    def fail(_: MemoryLease) -> None:
        raise StorageError("down")

    monkeypatch.setattr(MemoryLease, "renew", fail)

    assert setup.forward().complete
    assert setup.checkpoints.stored(VNET).complete
