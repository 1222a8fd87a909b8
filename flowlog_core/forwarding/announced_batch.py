"""The use case: forward the blobs of many announcements at once, as an event hub delivers them.

The hub's trigger takes the batch for done when the function returns, and does not deliver it again. So no blob fails
the batch: what can't be forwarded in its time is left to the sweep.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from traceback import extract_tb

from flowlog_core.errors import FlowLogError
from flowlog_core.forwarding.admission import log_ignored
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.ports import Clock, Log
from flowlog_core.source.announcement import Announcement
from flowlog_core.source.blob import SourceBlob


class BatchForwarder:
    """Forwards batches of announcements. Safe to share between threads."""

    def __init__(self, forwarder: Forwarder, *, executor: Executor, clock: Clock, log: Log, run_seconds: float) -> None:
        """Take what forwarding a batch needs.

        Args:
            forwarder: Forwards each blob.
            executor: Runs it for several blobs at a time.
            clock: Says when the batch's time is up.
            log: Takes what is logged of the batch itself.
            run_seconds: How much time a batch has.

        """
        self._forwarder = forwarder
        self._executor = executor
        self._clock = clock
        self._log = log
        self._run_seconds = run_seconds

    def forward_announced_batch(self, messages: Sequence[bytes]) -> None:
        """Forward the blobs that messages of Event Grid announce, each once, however often it is announced.

        What is no announcement is dropped; each reason for that is logged once. A blob that fails is tried once more
        after the others. What has no turn in the batch's time ends as `Outcome.OUT_OF_TIME`. Each fault is logged, and
        none is raised.
        """
        until = self._clock.monotonic() + self._run_seconds
        announced = [Announcement.read(message) for message in messages]
        for reason in dict.fromkeys(reason for each in announced for reason in each.ignored):
            log_ignored(self._log, reason)
        failed = self._forward(dict.fromkeys(blob for each in announced for blob in each.blobs), until)
        self._forward(failed, until)

    def _forward(self, blobs: Iterable[SourceBlob], until: float) -> list[SourceBlob]:
        """Forward blobs, and return those that failed."""
        running = [
            (blob, self._executor.submit(self._forwarder.forward, blob, until, announced=True)) for blob in blobs
        ]
        failed = []
        for blob, future in running:
            error = future.exception()
            if error is not None:
                failed.append(blob)
                self._log_unforeseen(blob, error)
        return failed

    def _log_unforeseen(self, blob: SourceBlob, error: BaseException) -> None:
        """Log an error that is none of this package's; the forwarder has logged the others."""
        if isinstance(error, FlowLogError):
            return
        raised = extract_tb(error.__traceback__)[-1]
        where = f"not foreseen, in {raised.name}, line {raised.lineno}"
        fields = {"blob": blob.path, "error": type(error).__name__, "reason": where}
        self._log("flowlog.fault", fields, level=logging.ERROR)
