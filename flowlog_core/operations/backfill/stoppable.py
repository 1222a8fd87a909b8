"""A clock and a listing that can be told to stop, so that what goes by them comes to its end, and in order."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from flowlog_core.forwarding.ports import BlobListing, Clock, ListedBlob

_SLICE: Final = 0.5  # seconds after which one who sleeps looks whether there was a stop


class StoppableClock:
    """A clock that every stop puts forward by the time that a run has: the runs under way are out of it then.

    So they commit what was acknowledged and release, as at the end of any run. The first stop leaves a run the patience
    that it has with a range of which a part has arrived, which is a run's time again; the second one takes that, too.

    Attributes:
        stops: How often it was told to stop.

    """

    def __init__(self, clock: Clock, run_seconds: float) -> None:
        self.stops = 0
        self._clock = clock
        self._run_seconds = run_seconds

    def stop(self) -> None:
        """Put the clock forward. To be called by one thread only, or its signal handler."""
        self.stops += 1

    def now(self) -> datetime:
        """See `ports.Clock.now`; this goes on as ever."""
        return self._clock.now()

    def monotonic(self) -> float:
        """See `ports.Clock.monotonic`."""
        return self._clock.monotonic() + self.stops * self._run_seconds

    def sleep(self, seconds: float) -> None:
        """See `ports.Clock.sleep`; ends at the next stop."""
        stops, until = self.stops, self._clock.monotonic() + seconds
        while self.stops == stops and (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _SLICE))

    def random(self) -> float:
        """See `ports.Clock.random`."""
        return self._clock.random()


class StoppableListing:
    """A listing that is empty once there was a stop, so that a walk through many empty hours ends at once, too."""

    def __init__(self, listing: BlobListing, clock: StoppableClock) -> None:
        self._listing = listing
        self._clock = clock

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        """See `ports.BlobListing.prefixes`."""
        return iter(()) if self._clock.stops else self._listing.prefixes(account, container, under)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        """See `ports.BlobListing.blobs`."""
        return iter(()) if self._clock.stops else self._listing.blobs(account, container, under)
