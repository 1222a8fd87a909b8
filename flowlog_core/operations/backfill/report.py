"""What there is to forward, and what a backfill has done, as values."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flowlog_core.source.blob import SourceBlob

MOST_FAULTS: Final = 1000
"""So many are told one by one; all are counted."""


@dataclass(slots=True)
class Survey:
    """What there is to do.

    Attributes:
        blobs: Blobs that are not complete.
        length: Bytes of theirs that are not forwarded.
        complete: Blobs that are.
        archived: Blobs that are not, and can't be read.

    """

    blobs: int = 0
    length: int = 0
    complete: int = 0
    archived: int = 0


class Ending(StrEnum):
    """What became of a blob that was not complete."""

    COMPLETE = "whole"
    GONE = "gone"
    """Deleted: there is nothing left to forward."""
    HELD = "held"
    """By another run, all the time."""
    ARCHIVED = "archived"
    UNFINISHED = "unfinished"
    """Forwarded up to where it breaks off inside a record."""
    FAILED = "failed"
    STOPPED = "stopped"
    """The backfill came to an end before the blob's."""


AT_FAULT: Final = (Ending.HELD, Ending.ARCHIVED, Ending.UNFINISHED, Ending.FAILED)
"""What somebody has to do something about."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A blob that is not complete at the end, and why.

    Attributes:
        blob: The blob.
        ending: What became of it.
        reason: In words.

    """

    blob: SourceBlob
    ending: Ending
    reason: str


@dataclass(slots=True)
class BackfillReport:
    """What a backfill has done, so far or in the end.

    Attributes:
        already: Blobs that were complete before.
        endings: What became of the others, counted.
        faults: Those that need somebody's hand, up to `MOST_FAULTS` of them.
        bytes: Of source blobs, that acknowledged events account for.
        flows: Flows acknowledged.
        events: Events acknowledged.
        quarantined: Records and tuples put in quarantine.
        seconds: How long it took.
        stopped: Whether it was told to stop.
        broken_off: Why it could not go on, or None.

    """

    already: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    bytes: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    stopped: bool = False
    broken_off: str | None = None

    @property
    def at_fault(self) -> int:
        """How many blobs need somebody's hand."""
        return sum(self.endings[ending] for ending in AT_FAULT)

    def add_fault(self, blob: SourceBlob, ending: Ending, reason: str) -> None:
        """Count a blob that needs somebody's hand."""
        self.endings[ending] += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(blob, ending, reason))
