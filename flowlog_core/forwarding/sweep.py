"""The use case: find blobs with bytes that no event announced, and forward them.

An event can be lost, a message poisoned, the app down, and an hour's last append has no next one to heal it. So now and
then the sweep lists the blobs of the last hours and forwards those that are not complete: without a checkpoint, with
another ETag than the checkpoint's, or with a checkpoint that is not complete.

It is fair and finite. A round visits every place, oldest hour first. A sweep whose time is up keeps how far it came;
the next one, on whatever instance, goes on from there, to the end and from the oldest hour back to its own start. So
each place has its turn, whatever there is to do elsewhere. `last-sweep` keeps the start of the last round that left
nothing to a later one. The hours to look at are counted back from there, so that nothing is lost by an outage of the
app or of the hub, or by a round that takes many sweeps.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from flowlog_core.errors import CheckpointUnreadableError, FlowLogError, LastSweepUnreadableError
from flowlog_core.forwarding.last_sweep import LastSweep, Place
from flowlog_core.forwarding.listing import HOUR, hour_of
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.outcome import Outcome, RunResult
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore, Clock, ListedBlob, Log
from flowlog_core.forwarding.silence import Silence
from flowlog_core.forwarding.sweep_pages import Leg, SweepPages, legs_from
from flowlog_core.forwarding.sweep_pending import PendingBlobs, SweepMemory
from flowlog_core.forwarding.sweep_report import SweepReport
from flowlog_core.source.blob import SourceBlob

_LEFT: Final = frozenset({Outcome.OUT_OF_TIME, Outcome.BUSY, Outcome.LEASE_HELD, Outcome.STOPPED})
"""After these a later run is needed; the round that meets one has left something."""

_LAST_RUNS: Final = 1 / 8
"""Of its time; for so long after it the runs that a sweep has begun may go on, so that the last one is not in vain."""

type Forward = Callable[[SourceBlob, float], RunResult]
"""Forwards a blob until a time on the clock's monotonic scale, as `Forwarder.forward`."""


@dataclass(slots=True)
class _Sweep:
    """One sweep under way.

    Attributes:
        began: When it began.
        deadline: When its time is up, on the clock's monotonic scale.
        report: What it did so far.
        pages: What it finds.
        kept: What it leaves to the next one, so far.
        silence: What it and earlier ones have seen of each container.
        left_something: Whether it has left something to a later one.
        unforeseen: The first error of a run that is none of this package's.

    """

    began: datetime
    deadline: float
    report: SweepReport
    pages: SweepPages
    kept: LastSweep
    silence: Silence
    left_something: bool = False
    unforeseen: Exception | None = None

    def leave(self) -> None:
        """Take note that something is left to a later sweep: neither this round nor this sweep is complete."""
        self.left_something = True
        self.kept = replace(self.kept, round_began=None)


class Sweeper:
    """Sweeps the containers."""

    def __init__(
        self,
        *,
        listing: BlobListing,
        checkpoints: CheckpointStore,
        forward: Forward,
        first_hour: Callable[[], datetime | None],
        executor: Executor,
        clock: Clock,
        log: Log,
        options: SweepOptions,
    ) -> None:
        """Take what sweeping needs; `first_hour` returns the hour before which blobs are left alone, if any."""
        self._memory = SweepMemory(listing, options)
        self._checkpoints = checkpoints
        self._forward = forward
        self._first_hour = first_hour
        self._executor = executor
        self._clock = clock
        self._log = log
        self._options = options

    def sweep(self) -> SweepReport:
        """Forward what is behind, and report.

        A blob that meets a fault, or a resource that can't be listed, does not stop the others; its fault is logged,
        and the sweep is not complete.

        Raises:
            StorageError: What the last sweep left can't be read, or what this one leaves can't be kept.

        """
        began, now = self._clock.monotonic(), self._clock.now()
        last, silence = self._left(self._checkpoints.last_sweep), self._left(self._checkpoints.silence) or Silence()
        silence.watch(self._options.containers, now)
        hours = self._hours(now, last)
        self._memory.begin(now)
        report, deadline = SweepReport(hours[0], hours[-1]), began + self._options.run_seconds
        pending = PendingBlobs(self._memory, self._checkpoints, report, silence, now=now, options=self._options)
        pages = SweepPages(
            self._memory.tree,
            pending,
            report,
            deadline=deadline,
            clock=self._clock,
            log=self._log,
            options=self._options,
        )
        sweep = _Sweep(now, deadline, report, pages, last or LastSweep(now), silence)
        places = [Place(hour, *each) for hour in hours for each in self._options.containers]
        try:
            finished = self._go_round(sweep, places)
            report.complete = finished and not report.failed and not sweep.left_something
            if not finished or sweep.left_something:
                report.wait_at_least((self._clock.now() - sweep.kept.time).total_seconds())
            self._checkpoints.keep_last_sweep(sweep.kept)
            self._checkpoints.keep_silence(silence)
        finally:
            report.report_silence(silence, self._options.silent_minutes)
            report.duration_ms = round((self._clock.monotonic() - began) * 1000)
            if report.archived:
                self._log("flowlog.archived", report.archived_fields(), level=logging.WARNING)
            self._log("flowlog.sweep", report.fields())
        if sweep.unforeseen is not None:
            raise sweep.unforeseen
        return report

    # Where to look.

    def _left[T](self, read: Callable[[], T | None]) -> T | None:
        """Read what the last sweep left; where it can't be read, log that, and begin as if there had been none."""
        try:
            return read()
        except LastSweepUnreadableError as error:
            fields = {"error": type(error).__name__, "reason": f"{error}; a fresh round begins"}
            self._log("flowlog.fault", fields, level=logging.ERROR)
            return None

    def _hours(self, now: datetime, last: LastSweep | None) -> list[datetime]:
        """Return the hours to look at, earliest first.

        They are counted back from the last complete round, less the grace in which it left blobs alone: what was
        written since then, and was within the look-back when it was written, nobody may have looked at.
        """
        options = self._options
        to_hour = hour_of(now)
        earliest = to_hour - max(options.max_hours, options.hours + 1) * HOUR
        since = now
        if last is not None:
            since = max(min(last.time, now), earliest) - timedelta(seconds=options.grace_seconds)
        from_hour = hour_of(since) - options.hours * HOUR
        if from_hour < earliest:
            fields = {"last": last.time.isoformat() if last else None, "from": earliest.isoformat()}
            self._log("flowlog.sweep_capped", fields, level=logging.WARNING)
            from_hour = earliest
        first = self._first_hour()
        if first is not None:
            from_hour = min(max(from_hour, hour_of(first)), to_hour)
        return [from_hour + number * HOUR for number in range((to_hour - from_hour) // HOUR + 1)]

    # The way.

    def _go_round(self, sweep: _Sweep, places: Sequence[Place]) -> bool:
        """Visit the places, from where the last sweep's time was up; return whether all of them were visited."""
        position = sweep.kept.position
        start = position if position is not None and position.place in places else None
        to_end, to_start = legs_from(places, start)
        if start is None:
            sweep.kept = LastSweep(sweep.kept.time, round_began=sweep.began)
            sweep.silence.round_began = sweep.began
        if not self._visit(sweep, to_end):
            return False
        sweep.kept = LastSweep(sweep.kept.round_began or sweep.kept.time)  # this round is complete
        sweep.silence.end_round()
        if start is not None:
            sweep.kept = replace(sweep.kept, round_began=self._clock.now())
            sweep.silence.round_began = self._clock.now()
            if not self._visit(sweep, to_start):
                return False
            # So is the one that began where this sweep did.
            sweep.kept = LastSweep(sweep.kept.time if sweep.left_something else sweep.began)
            sweep.silence.looked = sweep.began
        return True

    def _visit(self, sweep: _Sweep, legs: Sequence[Leg]) -> bool:
        """Forward what is pending along some legs; return whether all of it was taken up before time was up."""
        pages = sweep.pages.along(legs)
        page, in_time = next(pages, None), True
        while page is not None and in_time:
            running = [(each, self._submit(each.blob, sweep.deadline)) for each in page.pending]
            try:
                next_page = next(pages, None)  # is listed while this one is forwarded
            finally:
                in_time = self._settle(sweep, running)
            if in_time:
                sweep.kept = replace(sweep.kept, position=page.end)
                page = next_page
        if sweep.pages.some_failed:
            sweep.leave()
        return in_time and not sweep.pages.out_of_time

    # Forwarding.

    def _submit(self, blob: SourceBlob, deadline: float) -> Future[RunResult | None]:
        """Let the executor forward a blob."""
        return self._executor.submit(self._forward_in_time, blob, deadline)

    def _forward_in_time(self, blob: SourceBlob, deadline: float) -> RunResult | None:
        """Forward a blob, in a thread of the executor; None where time is up before its turn."""
        if self._clock.monotonic() >= deadline:
            return None
        return self._forward(blob, deadline + self._options.run_seconds * _LAST_RUNS)

    def _settle(self, sweep: _Sweep, running: Sequence[tuple[ListedBlob, Future[RunResult | None]]]) -> bool:
        """Wait for the blobs of a page, and count what became of them; return whether each had its turn."""
        report, in_time = sweep.report, True
        for listed, future in running:
            try:
                result = future.result()
            except CheckpointUnreadableError:  # no later try can do better; the forwarder has logged it
                report.failed += 1
            except FlowLogError:  # the forwarder has logged it
                report.failed += 1
                sweep.leave()
            except Exception as error:  # noqa: BLE001 # the others have their turn first; then it is raised
                report.failed += 1
                sweep.leave()
                sweep.unforeseen = sweep.unforeseen or error
                fields = {"blob": listed.blob.path, "error": type(error).__name__, "reason": "not foreseen"}
                self._log("flowlog.fault", fields, level=logging.ERROR)
            else:
                if result is None:
                    in_time = False
                elif result.outcome in _LEFT:
                    sweep.leave()
                else:
                    report.caught += result.outcome is Outcome.COMPLETE
        return in_time
