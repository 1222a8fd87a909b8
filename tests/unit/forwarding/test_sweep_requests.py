"""What a sweep costs in requests to storage, over a made-up container that counts them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.listing import hour_of, hour_prefix
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.ports import ListedBlob
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.source.blob import SourceBlob
from tests.support.forwarding import NSG_CONTAINER
from tests.support.memory import AtOnce, ManualClock, MemoryCheckpoints, MemoryLog
from tests.unit.forwarding.sweeping import HOUR, MINUTE, PLACES, Listing, Sweeping

ABOVE = 3  # listings: two levels above the resources, and one container that is empty


@dataclass
class Fleet:
    """The listing of interfaces that are written to each minute of their hour, made up as it is asked for.

    Attributes:
        clock: The time.
        resources: How many there are.
        interfaces: Of each resource.
        requests: How often something was listed.

    """

    clock: ManualClock
    resources: int
    interfaces: int
    requests: int = 0

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        self.requests += 1
        if container == NSG_CONTAINER:
            return
        if under == "":
            yield "flowLogResourceID=/"
        elif under == "flowLogResourceID=/":
            yield from (f"{under}NET{number:03d}/" for number in range(self.resources))
        else:
            yield from (f"{under}y={year}/" for year in range(2022, 2027))

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        self.requests += 1
        assert container != NSG_CONTAINER
        resource, _, begins = under.partition("y=")
        assert begins.count("/") == 3, "old blobs would be listed"
        hour = hour_of(self.clock.now()) - 24 * HOUR
        while hour <= self.clock.now():
            if hour_prefix(hour).startswith(f"y={begins}"):
                yield from self._blobs(account, container, resource, hour)
            hour += HOUR

    def _blobs(self, account: str, container: str, resource: str, hour: datetime) -> Iterator[ListedBlob]:
        modified = self.modified(hour)
        for number in range(self.interfaces):
            name = f"{resource}{hour_prefix(hour)}m=00/macAddress=0015{number:08d}/PT1H.json"
            yield ListedBlob(SourceBlob(account, container, name), etag_of(modified), 1000, modified)

    def modified(self, hour: datetime | None) -> datetime:
        """When the blobs of an hour were written to last."""
        assert hour is not None
        return min(self.clock.now() - timedelta(seconds=30), hour + HOUR)


def etag_of(modified: datetime) -> str:
    return f'"{modified}"'


class Forwarded(MemoryCheckpoints):
    """Checkpoints of blobs that are all forwarded by their events."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.clock)
        self.fleet = fleet
        self.requests = 0

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        self.requests += 1
        return {blob: Checkpoint(etag=etag_of(self.fleet.modified(blob.hour)), complete=True) for blob in blobs}


@dataclass
class Counted:
    """A sweeper of which requests are counted."""

    fleet: Fleet
    checkpoints: Forwarded = field(init=False)
    sweeper: Sweeper = field(init=False)

    def __post_init__(self) -> None:
        self.checkpoints = Forwarded(self.fleet)
        self.sweeper = Sweeper(
            listing=self.fleet,
            checkpoints=self.checkpoints,
            forward=lambda blob, _: pytest.fail(f"{blob} is not behind"),
            first_hour=lambda: None,
            executor=AtOnce(),
            clock=self.fleet.clock,
            log=MemoryLog(),
            stop=StopFlag(),
            options=SweepOptions(PLACES, run_seconds=240),
        )

    def sweep(self) -> tuple[int, int]:
        """Sweep, five minutes after the last time; return the listings of blobs and those of checkpoints."""
        self.fleet.requests = self.checkpoints.requests = 0
        assert self.sweeper.sweep().complete
        self.fleet.clock.sleep(5 * MINUTE.total_seconds())
        return self.fleet.requests, self.checkpoints.requests


def test_a_quiet_sweep_of_hours_that_begin_alike_costs_one_listing_for_each_resource() -> None:
    counted = Counted(Fleet(ManualClock(), resources=100, interfaces=1))

    # The current hour's blobs are within the grace; those of the three before are complete, which is remembered.
    assert counted.sweep() == (ABOVE + 100 + 100, 100)
    for _ in range(5):  # 23:35 to 23:55
        assert counted.sweep() == (ABOVE + 100, 0)


def test_when_an_hour_has_just_begun_all_is_looked_at_anew() -> None:
    counted = Counted(Fleet(ManualClock(), resources=100, interfaces=1))
    counted.fleet.clock.sleep(26 * MINUTE.total_seconds())
    counted.sweep()  # at 23:56

    walk, hours = 100, 2 * 100  # from 20 to 23, and 00
    assert counted.sweep() == (ABOVE + walk + hours, 100)  # the blobs of 23 are within the grace still
    assert counted.sweep() == (ABOVE + hours, 100)  # they are found complete
    assert counted.sweep() == (ABOVE + hours, 0)


def test_a_day_of_quiet_sweeps_costs_less_than_two_listings_for_each_resource_and_sweep() -> None:
    resources = 10
    counted = Counted(Fleet(ManualClock(), resources, interfaces=1))
    counted.sweep()

    sweeps = [counted.sweep() for _ in range(24 * 12)]

    blobs, checkpoints = (sum(each) / len(sweeps) for each in zip(*sweeps, strict=True))
    assert 1.4 < (blobs - ABOVE) / resources < 1.6
    assert 0.1 < checkpoints / resources < 0.3


def test_ten_thousand_interfaces_are_swept_without_listing_old_blobs() -> None:
    counted = Counted(Fleet(ManualClock(), resources=500, interfaces=20))
    counted.sweep()

    assert counted.sweep() == (ABOVE + 500, 0)


def test_what_is_pending_costs_a_listing_for_each_of_its_hours() -> None:
    setup = Sweeping()
    for hours in (3, 2, 1, 0):
        setup.put(hours)
    listings: list[str] = []
    listing = Listing(setup.blobs, lambda call, _, under: listings.append(under) if call == "blobs" else None)
    sweeper = setup.sweeper(listing=listing)

    assert sweeper.sweep().caught == 4
    assert [under.partition("/d=20/")[2] for under in listings] == ["h=2", "h=21/", "h=22/", "h=23/"]

    listings.clear()
    assert sweeper.sweep().seen == 4
    assert len(listings) == 1
