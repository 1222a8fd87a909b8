"""Logs what passes and runs did: a line for each pass, or their sums once a minute and the unusual ones.

With `minute` the first run that ends after the minute logs the sums, within its own invocation: the platform drops what
a timer of our own would log. What a process has not logged when it ends is lost.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flowlog_core.forwarding.bounded_counts import BoundedCounts
from flowlog_core.forwarding.options import RunLogOptions
from flowlog_core.forwarding.outcome import Outcome, PassReport, rules_shown
from flowlog_core.forwarding.ports import Clock, Log

_MINUTE: Final = 60  # seconds


@dataclass(slots=True)
class RunSums:
    """What the runs of a process did in about a minute; the fields of the log event ``flowlog.runs``.

    Attributes:
        began: When it began.
        runs: Runs that ended.
        bytes_read: Bytes of source blobs that were read.
        records: Records read.
        flows: Flows acknowledged.
        events: Events acknowledged.
        quarantined: Records and tuples put in quarantine.
        denied: Of the flows read, those that were denied.
        rules: How many of the flows read each rule decided.
        lag_seconds: The greatest of the passes; None where none read a record.
        requests: Storage requests made.

    """

    began: datetime
    runs: int = 0
    bytes_read: int = 0
    records: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0
    denied: int = 0
    rules: BoundedCounts = field(default_factory=BoundedCounts)
    lag_seconds: float | None = None
    requests: int = 0

    def add_run(self, passes: Iterable[PassReport]) -> None:
        """Add what a run did."""
        self.runs += 1
        for report in passes:
            self._add(report)

    def fields(self, ended: datetime) -> dict[str, object]:
        """Return the fields of the log event."""
        return {
            "from": self.began.isoformat(),
            "to": ended.isoformat(),
            "runs": self.runs,
            "bytes": self.bytes_read,
            "records": self.records,
            "flows": self.flows,
            "events": self.events,
            "quarantined": self.quarantined,
            "denied": self.denied,
            "rules": rules_shown(self.rules),
            "lagSeconds": self.lag_seconds,
            "requests": self.requests,
        }

    def _add(self, report: PassReport) -> None:
        self.bytes_read += report.bytes_read
        self.records += report.records
        self.flows += report.flows
        self.events += report.events
        self.quarantined += report.quarantined
        self.denied += report.denied
        self.rules.update(report.rules.largest(report.rules.most))
        self.lag_seconds = max((lag for lag in (self.lag_seconds, report.lag_seconds) if lag is not None), default=None)
        self.requests += report.requests


class RunLog:
    """Logs the passes and runs of a process. Safe to share between threads."""

    def __init__(self, log: Log, clock: Clock, options: RunLogOptions) -> None:
        """Begin the first minute."""
        self._log = log
        self._clock = clock
        self._options = options
        self._ended: deque[Sequence[PassReport]] = deque()
        # Whoever takes the sums out adds up alone. No lock: a list and a deque do each of their steps at once.
        self._sums = [RunSums(clock.now())]
        self._due = clock.monotonic() + _MINUTE

    def end_pass(self, report: PassReport) -> None:
        """Log a pass, where it has a line of its own."""
        if self._options.form == "each":
            self._log("flowlog.run", report.fields())
        elif self._is_unusual(report):
            self._log("flowlog.run", report.fields() | {"summed": True})

    def end_run(self, passes: Sequence[PassReport]) -> None:
        """Add a run to the sums, and log these where the minute is over."""
        if self._options.form == "each":
            return
        self._ended.append(passes)
        try:
            sums = self._sums.pop()
        except IndexError:  # another thread adds up; what it comes too late for, the next one adds
            return
        while self._ended:
            sums.add_run(self._ended.popleft())
        now, moment = self._clock.monotonic(), self._clock.now()
        if now < self._due:
            self._sums.append(sums)
            return
        self._due = now + _MINUTE
        self._sums.append(RunSums(moment))
        self._log("flowlog.runs", sums.fields(moment))

    def _is_unusual(self, report: PassReport) -> bool:
        """Say whether somebody may look for the pass by its blob."""
        return (
            report.outcome is not Outcome.COMPLETE
            or report.in_quarantine.offset is not None
            or report.rewritten
            or report.throttled
            or (report.lag_seconds or 0) > self._options.usual_lag_seconds
        )
