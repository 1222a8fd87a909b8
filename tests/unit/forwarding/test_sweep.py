"""The sweep, over the in-memory adapters and over a listing that counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.options import ForwardOptions, SweepOptions
from flowlog_core.forwarding.ports import BlobListing, ListedBlob
from flowlog_core.forwarding.sweep import Sweeper, SweepReport
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup
from tests.support.memory import AtOnce, ManualClock, MemoryCheckpoints, MemoryLog

HOUR = timedelta(hours=1)
NSG_CONTAINER = "insights-logs-networksecuritygroupflowevent"
PLACES = ((VNET.account, NSG_CONTAINER), (VNET.account, VNET.container))


class Sweeping(Setup):
    """A sweeper beside the forwarder; the clock begins at 2026-11-20T23:30."""

    def sweeper(self, *, listing: BlobListing | None = None, **options: Any) -> Sweeper:
        return Sweeper(
            listing=listing or self.blobs,
            checkpoints=self.checkpoints,
            forward=self.forwarder.forward,
            first_hour=self.forwarder.first_hour,
            executor=AtOnce(),
            clock=self.clock,
            log=self.log,
            options=SweepOptions(PLACES, **{"run_seconds": 240} | options),
        )

    def put(
        self, hours_ago: int, *, resource: str = "net", mac: str = "00155D000001", minutes_ago: int = 10
    ) -> SourceBlob:
        hour = self.clock.now() - hours_ago * HOUR
        name = f"flowLogResourceID=/{resource}/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={mac}/PT1H.json"
        blob = SourceBlob(VNET.account, VNET.container, name)
        self.clock.seconds -= minutes_ago * 60
        self.blobs.put(blob, document([vnet_record(2)]))
        self.clock.seconds += minutes_ago * 60
        return blob


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


def test_after_an_outage_of_thirty_hours_all_of_it_is_caught_up() -> None:
    setup = Sweeping()
    setup.put(0)
    sweeper = setup.sweeper()
    sweeper.sweep()
    setup.clock.seconds += 30 * 3600
    blobs = [setup.put(hours) for hours in range(31)]

    report = setup.sweeper().sweep()

    assert report.caught == len(blobs)
    assert setup.sweeper().sweep().from_hour == setup.clock.now().replace(minute=0) - 3 * HOUR


def test_an_outage_longer_than_the_most_is_capped_and_told() -> None:
    setup = Sweeping()
    setup.sweeper().sweep()
    setup.clock.seconds += 30 * 3600
    setup.put(20)
    setup.put(10)

    report = setup.sweeper(max_hours=12).sweep()

    assert report.caught == 1
    assert len(setup.log.of("flowlog.sweep_capped")) == 1


def test_a_fault_of_one_blob_does_not_stop_the_others_and_the_sweep_is_not_complete() -> None:
    setup = Sweeping()
    bad = setup.put(0, mac="00155D000001")
    setup.put(0, mac="00155D000002")
    setup.checkpoints.overwrite(bad, {"schema": "99"})

    report = setup.sweeper().sweep()

    assert (report.caught, report.failed, report.complete) == (1, 1, False)
    assert setup.checkpoints.last_sweep() is None
    assert len(setup.log.of("flowlog.fault")) == 1


def test_a_sweep_that_runs_out_of_time_is_gone_on_with_by_the_next() -> None:
    setup = Sweeping()
    for number in range(10):
        setup.put(0, resource=f"net{number}")
    setup.sink.before_send = lambda: setup.clock.sleep(30)

    first = setup.sweeper(run_seconds=100).sweep()
    second = setup.sweeper(run_seconds=1000).sweep()

    assert (first.caught, first.complete) == (4, False)
    assert (second.caught, second.complete) == (6, True)


class CountingListing:
    """A container of 10,000 interfaces and 700,000 old blobs, made up as it is asked for."""

    RESOURCES = 500
    INTERFACES = 20  # of each resource
    OLD_HOURS = 70

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.requests = 0
        self.listed = 0

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        self.requests += 1
        if container == NSG_CONTAINER:
            return
        if under == "":
            yield "flowLogResourceID=/"
        elif under == "flowLogResourceID=/":
            yield from (f"{under}NET{number:03d}/" for number in range(self.RESOURCES))
        else:
            yield from (f"{under}y={year}/" for year in range(2022, 2027))

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        self.requests += 1
        if container == NSG_CONTAINER or "/y=" not in under:
            raise AssertionError("old blobs would be listed")
        hour = datetime.strptime(under.partition("/y=")[2], "%Y/m=%m/d=%d/h=%H/").replace(tzinfo=UTC)
        assert (self.now - hour) < 5 * HOUR, "old blobs would be listed"
        for number in range(self.INTERFACES):
            self.listed += 1
            name = f"{under}m=00/macAddress=0015{number:08d}/PT1H.json"
            yield ListedBlob(SourceBlob(account, container, name), '"1"', 1000, hour)


class AllForwarded(MemoryCheckpoints):
    def find(self, blobs: Any, under: str) -> dict[SourceBlob, Checkpoint]:
        return {blob: Checkpoint(etag='"1"', complete=True) for blob in blobs}


def test_ten_thousand_interfaces_are_swept_without_listing_old_blobs() -> None:
    clock = ManualClock()
    listing = CountingListing(clock.now())
    sweeper = Sweeper(
        listing=listing,
        checkpoints=AllForwarded(clock),
        forward=lambda _: pytest.fail("nothing is behind"),
        first_hour=lambda: None,
        executor=AtOnce(),
        clock=clock,
        log=MemoryLog(),
        options=SweepOptions(PLACES, run_seconds=240),
    )

    first = sweeper.sweep()
    assert first.seen == 4 * 10_000
    assert listing.requests == 3 + 500 + 4 * 500  # the walk, each resource once, each of its hours

    listing.requests = 0
    second = sweeper.sweep()
    assert second.complete
    assert listing.requests == 3 + 2 * 500  # resources are remembered, and settled hours too


def test_a_listing_that_fails_is_a_fault() -> None:
    setup = Sweeping()

    class Failing(CountingListing):
        def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
            raise StorageError("down")

    sweeper = setup.sweeper(listing=Failing(setup.clock.now()))

    with pytest.raises(StorageError):
        sweeper.sweep()
    assert setup.checkpoints.last_sweep() is None


def test_what_another_run_holds_is_not_counted_as_caught() -> None:
    setup = Sweeping()
    blob = setup.put(0)
    assert setup.checkpoints.acquire(blob) is not None

    report: SweepReport = setup.sweeper().sweep()

    assert (report.behind, report.caught) == (1, 0)
