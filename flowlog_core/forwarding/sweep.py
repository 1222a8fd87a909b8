"""The use case: find blobs with bytes that no event announced, and forward them.

An event can be lost, a message poisoned, the app down, and an hour's last append has no next one to heal it. So now and
then the sweep lists the blobs of the last hours and forwards those that are not complete: without a checkpoint, with
another ETag than the checkpoint's, or with a checkpoint that is not complete.

A container may hold hundreds of thousands of old blobs, so it is never listed completely: see `listing`.
"""

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from flowlog_core.errors import FlowLogError
from flowlog_core.forwarding.listing import HOUR, FlowLogTree, hour_of, hour_prefix
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.outcome import Outcome, RunResult
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore, Clock, ListedBlob, Log
from flowlog_core.source.blob import SourceBlob

_SETTLED_AFTER: Final = timedelta(hours=2)  # from an hour's begin: nothing is appended to its blobs any more


@dataclass(slots=True)
class SweepReport:
    """What a sweep did; the fields of the log event ``flowlog.sweep``.

    Attributes:
        from_hour: The earliest hour looked at.
        to_hour: The latest.
        seen: Blobs listed.
        behind: Those not completely forwarded.
        caught: Those of them that this sweep forwarded completely.
        failed: Those of them that met a fault.
        oldest_lag_seconds: How long ago the longest-waiting of them was last appended to; 0 where none waited.
        complete: Whether every blob was looked at, and none failed.
        duration_ms: How long it took.

    """

    from_hour: datetime
    to_hour: datetime
    seen: int = 0
    behind: int = 0
    caught: int = 0
    failed: int = 0
    oldest_lag_seconds: float = 0.0
    complete: bool = False
    duration_ms: int = 0

    def fields(self) -> dict[str, object]:
        """Give the fields of the log event."""
        return {
            "from": self.from_hour.isoformat(),
            "to": self.to_hour.isoformat(),
            "seen": self.seen,
            "behind": self.behind,
            "caught": self.caught,
            "failed": self.failed,
            "oldestLagSeconds": self.oldest_lag_seconds,
            "complete": self.complete,
            "durationMs": self.duration_ms,
        }


@dataclass(slots=True)
class _Sweep:
    """One sweep under way."""

    report: SweepReport
    deadline: float
    running: set[Future[RunResult]] = field(default_factory=set)


class Sweeper:
    """Sweeps the containers. It remembers between sweeps which resources there are, and which hours are settled."""

    def __init__(
        self,
        *,
        listing: BlobListing,
        checkpoints: CheckpointStore,
        forward: Callable[[SourceBlob], RunResult],
        first_hour: Callable[[], datetime | None],
        executor: Executor,
        clock: Clock,
        log: Log,
        options: SweepOptions,
    ) -> None:
        """Take what sweeping needs; `first_hour` gives the hour before which blobs are left alone, if any."""
        self._tree = FlowLogTree(listing)
        self._checkpoints = checkpoints
        self._forward = forward
        self._first_hour = first_hour
        self._executor = executor
        self._clock = clock
        self._log = log
        self._options = options
        self._settled: dict[datetime, set[tuple[str, str, str]]] = {}

    def sweep(self) -> SweepReport:
        """Forward what is behind, and report.

        A blob that meets a fault does not stop the others; its fault is logged, and the sweep is not complete.

        Raises:
            StorageError: Blobs or checkpoints can't be listed.

        """
        began, now = self._clock.monotonic(), self._clock.now()
        hours = self._hours(now)
        sweep = _Sweep(SweepReport(hours[0], hours[-1]), began + self._options.run_seconds)
        try:
            out_of_time = self._forward_behind(sweep, hours, now)
        finally:
            self._await(sweep, at_most=0)
        sweep.report.complete = not out_of_time and not sweep.report.failed
        if sweep.report.complete:
            self._checkpoints.swept(now)
        sweep.report.duration_ms = round((self._clock.monotonic() - began) * 1000)
        self._log("flowlog.sweep", sweep.report.fields())
        return sweep.report

    def _hours(self, now: datetime) -> list[datetime]:
        """Give the hours to look at, earliest first."""
        options = self._options
        to_hour = hour_of(now)
        from_hour = to_hour - options.hours * HOUR
        last = self._checkpoints.last_sweep()
        if last is not None and last - HOUR < from_hour:
            # What was appended while nobody swept may be of the hour before.
            from_hour = hour_of(last - HOUR)
        earliest = to_hour - max(options.max_hours, options.hours) * HOUR
        if from_hour < earliest:
            fields = {"last": last.isoformat() if last else None, "from": earliest.isoformat()}
            self._log("flowlog.sweep_capped", fields, level=logging.WARNING)
            from_hour = earliest
        first = self._first_hour()
        if first is not None:
            from_hour = min(max(from_hour, hour_of(first)), to_hour)
        return [from_hour + number * HOUR for number in range((to_hour - from_hour) // HOUR + 1)]

    def _forward_behind(self, sweep: _Sweep, hours: list[datetime], now: datetime) -> bool:
        """Forward the blobs that are behind; say whether time was up before all were looked at."""
        self._settled = {hour: settled for hour, settled in self._settled.items() if hour >= hours[0]}
        for account, container in self._options.containers:
            for resource in self._tree.resources(account, container):
                for hour in hours:
                    if self._clock.monotonic() >= sweep.deadline:
                        return True
                    self._forward_hour(sweep, (account, container, resource), hour, now)
        return False

    def _forward_hour(self, sweep: _Sweep, place: tuple[str, str, str], hour: datetime, now: datetime) -> None:
        if place in self._settled.get(hour, ()):
            return
        account, container, resource = place
        prefix = resource + hour_prefix(hour)
        blobs = self._tree.blobs(account, container, prefix)
        sweep.report.seen += len(blobs)
        quiet = [each for each in blobs if (now - each.modified).total_seconds() >= self._options.grace_seconds]
        behind = self._behind(quiet, prefix)
        if not behind and len(quiet) == len(blobs) and now - hour >= _SETTLED_AFTER:
            self._settled.setdefault(hour, set()).add(place)
        for each in behind:
            sweep.report.behind += 1
            lag = (now - each.modified).total_seconds()
            sweep.report.oldest_lag_seconds = round(max(sweep.report.oldest_lag_seconds, lag), 3)
            self._await(sweep, at_most=self._options.parallel - 1)
            sweep.running.add(self._executor.submit(self._forward, each.blob))

    def _behind(self, listed: list[ListedBlob], prefix: str) -> list[ListedBlob]:
        if not listed:
            return []
        checkpoints = self._checkpoints.find([each.blob for each in listed], prefix)
        found = [(each, checkpoints.get(each.blob)) for each in listed]
        return [each for each, checkpoint in found if checkpoint is None or not checkpoint.is_complete(each.etag)]

    def _await(self, sweep: _Sweep, *, at_most: int) -> None:
        """Wait until at most so many blobs are being forwarded, and reckon in those that were."""
        while len(sweep.running) > at_most:
            done, sweep.running = wait(sweep.running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    result = future.result()
                except FlowLogError:  # the forwarder has logged it
                    sweep.report.failed += 1
                else:
                    sweep.report.caught += result.outcome is Outcome.COMPLETE
