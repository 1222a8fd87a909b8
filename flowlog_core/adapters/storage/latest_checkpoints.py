"""What this process committed or listed last, so that it need not read it again."""

from collections import OrderedDict
from threading import Lock

from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.source.blob import SourceBlob


class LatestCheckpoints:
    """Keeps the latest checkpoint of each blob with its ETag, of so many blobs. Safe to share between threads.

    An ETag changes with each commit, whoever makes it, and not with a lease (Lease Blob, remarks). So a checkpoint is
    the stored one for as long as its ETag is.
    """

    def __init__(self, most: int) -> None:
        """Keep so many at most, about 1.5 kB each; the one that was kept longest ago goes first."""
        self._most = most
        self._kept: OrderedDict[SourceBlob, tuple[str, Checkpoint]] = OrderedDict()
        self._lock = Lock()

    def keep(self, blob: SourceBlob, etag: str, checkpoint: Checkpoint) -> None:
        """Keep what is stored for a blob."""
        with self._lock:
            self._kept[blob] = etag, checkpoint
            self._kept.move_to_end(blob)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def find(self, blob: SourceBlob, etag: str) -> Checkpoint | None:
        """Return a blob's checkpoint where it is the one of this ETag."""
        with self._lock:
            kept = self._kept.get(blob)
        return kept[1] if kept is not None and kept[0] == etag else None
