"""The use case: forward the blobs of a span of time, whatever their age.

A backfill takes the blobs that are not complete, by the sweep's rule, through the ordinary forwarder and with the
ordinary checkpoints. So leases keep it and the running app apart, and one that was interrupted goes on where it was.
A replay is the same with checkpoints of its own and a label on its events.

The blobs are listed twice: first to count what there is to do, so that progress has a total and a dry run is nothing
but that; then to do it. A listing costs one request for 5,000 blobs or checkpoints, a blob at least five: the count is
cheap, and neither pass keeps more than the blobs of a resource and a day.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from typing import Final

from flowlog_core.errors import FlowLogError, SendError, StorageError
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.options import ForwardOptions, RunLogOptions
from flowlog_core.forwarding.outcome import Outcome, RunResult
from flowlog_core.forwarding.ports import BlobListing, CheckpointStore
from flowlog_core.operations.backfill.counting import CountingQuarantine, CountingSink, Moved
from flowlog_core.operations.backfill.report import AT_FAULT, MOST_FAULTS, BackfillReport, Ending, Survey
from flowlog_core.operations.backfill.stoppable import StoppableListing
from flowlog_core.operations.blob_progress import BlobProgress, list_progress
from flowlog_core.source.blob import SourceBlob

RUN_SECONDS: Final = 240.0
"""After so long a run commits and ends, and its blob is taken up again; a hub that can't be reached is given up."""

GRACE_SECONDS: Final = 15.0
"""See `BackfillOptions.grace_seconds`."""

_TICK: Final = 0.5  # seconds between two looks at what has moved, and at whether to stop
_HELD_PAUSE: Final = 2.0
_HELD_MARGIN: Final = 15.0  # a blob is held by a run that died for as long as its lease lasts


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """What is forwarded, and how.

    Attributes:
        selection: Which blobs.
        forward: How blobs are forwarded; its `start` and `run_seconds` are the app's, and not heeded.
        replay: Label of a replay, or None. The checkpoints are then to be those of that replay.
        parallel: How many blobs are forwarded at once.
        grace_seconds: So long a run that is stopped goes on with a range of which a part has arrived.

    """

    selection: Selection
    forward: ForwardOptions
    replay: str | None = None
    parallel: int = 4
    grace_seconds: float = GRACE_SECONDS


class Backfill:
    """One backfill. Only `stop` may be called by another thread, or while another method is at work."""

    def __init__(
        self,
        ports: ForwardPorts,
        *,
        listing: BlobListing,
        checkpoints: CheckpointStore,
        executor: Executor,
        options: BackfillOptions,
    ) -> None:
        """Take what it needs; `executor` runs up to `parallel` calls at once."""
        self._clock = ports.clock
        self._stop = ports.stop
        self._listing = StoppableListing(listing, ports.stop)
        self._checkpoints = checkpoints
        self._executor = executor
        self._options = options
        self._report = BackfillReport()
        self._give_up_at: float | None = None
        self._running: set[Future[_Ended]] = set()
        self._held: list[SourceBlob] = []
        # Runs append to it in their threads, `_settle` takes from it in its own: a deque does both in one step.
        self._moved: deque[Moved] = deque()
        counting = replace(
            ports,
            sink=CountingSink(ports.sink, self._moved.append),
            quarantine=CountingQuarantine(ports.quarantine, self._moved.append),
        )
        forward = replace(
            options.forward,
            start="all",
            run_seconds=RUN_SECONDS,
            run_log=RunLogOptions(),
            replay=options.replay,
        )
        self._forwarder = Forwarder(counting, checkpoints, forward)

    @property
    def stops(self) -> int:
        """How often `stop` was called."""
        return self._stop.requests

    def stop(self) -> None:
        """End soon: no blob is begun any more, and the runs under way commit what was acknowledged, and release.

        A range of events of which a part has arrived is finished first, as it would come again otherwise; after some
        seconds, or a second call, that is given up, too. May be called at any time, by a signal handler for one.
        """
        self._stop.request()

    def survey(self, progress: Callable[[Survey], None]) -> Survey:
        """Count what there is to do. Nothing is written.

        Args:
            progress: Called with the count so far.

        Raises:
            StorageError: Blobs or checkpoints can't be listed.

        """
        survey = Survey()
        for each in self._list_progress():
            if each.complete:
                survey.complete += 1
            elif each.listed.archived:
                survey.archived += 1
            else:
                survey.blobs += 1
                survey.length += each.pending_bytes
            progress(survey)
        return survey

    def run(self, progress: Callable[[BackfillReport], None]) -> BackfillReport:
        """Forward what is not complete; a blob that meets a fault does not stop the others.

        Args:
            progress: Called every half second or so with what was done so far.

        """
        report, began = self._report, self._clock.monotonic()

        def show() -> None:
            report.seconds = self._clock.monotonic() - began
            progress(report)

        try:
            self._take_up_all(show)
            self._settle(show, at_most=0)
            self._wait_for_held(show)
        except BaseException:
            self.stop()  # a fault of this program: the runs under way end as at an interruption
            raise
        report.seconds = self._clock.monotonic() - began
        report.stopped = self.stops > 0
        return report

    def _list_progress(self) -> Iterator[BlobProgress]:
        return list_progress(self._listing, self._checkpoints, self._options.selection, None)

    def _take_up_all(self, show: Callable[[], None]) -> None:
        """Take up the blobs that are not complete, some at once, until there are no more or something forbids it."""
        try:
            for progress in self._list_progress():
                if progress.complete:
                    self._report.already += 1
                elif progress.listed.archived:
                    self._report.add_fault(progress.listed.blob, Ending.ARCHIVED, _ARCHIVED)
                else:
                    self._begin(progress.listed.blob, show)
                if self._over:
                    return
        except StorageError as error:
            self._report.broken_off = str(error)

    @property
    def _over(self) -> bool:
        return self.stops > 0 or self._report.broken_off is not None

    def _begin(self, blob: SourceBlob, show: Callable[[], None]) -> None:
        self._settle(show, at_most=self._options.parallel - 1)
        if not self._over:
            self._running.add(self._executor.submit(self._take_up, blob))

    def _settle(self, show: Callable[[], None], *, at_most: int) -> None:
        """Wait until at most so many blobs are being forwarded, and reckon in those that were."""
        while len(self._running) > at_most:
            done, self._running = wait(self._running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for future in done:
                self._reckon(future.result())
            while self._moved:
                moved = self._moved.popleft()
                self._report.bytes += moved.bytes
                self._report.flows += moved.flows
                self._report.events += moved.events
                self._report.quarantined += moved.quarantined
            show()
            self._hurry()

    def _hurry(self) -> None:
        """Stop a second time, some seconds after the first."""
        now = self._clock.monotonic()
        if self.stops == 0:
            return
        if self._give_up_at is None:
            self._give_up_at = now + self._options.grace_seconds
        if self.stops == 1 and now >= self._give_up_at:
            self.stop()

    def _reckon(self, ended: "_Ended") -> None:
        report = self._report
        if ended.ending is Ending.HELD and len(self._held) < MOST_FAULTS:
            self._held.append(ended.blob)
        elif ended.ending in AT_FAULT:
            report.add_fault(ended.blob, ended.ending, ended.reason)
        else:
            report.endings[ended.ending] += 1
            report.broken_off = report.broken_off or ended.reason or None

    def _wait_for_held(self, show: Callable[[], None]) -> None:
        """Take up again what other runs held: for as long as the lease of one that died lasts, and a little longer."""
        until = self._clock.monotonic() + self._checkpoints.lease_seconds + _HELD_MARGIN
        while self._held and not self._over:
            held, self._held = self._held, []
            for blob in held:
                self._begin(blob, show)
            self._settle(show, at_most=0)
            if self._clock.monotonic() >= until:
                break
            if self._held:
                self._stop.sleep(self._clock, _HELD_PAUSE)
        if not self._over:
            for blob in self._held:
                self._report.add_fault(blob, Ending.HELD, "another run holds it")

    # In the executor's threads.

    def _take_up(self, blob: SourceBlob) -> "_Ended":
        """Forward a blob completely, in as many runs as that takes."""
        while not self._over:
            ended = self._forward(blob)
            if ended is not None:
                return ended
        return _Ended(blob, Ending.STOPPED)

    def _forward(self, blob: SourceBlob) -> "_Ended | None":
        """Forward a blob for one run; None where another run can go on with it."""
        try:
            result = self._forwarder.forward(blob)
        except SendError as error:
            # The hub is everybody's: were it tried for each blob as long as for this one, that would take for ever.
            return None if error.busy else _Ended(blob, Ending.STOPPED, str(error))
        except FlowLogError as error:
            return _Ended(blob, Ending.FAILED, str(error))
        ending = _ENDINGS.get(result.outcome)
        return None if ending is None else _Ended(blob, ending, _reason(result))


_ARCHIVED: Final = "it is in the archive tier"

_ENDINGS: Final = {
    Outcome.COMPLETE: Ending.COMPLETE,
    Outcome.INCOMPLETE: Ending.UNFINISHED,
    Outcome.LEASE_HELD: Ending.HELD,
    Outcome.ARCHIVED: Ending.ARCHIVED,
    Outcome.GONE: Ending.GONE,
    Outcome.SKIPPED: Ending.FAILED,  # only the gate skips here, and no later run would do otherwise
    Outcome.STOPPED: Ending.STOPPED,
}
"""What an outcome comes to; after any other, the next run goes on."""


def _reason(result: RunResult) -> str:
    if result.outcome is Outcome.LEASE_HELD:
        return "another run holds it"
    if result.outcome is Outcome.SKIPPED:
        return "the settings do not name it"
    if result.outcome is Outcome.ARCHIVED:
        return _ARCHIVED
    if result.outcome is Outcome.INCOMPLETE:
        offset = result.passes[-1].to_offset
        return f"it ends inside a record, or in bytes that are none, after offset {offset}"
    return ""


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the taking up of a blob ended; where it was stopped for a reason, that stops the backfill."""

    blob: SourceBlob
    ending: Ending
    reason: str = ""
