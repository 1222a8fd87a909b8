"""The backfill, over the in-memory adapters."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.ports import CheckpointLease, Chunk, Clock, ListedBlob
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.operations.backfill.backfill import Backfill, BackfillOptions
from flowlog_core.operations.backfill.report import BackfillReport, Ending, Survey
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.forwarding import Setup, assert_tiles
from tests.support.memory import AtOnce, ManualClock, MemoryBlobs, MemoryCheckpoints

SINCE = datetime(2026, 11, 20, 20, tzinfo=UTC)
UNTIL = datetime(2026, 11, 21, tzinfo=UTC)
PLACE = (VNET.account, VNET.container)
SMALL = ForwardOptions(EventOptions(max_bytes=16_384), start="now", chunk_bytes=2000, batch_bytes=1)


def blob_of(hour: int = 23, *, mac: str = "00155D000001") -> SourceBlob:
    name = f"flowLogResourceID=/NET/y=2026/m=11/d=20/h={hour:02d}/m=00/macAddress={mac}/PT1H.json"
    return SourceBlob(*PLACE, name)


def log_of(records: int) -> bytes:
    """A log of records with two flows each."""
    return document([vnet_record(2, number=number) for number in range(records)])


class Waits(ManualClock):
    """A clock that tells when somebody has slept."""

    def __init__(self) -> None:
        super().__init__()
        self.after_sleep: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.after_sleep()


class Blobs(MemoryBlobs):
    """Source blobs of which one may be out of reach, and listings that are counted and may fail."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.out_of_reach: SourceBlob | None = None
        self.listings = 0
        self.most_listings = 1000

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        if blob == self.out_of_reach:
            raise StorageError("out of reach")
        return super().read(blob, start, size, etag=etag)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        self.listings += 1
        if self.listings > self.most_listings:
            raise StorageError("no more listings")
        return super().blobs(account, container, under)


class Filling(Setup):
    """A backfill beside the app's forwarder; the clock begins at 2026-11-20T23:30."""

    def __init__(self) -> None:
        self.waits = Waits()
        super().__init__(clock=self.waits)
        self.blobs = self.store = Blobs(self.clock)
        self.forwarder = self.new_forwarder()
        self.replayed = MemoryCheckpoints(self.clock)

    def backfill(
        self,
        *,
        options: ForwardOptions = SMALL,
        executor: Executor | None = None,
        clock: Clock | None = None,
        **more: Any,
    ) -> Backfill:
        return Backfill(
            replace(self.ports, clock=clock or self.clock, stop=StopFlag()),
            listing=self.blobs,
            checkpoints=self.replayed if "replay" in more else self.checkpoints,
            executor=executor or AtOnce(),
            options=BackfillOptions(Selection((PLACE,), SINCE, UNTIL), options, **more),
        )

    def run(self, **more: Any) -> BackfillReport:
        return self.backfill(**more).run(lambda _: None)

    def survey(self) -> Survey:
        return self.backfill().survey(lambda _: None)

    def hold(self, blob: SourceBlob) -> CheckpointLease:
        lease = self.checkpoints.acquire(blob)
        assert lease is not None
        return lease

    def ids(self) -> list[str]:
        return [str(flow["id"]) for flow in self.flows()]


@pytest.fixture
def setup() -> Filling:
    return Filling()


def test_what_was_never_forwarded_is_forwarded_and_what_is_complete_is_not_even_read(setup: Filling) -> None:
    complete, fresh = blob_of(22), blob_of(23)
    setup.blobs.put(complete, log_of(3))
    setup.forward(complete)
    setup.blobs.put(fresh, log_of(5))
    setup.blobs.reads.clear()

    report = setup.run(options=ForwardOptions())

    assert (report.already, report.endings) == (1, {Ending.COMPLETE: 1})
    assert (report.flows, report.events, report.bytes) == (10, 1, len(log_of(5)) - 2)
    assert setup.blobs.reads == [(0, len(log_of(5)))]
    assert len(set(setup.ids())) == len(setup.ids()) == 16
    assert setup.run().endings == {}


def test_what_is_half_forwarded_is_gone_on_with(setup: Filling) -> None:
    blob = blob_of()
    setup.blobs.put(blob, log_of(3))
    setup.forward(blob)
    setup.blobs.put(blob, log_of(8))

    report = setup.run()

    assert report.flows == 10
    assert len(set(setup.ids())) == len(setup.ids()) == 16
    assert_tiles(setup.ranges(), len(log_of(8)) - 2)


def test_the_bytes_of_a_range_are_counted_once_however_many_its_parts(setup: Filling) -> None:
    data = document([vnet_record(300)])
    setup.blobs.put(blob_of(), data)

    report = setup.run()

    assert report.events == len(setup.sink.events) > 5
    assert report.bytes == len(data) - 2


def test_only_the_hours_that_were_asked_for_are_forwarded(setup: Filling) -> None:
    for hour in (18, 19, 20, 21):
        setup.blobs.put(blob_of(hour), log_of(1))

    setup.run()

    assert [event.properties["blob"] for event, _ in setup.sink.events] == [blob_of(20).path, blob_of(21).path]


def test_hours_before_the_start_are_forwarded_and_the_first_run_stays_the_apps(setup: Filling) -> None:
    setup.blobs.put(blob_of(20), log_of(1))

    assert setup.run().flows == 2

    later = setup.clock.now() + timedelta(days=1)
    assert setup.checkpoints.first_run(later) == later


def test_a_survey_counts_and_leaves_no_trace(setup: Filling) -> None:
    complete, half, fresh, archived = blobs = [blob_of(hour) for hour in (20, 21, 22, 23)]
    for blob in (complete, half):
        setup.blobs.put(blob, log_of(3))
        setup.forward(blob)
    setup.blobs.put(half, log_of(4))
    for blob in (fresh, archived):
        setup.blobs.put(blob, log_of(2))
    setup.blobs.archive(archived)
    sent = len(setup.sink.events)

    survey = setup.survey()

    assert (survey.blobs, survey.complete, survey.archived) == (2, 1, 1)
    assert survey.length == len(log_of(4)) - len(log_of(3)) + len(log_of(2))
    assert set(setup.checkpoints.find(blobs, "")) == {complete, half}
    assert len(setup.sink.events) == sent


# A replay.


def test_a_replay_sends_the_same_flows_again_from_the_start_and_marks_them(setup: Filling) -> None:
    blob = blob_of()
    setup.blobs.put(blob, log_of(30))
    setup.forward(blob)
    first, before = setup.ids(), setup.checkpoints.stored(blob)
    setup.sink.events.clear()

    report = setup.run(replay="audit-7")

    assert report.flows == 60
    assert setup.ids() == first
    assert {event.properties["replay"] for event, _ in setup.sink.events} == {"audit-7"}
    assert len(setup.sink.events) > 1
    assert_tiles(setup.ranges(), len(log_of(30)) - 2)
    assert setup.checkpoints.stored(blob) == before


def test_the_same_replay_run_again_forwards_nothing(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(3))
    setup.run(replay="audit-7")

    report = setup.run(replay="audit-7")

    assert (report.already, report.endings, report.flows) == (1, {}, 0)
    assert len(setup.ids()) == 6


def test_a_replay_leaves_a_blob_that_was_never_forwarded_to_be_forwarded(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(3))
    setup.run(replay="audit-7")

    assert setup.run().flows == 6


def test_an_interrupted_replay_goes_on_where_it_was(setup: Filling) -> None:
    setup.blobs.put(blob_of(), log_of(60))
    backfill = setup.backfill(replay="audit-7")
    setup.sink.after_send = backfill.stop
    backfill.run(lambda _: None)
    assert 0 < len(setup.ids()) < 120

    setup.sink.after_send = lambda: None
    setup.run(replay="audit-7")

    assert len(set(setup.ids())) == len(setup.ids()) == 120
    assert_tiles(setup.ranges(), len(log_of(60)) - 2)


def test_a_replay_puts_in_quarantine_what_was_there_under_the_same_name(setup: Filling) -> None:
    setup.blobs.put(blob_of(), document([vnet_record(1), nsg_record(["rubbish"])]))
    setup.forward(blob_of())
    before = dict(setup.quarantine.items)

    report = setup.run(replay="audit-7")

    assert report.quarantined == 1
    assert setup.quarantine.items == before
