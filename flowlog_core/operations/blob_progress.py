"""The progress of each flow log: what the listing says, compared with its checkpoint."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.listing import FlowLogTree, Selection
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore, ListedBlob

type HourKey = tuple[str, str, datetime | None]
"""Account, container, and the hour (UTC) that the blobs' names tell."""


@dataclass(frozen=True, slots=True)
class BlobProgress:
    """How far one blob is forwarded.

    Attributes:
        listed: What the listing says of it.
        checkpoint: How far it was forwarded, or None where it never was.
        left_alone: Whether it never was because it is of an hour before ``FLOWLOG_START``.

    """

    listed: ListedBlob
    checkpoint: Checkpoint | None
    left_alone: bool

    @property
    def complete(self) -> bool:
        """Whether all of it was forwarded, by the rule of the sweep."""
        return self.checkpoint is not None and self.checkpoint.is_complete(self.listed.etag)

    @property
    def forwarded(self) -> int:
        """How many of its bytes were forwarded: all bytes of a complete blob, the closing ones included.

        After an append to a complete blob only the appended bytes are pending, not the closing ones before them.
        """
        length, checkpoint = self.listed.length, self.checkpoint
        if checkpoint is None or length < checkpoint.offset:  # a shorter one was rewritten, and begins anew
            return 0
        return min(checkpoint.length if checkpoint.complete else checkpoint.offset, length)

    @property
    def pending_bytes(self) -> int:
        """How many of its bytes are still to be forwarded."""
        return self.listed.length - self.forwarded

    @property
    def hour_key(self) -> HourKey:
        """What it is reckoned in with."""
        blob = self.listed.blob
        return blob.account, blob.container, blob.hour

    def lag(self, now: datetime) -> float:
        """Give the seconds for which it has been waiting, if it is not complete: since it was last appended to."""
        return max((now - self.listed.modified).total_seconds(), 0.0)


def list_progress(
    listing: BlobListing, checkpoints: CheckpointStore, selection: Selection, first_hour: datetime | None
) -> Iterator[BlobProgress]:
    """Give the progress of each blob of a selection: two requests for each 5,000 of a resource's hour or day, not held.

    Args:
        listing: Lists the blobs.
        checkpoints: Of the destination in question; nothing is written.
        selection: Which blobs.
        first_hour: Blobs of hours before this are left alone, unless something was forwarded of them.

    Raises:
        StorageError: Blobs or checkpoints can't be listed.

    """
    for listed in FlowLogTree(listing).select(selection):
        found = checkpoints.find([each.blob for each in listed.blobs], listed.prefix)
        for each in listed.blobs:
            checkpoint = found.get(each.blob)
            yield BlobProgress(each, checkpoint, left_alone=checkpoint is None and each.blob.is_before(first_hour))
