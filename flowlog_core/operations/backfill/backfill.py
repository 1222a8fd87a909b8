"""The use case: forward the blobs of a span of time, whatever their age.

A backfill takes the blobs that are not complete, by the sweep's rule, through the ordinary forwarder and with the
ordinary checkpoints. So leases keep it and the running app apart, and one that was interrupted goes on where it was.
A replay is the same with checkpoints of its own and a label on its events.

The blobs are listed twice: first to count what there is to do, so that progress has a total and a dry run is nothing
but that; then to do it. A listing costs one request for 5,000 blobs or checkpoints, a blob at least five: the count is
cheap, and neither pass keeps more than the blobs of a resource and a day.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from flowlog_core.errors import BlobGoneError, FlowLogError, SendError, StorageError
from flowlog_core.forwarding.forwarder import Forwarder, ForwardOptions, RunReport
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.ports import BlobListing, BlobSource, CheckpointStore, Clock, EventSink, Log, Quarantine
from flowlog_core.operations.backfill.counting import CountingQuarantine, CountingSink, Moved
from flowlog_core.operations.backfill.stoppable import StoppableClock, StoppableListing
from flowlog_core.operations.blob_progress import BlobProgress, list_progress
from flowlog_core.source.blob import SourceBlob

RUN_SECONDS: Final = 240.0
"""After so long a run commits and ends, and its blob is taken up again; a hub that can't be reached is given up."""

MOST_FAULTS: Final = 1000
"""So many are told one by one; all are counted."""

GRACE_SECONDS: Final = 15.0
"""For so long a run that is stopped goes on with a range of which a part has arrived."""

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

    """

    selection: Selection
    forward: ForwardOptions
    replay: str | None = None
    parallel: int = 4


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
        return sum(self.endings[ending] for ending in (Ending.HELD, Ending.ARCHIVED, Ending.UNFINISHED, Ending.FAILED))

    def add_fault(self, blob: SourceBlob, ending: Ending, reason: str) -> None:
        """Count a blob that needs somebody's hand."""
        self.endings[ending] += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(blob, ending, reason))


class Backfill:
    """One backfill. Only `stop` may be called by another thread, or while another method is at work."""

    def __init__(
        self,
        *,
        source: BlobSource,
        listing: BlobListing,
        checkpoints: CheckpointStore,
        sink: EventSink,
        quarantine: Quarantine,
        executor: Executor,
        background: Executor,
        clock: Clock,
        log: Log,
        options: BackfillOptions,
    ) -> None:
        """Take what it needs; `executor` runs up to `parallel` calls at once, `background` is the forwarder's."""
        self._real_clock = clock
        self._clock = StoppableClock(clock, RUN_SECONDS)
        self._source = source
        self._listing = StoppableListing(listing, self._clock)
        self._checkpoints = checkpoints
        self._executor = executor
        self._options = options
        self._report = BackfillReport()
        self._give_up_at = 0.0
        self._running: set[Future[_Ended]] = set()
        self._held: list[SourceBlob] = []
        # Runs append to it in their threads, `_settle` takes from it in its own: a deque does both in one step.
        self._moved: deque[Moved] = deque()
        self._forwarder = Forwarder(
            source=source,
            checkpoints=checkpoints,
            sink=CountingSink(sink, self._moved.append),
            quarantine=CountingQuarantine(quarantine, self._moved.append),
            clock=self._clock,
            log=log,
            background=background,
            options=replace(options.forward, start="all", run_seconds=RUN_SECONDS, replay=options.replay),
        )

    @property
    def stops(self) -> int:
        """How often `stop` was called."""
        return self._clock.stops

    def stop(self) -> None:
        """End soon: no blob is begun any more, and the runs under way commit what was acknowledged, and release.

        A range of events of which a part has arrived is finished first, as it would come again otherwise; after some
        seconds, or a second call, that is given up, too. May be called at any time, by a signal handler for one.
        """
        self._clock.stop()

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
        report, began = self._report, self._real_clock.monotonic()

        def show() -> None:
            report.seconds = self._real_clock.monotonic() - began
            progress(report)

        try:
            self._take_up_all(show)
            self._settle(show, at_most=0)
            self._wait_for_held(show)
        except BaseException:
            self.stop()  # a fault of this program: the runs under way end as at an interruption
            raise
        report.seconds = self._real_clock.monotonic() - began
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
                    self._report.add_fault(progress.listed.blob, Ending.ARCHIVED, "it is in the archive tier")
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
        now = self._real_clock.monotonic()
        if self.stops == 0:
            self._give_up_at = now + GRACE_SECONDS
        elif self.stops == 1 and now >= self._give_up_at:
            self.stop()

    def _reckon(self, ended: "_Ended") -> None:
        report = self._report
        if ended.ending is Ending.HELD and len(self._held) < MOST_FAULTS:
            self._held.append(ended.blob)
        elif ended.ending in {Ending.HELD, Ending.UNFINISHED, Ending.FAILED}:
            report.add_fault(ended.blob, ended.ending, ended.reason)
        else:
            report.endings[ended.ending] += 1
            report.broken_off = report.broken_off or ended.reason or None

    def _wait_for_held(self, show: Callable[[], None]) -> None:
        """Take up again what other runs held: for as long as the lease of one that died lasts, and a little longer."""
        until = self._real_clock.monotonic() + self._checkpoints.lease_seconds + _HELD_MARGIN
        while self._held and not self._over:
            held, self._held = self._held, []
            for blob in held:
                self._begin(blob, show)
            self._settle(show, at_most=0)
            if self._real_clock.monotonic() >= until:
                break
            if self._held:
                self._clock.sleep(_HELD_PAUSE)
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
        """Forward a blob for one run; None where that ended for want of time, or as the hub was busy."""
        began = self._clock.monotonic()
        try:
            reports = self._forwarder.forward(blob)
            return self._ended(blob, reports, self._clock.monotonic() - began)
        except BlobGoneError:
            return _Ended(blob, Ending.GONE)
        except SendError as error:
            # The hub is everybody's: were it tried for each blob as long as for this one, that would take for ever.
            return None if error.busy else _Ended(blob, Ending.STOPPED, str(error))
        except FlowLogError as error:
            return _Ended(blob, Ending.FAILED, str(error))

    def _ended(self, blob: SourceBlob, reports: list[RunReport], seconds: float) -> "_Ended | None":
        if not reports:
            return _Ended(blob, Ending.HELD, "another run holds it")
        last = reports[-1]
        if last.complete:
            return _Ended(blob, Ending.COMPLETE)
        if seconds > RUN_SECONDS / 2:  # its time was up: where the hub is busy, that is some seconds early
            return None
        self._source.etag(blob)  # raises where it is gone
        reason = f"it ends inside a record, or in bytes that are none, after offset {last.to_offset}"
        return _Ended(blob, Ending.UNFINISHED, reason)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the taking up of a blob ended; where it was stopped for a reason, that stops the backfill."""

    blob: SourceBlob
    ending: Ending
    reason: str = ""
