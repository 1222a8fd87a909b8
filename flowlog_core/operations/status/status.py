"""The use case: how far forwarding has come, hour by hour, and which blobs wait too long.

It reads listings and checkpoints alone, and keeps a row for each container and hour: memory depends on the span, not on
the number of blobs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappush, heappushpop
from typing import Final

from flowlog_core.forwarding.listing import Selection, hour_of
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore
from flowlog_core.forwarding.silence import Container, Silence, silent_containers
from flowlog_core.operations.blob_progress import BlobProgress, HourKey, list_progress

MOST_LATE: Final = 20
"""So many of the blobs that wait too long are named: those that wait longest."""


@dataclass(slots=True)
class StatusRow:
    """The blobs of one container and hour, or of many.

    Attributes:
        blobs: How many, without those left alone.
        appended: Bytes in them.
        forwarded: Bytes of them that were forwarded.
        waiting: Blobs that are not complete.
        lag: Seconds since the longest-waiting of them was last appended to; 0 where none waits.
        rewritten: Blobs found rewritten.
        quarantined: Records and tuples in quarantine, of the present generations.
        left_alone: Blobs of hours before ``FLOWLOG_START``.

    """

    blobs: int = 0
    appended: int = 0
    forwarded: int = 0
    waiting: int = 0
    lag: float = 0.0
    rewritten: int = 0
    quarantined: int = 0
    left_alone: int = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes still to be forwarded."""
        return self.appended - self.forwarded

    def add(self, progress: BlobProgress, now: datetime) -> None:
        """Reckon in a blob."""
        if progress.left_alone:
            self.left_alone += 1
            return
        self.blobs += 1
        self.appended += progress.listed.length
        self.forwarded += progress.forwarded
        if not progress.complete:
            self.waiting += 1
            self.lag = max(self.lag, progress.lag(now))
        if progress.checkpoint is not None:
            self.rewritten += progress.checkpoint.generation > 0
            self.quarantined += progress.checkpoint.quarantined


@dataclass(frozen=True, slots=True, order=True)
class LateBlob:
    """A blob that waits too long.

    Attributes:
        lag: Seconds since it was last appended to.
        path: ``account/container/name``.
        pending_bytes: Bytes of it that are still to be forwarded.

    """

    lag: float
    path: str
    pending_bytes: int


@dataclass(slots=True)
class Status:
    """How far forwarding has come.

    Attributes:
        rows: By account, container and hour.
        total: All of them together.
        late: How many blobs wait too long.
        latest: Those of them that wait longest, the first one longest of all; at most `MOST_LATE`.
        silent_seconds: For how long each container has got nothing, the longest first. Empty where that was not asked
            for: the selection is of some blobs only, or does not reach to now.
        silent: The containers that have got nothing for too long.

    """

    rows: dict[HourKey, StatusRow] = field(default_factory=dict)
    total: StatusRow = field(default_factory=StatusRow)
    late: int = 0
    latest: list[LateBlob] = field(default_factory=list)
    silent_seconds: dict[Container, float] = field(default_factory=dict)
    silent: list[Container] = field(default_factory=list)

    @property
    def found_none(self) -> bool:
        """Whether there is no flow log at all, which is no silence either: something else is wrong."""
        return not self.rows and not self.silent


def status(
    *,
    listing: BlobListing,
    checkpoints: CheckpointStore,
    selection: Selection,
    first_hour: datetime | None,
    now: datetime,
    max_lag: timedelta,
    silent_minutes: int,
    seen: Callable[[int], None],
) -> Status:
    """Tell how far forwarding has come.

    Args:
        listing: Lists the blobs.
        checkpoints: Of the destination in question; nothing is written.
        selection: Which blobs.
        first_hour: Blobs of hours before this are left alone, unless something was forwarded of them.
        now: The time.
        max_lag: A blob that waits longer is late.
        silent_minutes: A container that has got nothing for longer is silent; 0: none is.
        seen: Is told now and then how many blobs were looked at.

    Raises:
        LastSweepUnreadableError: What sweeps have seen of the containers was written by something else.
        StorageError: Blobs or checkpoints can't be listed.

    """
    made = Status()
    silence = checkpoints.silence() or Silence()
    late: list[LateBlob] = []  # a heap: its first one waits least
    for number, progress in enumerate(list_progress(listing, checkpoints, selection, first_hour), start=1):
        seen(number)
        made.rows.setdefault(progress.hour_key, StatusRow()).add(progress, now)
        made.total.add(progress, now)
        silence.see(progress.hour_key[:2], progress.listed.modified)
        lag = progress.lag(now)
        if progress.complete or progress.left_alone or lag <= max_lag.total_seconds():
            continue
        made.late += 1
        named = LateBlob(lag, progress.listed.blob.path, progress.pending_bytes)
        if len(late) < MOST_LATE:
            heappush(late, named)
        else:
            heappushpop(late, named)
    made.latest = sorted(late, reverse=True)
    if selection.until > hour_of(now) and not selection.prefix:
        silence.looked = now
        made.silent_seconds = {key: each for key, each in silence.seconds().items() if key in selection.containers}
        made.silent = silent_containers(made.silent_seconds, silent_minutes)
    return made
