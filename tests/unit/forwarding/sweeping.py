"""A sweeper beside the forwarder, over the in-memory adapters."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from datetime import datetime, timedelta

from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.listing import hour_of
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.ports import BlobListing, ListedBlob
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.forwarding.sweep import Forward, Sweeper
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import NSG_CONTAINER, Setup
from tests.support.memory import AtOnce, MemoryBlobs

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PLACES = ((VNET.account, NSG_CONTAINER), (VNET.account, VNET.container))


class Listing:
    """The listing of the in-memory blobs, and what happens before each request of it."""

    def __init__(self, blobs: MemoryBlobs, before: Callable[[str, str, str], object]) -> None:
        """Take a call that learns ``prefixes`` or ``blobs``, the container, and the prefix."""
        self._blobs = blobs
        self._before = before

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        self._before("prefixes", container, under)
        return self._blobs.prefixes(account, container, under)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        self._before("blobs", container, under)
        return self._blobs.blobs(account, container, under)


class Sweeping(Setup):
    """A sweeper beside the forwarder; the clock begins at 2026-11-20T23:30."""

    def sweeper(
        self,
        *,
        listing: BlobListing | None = None,
        forward: Forward | None = None,
        executor: Executor | None = None,
        stop: StopFlag | None = None,
        run_seconds: float = 240,
        **options: int,
    ) -> Sweeper:
        return Sweeper(
            listing=listing or self.blobs,
            checkpoints=self.checkpoints,
            forward=forward or self.forwarder.forward,
            first_hour=self.forwarder.first_hour,
            executor=executor or AtOnce(),
            clock=self.clock,
            log=self.log,
            stop=stop or self.stop,
            options=SweepOptions(PLACES, run_seconds, **options),
        )

    def put(
        self,
        hours_ago: int,
        *,
        resource: str = "net",
        mac: str = "00155D000001",
        minutes_ago: int = 10,
        records: int = 1,
        container: str = VNET.container,
    ) -> SourceBlob:
        """Write a flow log of two flows a record, of an hour so long ago, so many minutes ago."""
        hour = self.clock.now() - hours_ago * HOUR
        name = f"flowLogResourceID=/{resource}/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={mac}/PT1H.json"
        blob = SourceBlob(VNET.account, container, name)
        self.write(blob, records=records, minutes_ago=minutes_ago)
        return blob

    def write(self, blob: SourceBlob, *, records: int, minutes_ago: int = 10) -> None:
        self.clock.seconds -= minutes_ago * 60
        self.blobs.put(blob, document([vnet_record(2, number=number) for number in range(records)]))
        self.clock.seconds += minutes_ago * 60

    def advance(self, time: timedelta) -> None:
        self.clock.seconds += time.total_seconds()

    @property
    def hour(self) -> datetime:
        return hour_of(self.clock.now())

    @property
    def kept(self) -> LastSweep:
        """What the last sweep left."""
        kept = self.checkpoints.last_sweep()
        assert kept is not None
        return kept

    def arrived(self) -> list[SourceBlob]:
        """The blobs whose flows arrived, in the order in which they began to."""
        paths = dict.fromkeys(str(event.properties["blob"]) for event, _ in self.sink.events)
        return [SourceBlob.from_path(path) for path in paths]
