"""Why forwarding a blob ended, and what one pass over it did: the log event ``flowlog.run``."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flowlog_core.forwarding.bounded_counts import BoundedCounts
from flowlog_core.forwarding.quarantined import Quarantined
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import outside_text

_TOP_RULES: Final = 10  # that many are logged


class Outcome(StrEnum):
    """Why a pass ended, as log lines have it."""

    COMPLETE = "complete"
    """All that was there is forwarded."""
    INCOMPLETE = "incomplete"
    """All complete records are forwarded; the blob ends inside a record, or in bytes that are none."""
    OUT_OF_TIME = "outOfTime"
    """The run's time was up; the next one goes on."""
    BUSY = "busy"
    """The hub asked for pauses until the run's time was up; the next one goes on."""
    LEASE_HELD = "leaseHeld"
    """Another run has the blob."""
    SKIPPED = "skipped"
    """The blob does not pass the gate, or is of an hour before the start."""
    ARCHIVED = "archived"
    """The blob is in the archive tier, where it can't be read; once it is rehydrated, a sweep forwards it."""
    GONE = "gone"
    """The blob does not exist (any more)."""
    STOPPED = "stopped"
    """The process was asked to stop; what was acknowledged is committed."""
    FAILED = "failed"
    """It met a fault, which is logged as ``flowlog.fault``."""


@dataclass(slots=True)
class PassReport:
    """What one pass over a blob did; the fields of the log event ``flowlog.run``.

    Attributes:
        blob: The source blob.
        outcome: Why it ended.
        from_offset: Where it began.
        to_offset: How far it came.
        bytes_read: Bytes of the source blob that were read.
        records: Records read.
        flows: Flows acknowledged.
        events: Events acknowledged.
        quarantined: Records and tuples put in quarantine.
        denied: Of the flows read, those that were denied.
        rules: How many of the flows read each rule decided.
        in_quarantine: What the run put in quarantine so far, of all its passes.
        generation: The blob's generation.
        lag_seconds: Now minus the time of the last record, or None where there was none.
        duration_ms: How long it took.
        requests: Storage requests made.
        rewritten: Whether a generation began, since the blob was rewritten.
        throttled: Whether it had to wait for the destination.
        etag: The source's ETag when last read.

    """

    blob: SourceBlob
    outcome: Outcome
    from_offset: int = 0
    to_offset: int = 0
    bytes_read: int = 0
    records: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0
    denied: int = 0
    rules: BoundedCounts = field(default_factory=BoundedCounts)
    in_quarantine: Quarantined = field(default_factory=Quarantined)
    generation: int = 0
    lag_seconds: float | None = None
    duration_ms: int = 0
    requests: int = 0
    rewritten: bool = False
    throttled: bool = False
    etag: str = ""

    @property
    def complete(self) -> bool:
        """Whether all of the blob was forwarded, as it was when read."""
        return self.outcome is Outcome.COMPLETE

    def fields(self) -> dict[str, object]:
        """Return the fields of the log event."""
        return {
            "blob": self.blob.path,
            "from": self.from_offset,
            "to": self.to_offset,
            "bytes": self.bytes_read,
            "records": self.records,
            "flows": self.flows,
            "events": self.events,
            "quarantined": self.quarantined,
            "denied": self.denied,
            "rules": rules_shown(self.rules),
            "generation": self.generation,
            "complete": self.complete,
            "outcome": self.outcome.value,
            "lagSeconds": self.lag_seconds,
            "durationMs": self.duration_ms,
            "requests": self.requests,
        }


def rules_shown(rules: BoundedCounts) -> dict[str, int]:
    """Return the rules with most flows, fit for a log line; the counts of names that are cut to the same add up."""
    shown: Counter[str] = Counter()
    for rule, flows in rules.largest(_TOP_RULES).items():
        shown[outside_text(rule)] += flows
    return dict(shown)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: all passes for one announcement.

    Attributes:
        outcome: Why it ended: the last pass's outcome, or `Outcome.SKIPPED`.
        passes: What each pass did, in order.

    """

    outcome: Outcome
    passes: tuple[PassReport, ...] = ()
