"""A listing that ends at a stop, so that a walk through many empty hours ends at once, too."""

from collections.abc import Iterator

from flowlog_core.forwarding.ports import BlobListing, ListedBlob
from flowlog_core.forwarding.stop import StopFlag


class StoppableListing:
    """A listing that is empty once a stop was requested."""

    def __init__(self, listing: BlobListing, stop: StopFlag) -> None:
        self._listing = listing
        self._stop = stop

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        """See `ports.BlobListing.prefixes`."""
        return iter(()) if self._stop.is_set else self._listing.prefixes(account, container, under)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        """See `ports.BlobListing.blobs`."""
        return iter(()) if self._stop.is_set else self._listing.blobs(account, container, under)
