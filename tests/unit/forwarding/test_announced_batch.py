"""A batch of announcements: each blob once, none fails the others, and what has no time is left to the sweep."""

from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.announced_batch import BatchForwarder
from flowlog_core.forwarding.lease import WAIT_SECONDS
from flowlog_core.source.blob import SourceBlob
from tests.support.announcements import created
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup
from tests.support.memory import AtOnce

RUN_SECONDS = 240
BLOBS = [replace(VNET, name=VNET.name.replace("00155D123456", f"00155D00000{number}")) for number in range(3)]
BAD = document([b'{"bad":1}'])


class Batch(Setup):
    """Three blobs of two flows each."""

    def __init__(self) -> None:
        super().__init__()
        for blob in BLOBS:
            self.blobs.put(blob, document([vnet_record(2)]))

    def forward_batch(self, *messages: bytes, executor: Executor | None = None) -> None:
        BatchForwarder(
            self.forwarder,
            executor=executor or AtOnce(),
            clock=self.clock,
            log=self.log,
            run_seconds=RUN_SECONDS,
        ).forward_announced_batch(messages)

    def outcomes(self) -> list[tuple[str, str]]:
        """The blob and the outcome of each pass."""
        return [(str(each["blob"]), str(each["outcome"])) for each in self.log.of("flowlog.run")]

    def faults(self) -> list[tuple[str, str]]:
        return [(str(each["blob"]), str(each["error"])) for each in self.log.of("flowlog.fault")]


def all_with(outcome: str) -> list[tuple[str, str]]:
    return [(blob.path, outcome) for blob in BLOBS]


def test_each_blob_is_forwarded_once_however_often_it_is_announced() -> None:
    batch = Batch()

    batch.forward_batch(created(*BLOBS), created(BLOBS[0]), *map(created, reversed(BLOBS)))

    assert batch.outcomes() == all_with("complete")
    assert len(batch.flows()) == 6


def test_blobs_are_forwarded_side_by_side() -> None:
    batch = Batch()
    batch.sink.before_send = Barrier(len(BLOBS), timeout=10).wait  # type: ignore[assignment]  # its result is not used

    with ThreadPoolExecutor(len(BLOBS)) as executor:
        batch.forward_batch(created(*BLOBS), executor=executor)

    assert len(batch.flows()) == 6


def test_a_blob_that_fails_is_tried_once_more_after_the_others() -> None:
    batch = Batch()
    batch.blobs.put(BLOBS[0], BAD)
    batch.quarantine.full = True
    batch.sink.after_send = lambda: setattr(batch.quarantine, "full", False)

    batch.forward_batch(*map(created, BLOBS))

    first, *others = all_with("complete")
    assert batch.outcomes() == [(BLOBS[0].path, "failed"), *others, first]
    assert batch.faults() == [(BLOBS[0].path, "StorageError")]
    assert len(batch.quarantine.documents) == 1


def test_a_blob_that_always_fails_is_left_to_the_sweep_and_fails_no_other_nor_the_batch() -> None:
    batch = Batch()
    batch.blobs.put(BLOBS[0], BAD)
    batch.quarantine.full = True

    batch.forward_batch(created(*BLOBS))

    assert batch.faults() == [(BLOBS[0].path, StorageError.__name__)] * 2
    assert Counter(outcome for _, outcome in batch.outcomes()) == {"failed": 2, "complete": 2}


def test_an_error_that_nobody_foresaw_is_logged_with_its_place_and_without_its_text() -> None:
    batch = Batch()

    def fail() -> None:
        raise ValueError("10.0.0.4")

    batch.sink.after_send = fail

    batch.forward_batch(created(BLOBS[0]))

    assert batch.faults() == [(BLOBS[0].path, "ValueError")] * 2
    reason = str(batch.log.of("flowlog.fault")[0]["reason"])
    assert reason.startswith("not foreseen, in fail, line ")


def test_what_has_no_turn_in_the_batchs_time_is_left_without_a_request_and_nothing_is_tried_again() -> None:
    batch = Batch()
    batch.blobs.put(BLOBS[0], BAD)
    batch.quarantine.full = True

    def pass_time() -> None:
        batch.clock.seconds += RUN_SECONDS

    batch.sink.after_send = pass_time

    batch.forward_batch(created(*BLOBS))

    assert batch.outcomes() == [
        (BLOBS[0].path, "failed"),
        (BLOBS[1].path, "complete"),
        (BLOBS[2].path, "outOfTime"),
        (BLOBS[0].path, "outOfTime"),
    ]
    assert [run["requests"] for run in batch.log.of("flowlog.run")][2:] == [0, 0]
    assert batch.checkpoints.blobs == set(BLOBS[:2])


def test_after_a_stop_nothing_more_is_begun() -> None:
    batch = Batch()
    batch.sink.after_send = batch.stop.request

    batch.forward_batch(created(*BLOBS))

    assert [outcome for _, outcome in batch.outcomes()][1:] == ["stopped", "stopped"]
    assert batch.checkpoints.blobs == {BLOBS[0]}


def test_a_blob_that_another_run_holds_is_waited_for() -> None:
    batch = Batch()
    lease = batch.checkpoints.acquire(BLOBS[1])
    assert lease is not None
    batch.clock.before_sleep = lease.release

    batch.forward_batch(created(*BLOBS))

    assert batch.outcomes() == all_with("complete")
    assert 0 < batch.clock.seconds <= WAIT_SECONDS


def test_what_is_no_announcement_is_dropped_and_each_reason_is_logged_once() -> None:
    batch = Batch()
    elsewhere = SourceBlob("other", VNET.container, VNET.name)
    deleted = created(BLOBS[0]).replace(b"BlobCreated", b"BlobDeleted")

    batch.forward_batch(b"junk", deleted, created(BLOBS[2]), b"junk", deleted, created(elsewhere, elsewhere))

    reasons = [str(each["reason"]) for each in batch.log.of("flowlog.ignored")]
    assert len(reasons) == len(set(reasons)) == 3
    assert batch.outcomes() == [(BLOBS[2].path, "complete")]
    assert batch.faults() == []
