"""The use case: forward one blob's fresh bytes.

A run is one or more passes. After a pass it looks at the source once more, unless the lease was held only shortly: an
append that came in between was announced to a run that found the lease held. See `lease`.
"""

import logging
import math
from datetime import datetime
from typing import Final

from flowlog_core.errors import BlobArchivedError, BlobGoneError, CheckpointLostError, FlowLogError
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.admission import log_ignored
from flowlog_core.forwarding.blob_pass import BlobPass
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.lease import WAIT_SECONDS, HeldLease
from flowlog_core.forwarding.options import ForwardOptions, first_hour
from flowlog_core.forwarding.outcome import Outcome, PassReport, RunResult
from flowlog_core.forwarding.ports import CheckpointStore
from flowlog_core.forwarding.quarantined import Quarantined
from flowlog_core.forwarding.run_log import RunLog
from flowlog_core.source.announcement import Announcement
from flowlog_core.source.blob import SourceBlob

_LOOKED_AT_AGAIN: Final = frozenset({Outcome.COMPLETE, Outcome.INCOMPLETE, Outcome.GONE})


class Forwarder:
    """Forwards blobs to one destination. Safe to share between threads."""

    def __init__(self, ports: ForwardPorts, checkpoints: CheckpointStore, options: ForwardOptions) -> None:
        """Take what forwarding needs."""
        self._ports = ports
        self._checkpoints = checkpoints
        self._options = options
        self._run_log = RunLog(ports.log, ports.clock, options.run_log)
        self._encoder = Encoder(options.events.schema)
        self._first_hour: datetime | None = None

    def forward(self, blob: SourceBlob, until: float = math.inf, *, announced: bool = False) -> RunResult:
        """Forward what is new in a blob.

        A blob that does not pass the gate, or is of an hour before the start, is skipped; for the first no request is
        made, nor once a stop was requested or `until` has passed. One that another run holds is left to that run.

        Args:
            blob: The blob.
            until: When the caller's own time is up, on the clock's monotonic scale; the run then ends, too.
            announced: Whether an append was announced, so that the run waits where another one holds the blob, and asks
                once more. If it is still held then, by a process that died perhaps, the sweep forwards the append.

        Raises:
            SendError: The destination can't be reached.
            StorageError: Storage refused or failed a request.
            EventLimitError: The hub's events are too small for a flow.
            CheckpointUnreadableError: The checkpoint, or the time of the first run, is of another version or writer.

        """
        refusal = self._ports.gate.refusal(blob)
        if refusal is not None:
            log_ignored(self._ports.log, refusal, blob)
            return RunResult(Outcome.SKIPPED)
        if self._ports.stop.is_set:  # the process may end before a lease that it takes now is released
            return self._leave(blob, Outcome.STOPPED)
        if self._ports.clock.monotonic() >= until:
            return self._leave(blob, Outcome.OUT_OF_TIME)
        if blob.is_before(self.first_hour()):
            return RunResult(Outcome.SKIPPED)
        passes: list[PassReport] = []
        quarantined = Quarantined()
        deadline = min(self._ports.clock.monotonic() + self._options.run_seconds, until)
        try:
            while True:
                report = PassReport(blob, Outcome.FAILED, in_quarantine=quarantined)
                passes.append(report)
                held_shortly = self._pass(report, deadline, waits=announced and len(passes) == 1)
                if held_shortly or not self._is_to_be_read_again(report, deadline):
                    return RunResult(passes[-1].outcome, tuple(passes))
        except FlowLogError as error:
            self._log_fault(error, blob=blob.path)
            raise
        finally:
            quarantined.report(self._ports.log, blob)
            self._run_log.end_run(passes)

    def forward_announced(self, message: bytes) -> None:
        """Forward the blobs that a message of Event Grid announces; what is no announcement is dropped, and logged.

        Raises:
            FlowLogError: As `forward` says, for the first blob that failed; the others had their turn.

        """
        announcement = Announcement.read(message)
        for reason in announcement.ignored:
            log_ignored(self._ports.log, reason)
        faults: list[FlowLogError] = []
        for blob in announcement.blobs:
            try:
                self.forward(blob, announced=True)
            except FlowLogError as error:
                faults.append(error)
        if faults:
            raise faults[0]

    def first_hour(self) -> datetime | None:
        """Return the hour before which blobs are left alone, or None where none are.

        Raises:
            CheckpointUnreadableError: What is stored as the time of the destination's first run is no time.
            StorageError: It can't be read.

        """
        if self._first_hour is None:
            now = self._ports.clock.now
            try:
                self._first_hour = first_hour(self._options.start, lambda: self._checkpoints.first_run(now()))
            except FlowLogError as error:
                self._log_fault(error)
                raise
        return self._first_hour

    def _leave(self, blob: SourceBlob, outcome: Outcome) -> RunResult:
        """Leave a blob to a later run, and log why."""
        report = PassReport(blob, outcome)
        self._run_log.end_pass(report)
        self._run_log.end_run((report,))
        return RunResult(outcome, (report,))

    def _is_to_be_read_again(self, report: PassReport, deadline: float) -> bool:
        """Look at the source: what came in between was announced to a run that found the lease held."""
        if report.outcome not in _LOOKED_AT_AGAIN:
            return False
        try:
            etag = self._ports.source.etag(report.blob)
        except (BlobGoneError, BlobArchivedError):
            return False
        return etag != report.etag and self._ports.clock.monotonic() < deadline and not self._ports.stop.is_set

    def _pass(self, report: PassReport, deadline: float, *, waits: bool) -> bool:
        """Make a pass, and say whether the lease was held so shortly that nobody need look at the source again."""
        clock = self._ports.clock
        began = clock.monotonic()
        lease = self._acquire(report, waits=waits)
        if lease is None:
            self._end(report, began)
            return False
        held_shortly = False
        try:
            report.outcome = self._forward(report, lease, deadline)
        finally:
            try:
                held_shortly = lease.release()
            finally:
                report.requests += lease.requests
                report.requests += report.outcome in _LOOKED_AT_AGAIN and not held_shortly
                self._end(report, began)
        return held_shortly

    def _acquire(self, report: PassReport, *, waits: bool) -> HeldLease | None:
        """Take the lease; where there is none to be had, complete the report."""
        blob, source, clock = report.blob, self._ports.source, self._ports.clock
        for asks_again in (True, False) if waits else (False,):
            asked = clock.monotonic()
            try:
                acquired = self._checkpoints.acquire(blob, lambda: source.etag(blob))
            except BlobGoneError:
                report.outcome, report.requests = Outcome.GONE, 3  # no checkpoint, no blob, and the look at it again
                return None
            except BlobArchivedError:
                report.outcome, report.requests = Outcome.ARCHIVED, 2  # no checkpoint, and none is made
                return None
            if acquired is not None:
                return HeldLease(acquired, clock, acquired=asked, lease_seconds=self._checkpoints.lease_seconds)
            report.requests += 1
            if asks_again:
                self._ports.stop.sleep(clock, WAIT_SECONDS)
                if self._ports.stop.is_set:
                    break
        report.outcome = Outcome.LEASE_HELD
        return None

    def _forward(self, report: PassReport, lease: HeldLease, deadline: float) -> Outcome:
        try:
            return BlobPass(
                report,
                lease,
                ports=self._ports,
                options=self._options,
                encoder=self._encoder,
                deadline=deadline,
            ).run()
        except CheckpointLostError as error:
            fields = {"blob": report.blob.path, "reason": str(error)}
            self._ports.log("flowlog.conflict", fields, level=logging.WARNING)
            return Outcome.LEASE_HELD

    def _log_fault(self, error: FlowLogError, **named: str) -> None:
        fault = {"error": type(error).__name__, "reason": str(error)}
        self._ports.log("flowlog.fault", named | fault, level=logging.ERROR)

    def _end(self, report: PassReport, began: float) -> None:
        """Log what a pass did, or add it to what is logged."""
        report.duration_ms = round((self._ports.clock.monotonic() - began) * 1000)
        if report.outcome is Outcome.GONE:
            self._ports.log("flowlog.gone", {"blob": report.blob.path})
        self._run_log.end_pass(report)
