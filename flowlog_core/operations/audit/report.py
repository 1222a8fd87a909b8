"""What an audit comes to: rows of figures, and what it found, each with its position."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.blob_progress import HourKey
from flowlog_core.source.blob import ByteRange

MOST_FINDINGS: Final = 100
"""So many of each kind are kept; all are counted."""


class Kind(StrEnum):
    """What is not as it should be."""

    GAP = "gap"
    """No event accounts for some bytes: flows are lost."""
    REPEAT = "repeat"
    """Several events account for the same bytes: flows came again."""
    COUNT = "count"
    """Events, checkpoint and source count differently, or flows and quarantine are not what a range holds."""
    BODY = "body"
    """An event's body does not hold the flows that it announces; it accounts for nothing."""
    BEHIND = "behind"
    """A blob has bytes that have waited too long to be forwarded."""
    NOT_PROVABLE = "not provable"
    """What the proof needs is gone by age, or was taken away."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        kind: What it is.
        blob: ``account/container/name``.
        text: What is wrong, in words, without the blob.
        generation: Of the blob, or None where it does not matter.
        replay: Label of a replay, or None.
        byte_ranges: Bytes of the blob in question, if any.
        positions: Events in question or beside it, if any.

    """

    kind: Kind
    blob: str
    text: str
    generation: int | None = None
    replay: str | None = None
    byte_ranges: tuple[ByteRange, ...] = ()
    positions: tuple[EventPosition, ...] = ()

    def __str__(self) -> str:
        generation = f", generation {self.generation}" if self.generation else ""
        replay = f", replay {self.replay}" if self.replay is not None else ""
        return f"{self.kind}: {self.blob}{generation}{replay}: {self.text}"


@dataclass(slots=True)
class Findings:
    """Findings, of each kind the first ones.

    Attributes:
        counts: How many of each kind there are.

    """

    counts: Counter[Kind] = field(default_factory=Counter)
    _kept: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Reckon in a finding."""
        self.counts[finding.kind] += 1
        if self.counts[finding.kind] <= MOST_FINDINGS:
            self._kept.append(finding)

    def __iter__(self) -> Iterator[Finding]:
        """Give those that are kept, kind by kind."""
        order = list(Kind)
        return iter(sorted(self._kept, key=lambda finding: order.index(finding.kind)))

    def more(self) -> dict[Kind, int]:
        """Give how many of each kind there are beside those that are kept."""
        return {kind: count - MOST_FINDINGS for kind, count in self.counts.items() if count > MOST_FINDINGS}


@dataclass(slots=True)
class AuditRow:
    """The blobs of one container and hour, or of many.

    Attributes:
        blobs: How many, without those left alone.
        complete: Those that were forwarded completely, which is proven.
        under_way: Those that are not complete, and do not wait for long.
        behind: Those that are not complete, and have waited too long.
        left_alone: Blobs of hours before ``FLOWLOG_START``.
        events: Events of them on the hub, of all generations; without replays.
        flows: Flows in these.
        repeats: Events that told again what was told before, those of replays included.
        gaps: Byte ranges that no event accounts for, those of replays included.
        not_provable: What could be neither proven nor found wanting.

    """

    blobs: int = 0
    complete: int = 0
    under_way: int = 0
    behind: int = 0
    left_alone: int = 0
    events: int = 0
    flows: int = 0
    repeats: int = 0
    gaps: int = 0
    not_provable: int = 0

    def add(self, other: "AuditRow") -> None:
        """Reckon in another row."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class AuditReport:
    """What an audit came to.

    Attributes:
        rows: By account, container and hour.
        findings: What is not as it should be.
        replayed: Events of replays, and of recoveries from quarantine.
        outside: Events of blobs that were not selected, or that are deleted.
        foreign: Events that are not the forwarder's.
        recounted: Tuples counted anew in source blobs.

    """

    rows: dict[HourKey, AuditRow] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    replayed: int = 0
    outside: int = 0
    foreign: int = 0
    recounted: int = 0

    @property
    def proven(self) -> bool:
        """Whether nothing was found."""
        return not self.findings.counts

    @property
    def total(self) -> AuditRow:
        """All rows together."""
        total = AuditRow()
        for row in self.rows.values():
            total.add(row)
        return total
