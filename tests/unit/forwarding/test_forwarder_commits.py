"""When a pass commits: at its end, between chunks, and now and then while the hub takes long for a chunk."""

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup, assert_tiles
from tests.support.memory import MemoryLease, MemorySink

RECORDS = [vnet_record(15, number=number) for number in range(100)]  # of 90 events
BESIDES = 4 + 1 + 1 + 1  # acquire, with the checkpoint made; read it, read the blob; release
WAITS = 2.0


class Backlog(Setup):
    """A backlog in one chunk, and a hub that takes three events at a time."""

    def __init__(self, *, send_seconds: float, **options: float) -> None:
        super().__init__(
            ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=40_000, **options),  # type: ignore[arg-type]  # floats
            sink=MemorySink(batch_events=3),
        )
        self.blobs.put(VNET, document(RECORDS))
        self.sink.before_send = lambda: self.clock.sleep(send_seconds)

    def unconfirmed(self) -> int:
        """Return how many of the flows that the hub has are not committed: they would come again after a crash."""
        return len(self.flows()) - self.checkpoints.stored(VNET).flows


def test_a_backlog_that_the_hub_takes_quickly_is_committed_once_for_its_chunk() -> None:
    setup = Backlog(send_seconds=0)

    assert setup.forward().requests == BESIDES + 1


def test_a_slow_hub_makes_a_pass_commit_every_two_seconds() -> None:
    setup = Backlog(send_seconds=0.5)

    report = setup.forward()

    commits = report.requests - BESIDES - 1  # the look at the source after a long pass
    assert report.flows == 1500
    assert 10 < setup.clock.seconds < 20  # so that the lease needs no renewal
    assert commits == pytest.approx(setup.clock.seconds / WAITS, abs=1)


def test_what_comes_again_after_a_crash_is_what_was_sent_in_two_seconds_and_the_batch_under_way() -> None:
    setup = Backlog(send_seconds=0.5)
    repeated: list[int] = []
    setup.sink.after_send = lambda: repeated.append(setup.unconfirmed())

    setup.forward()

    batch = 3 * max(int(event.properties["flows"]) for event, _ in setup.sink.events)
    assert max(repeated) <= (WAITS / 0.5 + 2) * batch


def test_a_pass_whose_commits_fail_for_a_while_goes_on_and_commits_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Backlog(send_seconds=0.5)
    commit, failures = MemoryLease.commit, 0

    def fail_at_first(self: MemoryLease, checkpoint: Checkpoint) -> None:
        nonlocal failures
        if setup.clock.seconds < 10:
            failures += 1
            raise StorageError("down")
        commit(self, checkpoint)

    monkeypatch.setattr(MemoryLease, "commit", fail_at_first)

    report = setup.forward()

    assert failures > 1
    assert report.outcome is Outcome.COMPLETE
    assert len(setup.flows()) == report.flows == 1500
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)
    assert setup.log.of("flowlog.throttled")[0]["reason"] == "down"


def test_the_last_commit_of_a_pass_is_made_once_more_where_it_fails_so_that_nothing_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setup = Backlog(send_seconds=0)
    commit, failures = MemoryLease.commit, [StorageError("busy")]

    def fail_once(self: MemoryLease, checkpoint: Checkpoint) -> None:
        if failures:
            raise failures.pop()
        commit(self, checkpoint)

    monkeypatch.setattr(MemoryLease, "commit", fail_once)

    assert setup.forward().outcome is Outcome.COMPLETE
    assert setup.unconfirmed() == 0


def test_a_pass_whose_commits_fail_until_its_time_is_up_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Backlog(send_seconds=0.5, run_seconds=8)

    def fail(*_: object) -> None:
        raise StorageError("down")

    monkeypatch.setattr(MemoryLease, "commit", fail)

    with pytest.raises(StorageError, match="down"):
        setup.forwarder.forward(VNET)

    assert setup.checkpoints.stored(VNET).offset == 0
    assert len(setup.log.of("flowlog.fault")) == 1
