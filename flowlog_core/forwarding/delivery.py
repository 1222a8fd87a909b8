"""Ranges of events in, acknowledged ones out: sending with patience, and what may be committed after it.

Of a backlog one batch is sent in the background while the next ones are encoded. Only the send itself runs there; the
queue, the lease and the patience belong to the run's own thread, so nothing is shared. One batch is under way at most,
so they arrive in order, and none is once `drain`, `finish` or `abandon`
has returned.
"""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flowlog_core.errors import SendError, StorageError
from flowlog_core.events.packer import Event, PackedRange
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.ports import Clock, EventSink, Log
from flowlog_core.source.blob import SourceBlob

SEND_SECONDS: Final = 40.0
"""Time limit of a send. No send starts unless the lease lasts longer."""

_MOST_BATCHES: Final = 4  # queued before encoding waits for sending
_BUSY_SECONDS: Final = 4.0  # what the service asks for when it is busy
_RECONNECT_SECONDS: Final = 1.0
_LONGEST_WAIT: Final = 20.0


class OutOfTimeError(Exception):
    """The run's time is up. That is no fault: what was acknowledged is committed, and the next run goes on."""


@dataclass(slots=True)
class _Queued:
    """A range to be sent.

    Attributes:
        events: Those of its events that are not acknowledged yet.
        flows: Flows in all of its events.
        reached: The checkpoint for when all of them are.
        begun: Whether some of them are.

    """

    events: list[Event]
    flows: int
    reached: Checkpoint
    begun: bool = False


class Delivery:
    """Sends the ranges of one run, in order.

    Attributes:
        flows: Flows of the ranges acknowledged completely.
        events: Events acknowledged.

    """

    def __init__(
        self,
        blob: SourceBlob,
        *,
        sink: EventSink,
        clock: Clock,
        log: Log,
        partition_key: str | None,
        deadline: float,
        patience: float,
        hold_lease: Callable[[], None],
    ) -> None:
        """Take what sending needs.

        Args:
            blob: The source blob.
            sink: The destination.
            clock: For waiting.
            log: For telling that it waits.
            partition_key: Of all events.
            deadline: When the run's time is up, on the clock's monotonic scale.
            patience: How many seconds longer a range is tried of which a part has arrived.
            hold_lease: Called before each send, to make sure that the lease outlasts it.

        """
        self.flows = 0
        self.events = 0
        self._blob = blob
        self._sink = sink
        self._clock = clock
        self._log = log
        self._partition_key = partition_key
        self._deadline = deadline
        self._patience = patience
        self._hold_lease = hold_lease
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._sending: Future[int] | None = None
        self._attempt = 0
        self._forwarded: Checkpoint | None = None
        self._given_up = False

    @property
    def is_idle(self) -> bool:
        """Whether everything that was ever added is acknowledged."""
        return not self._queue and self._sending is None

    def max_event_bytes(self) -> int:
        """Ask the destination for its limit, with the same patience as `drain`, and the same errors."""
        attempt = 0
        while True:
            try:
                return self._sink.max_event_bytes()
            except SendError as error:
                attempt += 1
                self._wait(error, attempt)

    def enqueue(self, packed: PackedRange, reached: Checkpoint) -> None:
        """Add a range, with the checkpoint for when it is acknowledged."""
        self._queue.append(_Queued(list(packed.events), packed.flows, reached))
        self._queued_bytes += sum(len(event.body) for event in packed.events)

    def take_forwarded(self) -> Checkpoint | None:
        """Return the checkpoint of the last range acknowledged completely, or None if none was since the last call."""
        forwarded, self._forwarded = self._forwarded, None
        return forwarded

    def send_ahead(self, background: Executor, batch_bytes: int) -> None:
        """Send a batch in the background if there is one, and none under way; wait only where too much is queued.

        Args:
            background: Where it is sent.
            batch_bytes: Size of the bodies that are worth a send.

        Raises:
            OutOfTimeError: There is no time left, and the destination is busy.
            SendError: There is none left, and the destination can't be reached.
            StorageError: There is none left, and the lease can't be renewed.
            CheckpointLostError: The lease is another's.

        """
        while self._queued_bytes >= batch_bytes:
            if self._sending is None:
                self._patiently(lambda: self._begin(background))
            elif self._sending.done() or self._queued_bytes >= _MOST_BATCHES * batch_bytes:
                self._patiently(self._end)
            else:
                return

    def drain(self) -> None:
        """Send all that waits; where the destination refuses, wait and go on as long as there is time.

        Raises:
            OutOfTimeError: As `send_ahead`, and so are the others.
            SendError: See there.
            StorageError: See there.
            CheckpointLostError: See there.

        """
        while not self.is_idle:
            self._patiently(self._send if self._sending is None else self._end)

    def finish(self) -> None:
        """End the sending where it stands; the lease must not be released before.

        What is under way is waited for. Of a range of which a part has arrived the rest is sent, unless that was given
        up: a later run would send that part again.

        Raises:
            SendError: As `send_ahead`, and so are the others.
            StorageError: See there.
            CheckpointLostError: See there.

        """
        self._await()
        while self._queue and self._queue[0].begun and not self._given_up:
            self._patiently(self._send)

    def abandon(self) -> None:
        """Wait for what is under way, and send nothing more."""
        self._await()
        self._queue.clear()

    def _await(self) -> None:
        with suppress(SendError):  # then it is not acknowledged, and stays uncommitted
            self._end()

    def _patiently(self, step: Callable[[], None]) -> None:
        """Take a step; if it fails, wait, so that it can be taken again, or end the run."""
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
        events = [event for queued in self._queue for event in queued.events]

        def send() -> int:
            within = until - self._clock.monotonic()  # it may have had to wait for its turn
            if within <= 0:
                raise SendError(f"{self._blob}: other sends took all the time", busy=True)
            return self._sink.send(events, self._partition_key, within=within)

        return send

    def _acknowledge(self, acknowledged: int) -> None:
        """Take acknowledged events off the queue; a range whose last one goes is forwarded."""
        self._attempt = 0
        self.events += acknowledged
        while acknowledged:
            queued = self._queue[0]
            taken = min(acknowledged, len(queued.events))
            acknowledged -= taken
            self._queued_bytes -= sum(len(event.body) for event in queued.events[:taken])
            del queued.events[:taken]
            queued.begun = True
            if not queued.events:
                self._queue.popleft()
                self._forwarded = queued.reached
                self.flows += queued.flows

    def _wait(self, error: SendError | StorageError, attempt: int) -> None:
        """Wait before sending again, or end the run where that would take too long.

        A range of which a part has arrived is not given up as easily: a later run would send that part again.
        """
        busy = isinstance(error, SendError) and error.busy
        first = _BUSY_SECONDS if busy else _RECONNECT_SECONDS
        seconds = min(first * 2 ** (attempt - 1), _LONGEST_WAIT) * (1 + self._clock.random() / 4)
        begun = bool(self._queue) and self._queue[0].begun
        if self._clock.monotonic() + seconds > self._deadline + (self._patience if begun else 0):
            self._given_up = True
            if busy and not begun:
                raise OutOfTimeError from error
            raise error
        fields = {
            "blob": self._blob.path,
            "reason": str(error),
            "busy": busy,
            "attempt": attempt,
            "waitSeconds": round(seconds, 1),
        }
        self._log("flowlog.throttled", fields, level=logging.WARNING)
        self._clock.sleep(seconds)
