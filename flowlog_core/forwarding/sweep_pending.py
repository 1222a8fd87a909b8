"""Which blobs of a resource are pending for a sweep, for as few requests as that takes.

Blobs are listed by a prefix, and that of the hours with the same tens digit begins alike: from 20:00 to 23:00 with
``y=2026/m=11/d=20/h=2``. So one listing looks at an hour and at the later ones like it, and another one at their
checkpoints, unless no blob has changed since all of them were seen complete.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import Place
from flowlog_core.forwarding.listing import HOUR, FlowLogTree, hour_of, hour_prefix, hours_prefix
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore, ListedBlob
from flowlog_core.forwarding.silence import Silence
from flowlog_core.forwarding.sweep_report import SweepReport


class SweepMemory:
    """What a process remembers from sweep to sweep, to save requests: never that there is nothing to look at.

    Where all blobs of a resource and an hour were complete, a digest of their names and ETags is kept: as long as the
    listing shows the same, nothing was appended, and their checkpoints need not be read. Once an hour all is forgotten,
    so that a resource below another one, and a checkpoint that somebody deleted, are noticed.

    Attributes:
        tree: The resources.

    """

    def __init__(self, listing: BlobListing, options: SweepOptions) -> None:
        """Take what lists blobs; `options` say how many hours are remembered."""
        self.tree = FlowLogTree(listing)
        self._listing = listing
        self._look_back = (options.hours + 1) * HOUR  # when an hour has just begun one more is looked at
        self._hour: datetime | None = None
        self._complete: dict[tuple[Place, str], bytes] = {}

    def begin(self, now: datetime) -> None:
        """Begin a sweep."""
        hour = hour_of(now)
        if hour != self._hour:
            self._hour = hour
            self._complete = {}
            self.tree = FlowLogTree(self._listing)

    def set_complete(self, place: Place, resource: str, listed: list[ListedBlob]) -> None:
        """Remember that all of these blobs are complete; of older hours, after an outage, there may be too many."""
        if self._hour is not None and place.hour >= self._hour - self._look_back:
            self._complete[place, resource] = _digest(listed)

    def is_complete(self, place: Place, resource: str, listed: list[ListedBlob]) -> bool:
        """Say whether all of these blobs, and no others, were complete with the same ETags."""
        return self._complete.get((place, resource)) == _digest(listed)


def _digest(listed: list[ListedBlob]) -> bytes:
    text = "".join(f"{each.blob.name}\n{each.etag}\n" for each in listed)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(slots=True)
class _Found:
    """What was found of a resource in one place.

    Attributes:
        place: The place.
        listed: All blobs.
        pending: Those of them that are quiet, and not known to be complete.

    """

    place: Place
    listed: list[ListedBlob]
    pending: list[ListedBlob]


class PendingBlobs:
    """Finds what is pending, for one sweep: what is quiet, and not completely forwarded."""

    def __init__(
        self,
        memory: SweepMemory,
        checkpoints: CheckpointStore,
        report: SweepReport,
        silence: Silence,
        *,
        now: datetime,
        options: SweepOptions,
    ) -> None:
        """Take what finding needs.

        Args:
            memory: What is remembered of earlier sweeps.
            checkpoints: Of the destination.
            report: What is found is counted in it; it has the latest hour that is looked at.
            silence: Notes when what is listed was written.
            now: When the sweep began.
            options: How long a blob must have been quiet.

        """
        self._memory = memory
        self._checkpoints = checkpoints
        self._report = report
        self._silence = silence
        self._now = now
        self._options = options
        self._looked_ahead: set[tuple[Place, str]] = set()
        self._nothing_pending: dict[tuple[Place, str], int] = {}  # and how many blobs there are

    def of(self, place: Place, resource: str) -> list[ListedBlob]:
        """Return a resource's pending blobs that can be read.

        No request where an earlier hour's found nothing pending in this one; otherwise one for each 5,000 blobs, and
        one for each 5,000 checkpoints where there may be something.

        Raises:
            StorageError: Blobs or checkpoints can't be listed.

        """
        if (place, resource) in self._nothing_pending:
            self._report.seen += self._nothing_pending[place, resource]
            return []
        if (place, resource) in self._looked_ahead:
            return self._count(*self._look([place], resource, hour_prefix(place.hour)))
        ahead = self._places_ahead(place)
        found, *later = self._look([place, *ahead], resource, hours_prefix(place.hour))
        for each in later:
            if each.pending:
                self._looked_ahead.add((each.place, resource))
            else:
                self._nothing_pending[each.place, resource] = len(each.listed)
        return self._count(found)

    def _places_ahead(self, place: Place) -> list[Place]:
        """Return the later hours of a place that are looked at and whose blobs' names begin as its own do."""
        places = []
        hour = place.hour + HOUR
        while hour <= self._report.to_hour and hours_prefix(hour) == hours_prefix(place.hour):
            places.append(replace(place, hour=hour))
            hour += HOUR
        return places

    def _look(self, places: Sequence[Place], resource: str, below: str) -> list[_Found]:
        """List a resource's blobs in some places of a container, which share a prefix, and their checkpoints."""
        account, container, prefix = places[0].account, places[0].container, resource + below
        listed = self._memory.tree.blobs(account, container, prefix)
        for each in listed:
            self._silence.see((account, container), each.modified)
        found = [self._find(place, resource, listed) for place in places]
        unknown = [each.blob for hour in found for each in hour.pending]
        checkpoints = self._checkpoints.find(unknown, prefix) if unknown else {}
        for hour in found:
            quiet = hour.pending
            hour.pending = [each for each in quiet if not _is_complete(checkpoints.get(each.blob), each)]
            if not hour.pending and len(quiet) == len(hour.listed) > 0:
                self._memory.set_complete(hour.place, resource, hour.listed)
        return found

    def _find(self, place: Place, resource: str, listed: Sequence[ListedBlob]) -> _Found:
        """Pick the blobs of one place, and take for pending what is quiet, unless all of them are known as complete."""
        beginning, grace = resource + hour_prefix(place.hour), self._options.grace_seconds
        here = [each for each in listed if each.blob.name.startswith(beginning)]
        if self._memory.is_complete(place, resource, here):
            return _Found(place, here, [])
        return _Found(place, here, [each for each in here if (self._now - each.modified).total_seconds() >= grace])

    def _count(self, found: _Found) -> list[ListedBlob]:
        """Count what was found in a place, and return what of it can be read."""
        self._report.seen += len(found.listed)
        readable = []
        for each in found.pending:
            if each.archived:
                self._report.count_archived(each.blob)
            else:
                self._report.count_behind((self._now - each.modified).total_seconds())
                readable.append(each)
        return readable


def _is_complete(checkpoint: Checkpoint | None, listed: ListedBlob) -> bool:
    return checkpoint is not None and checkpoint.is_complete(listed.etag)
