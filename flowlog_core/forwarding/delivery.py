"""Ranges of events in, acknowledged ones out: sending with patience.

Of a backlog one batch is sent in the background while the next ones are encoded. Only the send itself runs there; the
queue, the lease and the patience belong to the pass's own thread, so nothing is shared. At most one batch is under way,
so they arrive in order, and none is once `drain`, `finish` or `abandon` has returned.
"""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flowlog_core.errors import BusyError, SendError, StoppedError, StorageError
from flowlog_core.events.packer import Event, PackedRange
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.lease import SEND_SECONDS
from flowlog_core.forwarding.progress import Progress
from flowlog_core.source.blob import SourceBlob

_MOST_BATCHES: Final = 4  # queued before encoding waits for sending
_BUSY_SECONDS: Final = 4.0  # what the service asks for when it is busy
_RECONNECT_SECONDS: Final = 1.0
_LONGEST_WAIT: Final = 20.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long sending is tried again.

    Attributes:
        deadline: When the run's time is up, on the clock's monotonic scale.
        seconds: How much longer a range is tried of which a part has arrived: a later run would send that part again.

    """

    deadline: float
    seconds: float


class Delivery:
    """Sends the ranges of one pass, in order, and reports to its progress what is acknowledged.

    Attributes:
        throttled: Whether it had to wait.

    """

    def __init__(
        self,
        blob: SourceBlob,
        progress: Progress,
        ports: ForwardPorts,
        *,
        partition_key: str | None,
        patience: Patience,
        hold_lease: Callable[[], None],
        commit: Callable[[], None],
    ) -> None:
        """Take what sending needs.

        Args:
            blob: The source blob.
            progress: Of the pass.
            ports: What it works with.
            partition_key: Of all events.
            patience: How long sending is tried again.
            hold_lease: Called before each send, to ensure that the lease outlasts it.
            commit: Called after each batch, while the next one is sent where there is one. It may raise `StorageError`
                and is then called again later.

        """
        self._blob = blob
        self._progress = progress
        self._sink = ports.sink
        self._clock = ports.clock
        self._log = ports.log
        self._stop = ports.stop
        self._partition_key = partition_key
        self._patience = patience
        self._hold_lease = hold_lease
        self._commit = commit
        self._queue: deque[Event] = deque()
        self._queued_bytes = 0
        self._sending: Future[int] | None = None
        self._attempt = 0
        self._given_up = False
        self.throttled = False

    def max_event_bytes(self) -> int:
        """Ask the destination for its limit, with the same patience as `drain`, and the same errors."""
        attempt = 0
        while True:
            try:
                return self._sink.max_event_bytes()
            except SendError as error:
                attempt += 1
                self._wait(error, attempt)

    def enqueue(self, packed: PackedRange) -> None:
        """Add a range."""
        self._progress.pack(packed)
        self._queue += packed.events
        self._queued_bytes += sum(len(event.body) for event in packed.events)

    def send_ahead(self, background: Executor, batch_bytes: int) -> None:
        """Send a batch in the background if there is one, and none under way; wait only where too much is queued.

        Args:
            background: Where it is sent.
            batch_bytes: Size of the bodies that are worth a send.

        Raises:
            BusyError: There is no time left, and the destination is busy.
            StoppedError: A stop was requested while the destination refused.
            SendError: There is no time left, and the destination can't be reached.
            StorageError: There is none left, and the lease can't be renewed, or nothing be committed.
            CheckpointLostError: The lease is another's.

        """
        while self._queued_bytes >= batch_bytes:
            if self._sending is None:
                self._patiently(lambda: self._begin(background))
                self._patiently(self._commit)
            elif self._sending.done() or self._queued_bytes >= _MOST_BATCHES * batch_bytes:
                self._patiently(self._end)
            else:
                return

    def drain(self) -> None:
        """Send all that waits; where the destination refuses, wait and go on as long as there is time.

        The errors are those of `send_ahead`; a stop that was requested ends it before the next batch.
        """
        while self._queue or self._sending is not None:
            if self._sending is None and self._stop.ends_sending(in_range=self._progress.in_range):
                raise StoppedError
            self._patiently(self._send if self._sending is None else self._end)
            self._patiently(self._commit)

    def finish(self) -> None:
        """End the sending where it stands; the lease must not be released before.

        What is under way is waited for. Of a range of which a part has arrived the rest is sent, unless that was given
        up, or is to stop at once: a later run would send that part again.

        The errors are those of `drain`.
        """
        self._await()
        while self._progress.in_range and not self._given_up and not self._stop.at_once:
            self._patiently(self._send)

    def abandon(self) -> None:
        """Wait for what is under way, and send nothing more."""
        self._await()
        self._queue.clear()
        self._given_up = True

    def _await(self) -> None:
        with suppress(SendError):  # then it is not acknowledged, and stays uncommitted
            self._end()

    def _patiently(self, step: Callable[[], None]) -> None:
        """Take a step; if it fails, wait, so that it can be taken again, or end the pass."""
        try:
            step()
        except (SendError, StorageError) as error:
            self._attempt += 1
            self._wait(error, self._attempt)

    def _begin(self, background: Executor) -> None:
        """Begin to send a batch in the background."""
        self._sending = background.submit(self._sender())

    def _end(self) -> None:
        """Wait for the batch that is under way; where the waiting is interrupted, it still is."""
        if self._sending is None:
            return
        try:
            acknowledged = self._sending.result()
        except Exception:
            self._sending = None
            raise
        self._sending = None
        self._acknowledge(acknowledged)

    def _send(self) -> None:
        """Send a batch."""
        self._acknowledge(self._sender()())

    def _sender(self) -> Callable[[], int]:
        """Make the call that sends the next batch, for as long as the lease surely holds from now on."""
        self._hold_lease()
        until = self._clock.monotonic() + SEND_SECONDS
        events = list(self._queue)

        def send() -> int:
            within = until - self._clock.monotonic()  # it may have had to wait for its turn
            if within <= 0:
                raise SendError(f"{self._blob}: other sends took all the time", busy=True)
            return self._sink.send(events, self._partition_key, within=within)

        return send

    def _acknowledge(self, events: int) -> None:
        self._attempt = 0
        for _ in range(events):
            self._queued_bytes -= len(self._queue.popleft().body)
        self._progress.acknowledge(events)

    def _wait(self, error: SendError | StorageError, attempt: int) -> None:
        """Wait before the next try, or end the pass where that would take too long.

        A range of which a part has arrived is not given up as easily: a later run would send that part again.
        """
        self._end_if_stopped(error)
        busy, in_range = isinstance(error, SendError) and error.busy, self._progress.in_range
        first = _BUSY_SECONDS if busy else _RECONNECT_SECONDS
        seconds = min(first * 2 ** (attempt - 1), _LONGEST_WAIT) * (1 + self._clock.random() / 4)
        patience = self._patience.seconds if in_range else 0
        if self._clock.monotonic() + seconds > self._patience.deadline + patience:
            self._given_up = True
            if busy and not in_range:
                raise BusyError from error
            raise error
        fields = {
            "blob": self._blob.path,
            "reason": str(error),
            "busy": busy,
            "attempt": attempt,
            "waitSeconds": round(seconds, 1),
        }
        self._log("flowlog.throttled", fields, level=logging.WARNING)
        self.throttled = True
        self._stop.sleep(self._clock, seconds)
        self._end_if_stopped(error)

    def _end_if_stopped(self, error: SendError | StorageError) -> None:
        if self._stop.ends_sending(in_range=self._progress.in_range):
            self._given_up = True
            raise StoppedError from error
