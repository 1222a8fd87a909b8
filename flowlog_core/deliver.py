"""Ranges of events in, acknowledged ones out: sending with patience, and what may be committed after it."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flowlog_core.blob import SourceBlob
from flowlog_core.checkpoint import Checkpoint
from flowlog_core.errors import SendError, StorageError
from flowlog_core.events import Event, PackedRange
from flowlog_core.ports import Clock, EventSink, Log

SEND_SECONDS: Final = 40.0
"""Time limit of a send. No send starts unless the lease lasts longer."""

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
        forwarded: The checkpoint behind the last range that the last `send` saw acknowledged whole, or None.
        flows: Flows of the ranges acknowledged whole.
        events: Events acknowledged.
        queued_bytes: Size of the bodies that wait.

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
        self.forwarded: Checkpoint | None = None
        self.flows = 0
        self.events = 0
        self.queued_bytes = 0
        self._blob = blob
        self._sink = sink
        self._clock = clock
        self._log = log
        self._partition_key = partition_key
        self._deadline = deadline
        self._patience = patience
        self._hold_lease = hold_lease
        self._queue: deque[_Queued] = deque()

    def max_event_bytes(self) -> int:
        """Ask the destination for its limit, with the same patience as `send`, and the same errors."""
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
        self.queued_bytes += sum(len(event.body) for event in packed.events)

    def send(self) -> None:
        """Send all that waits; where the destination refuses, wait and go on as long as there is time.

        Raises:
            OutOfTimeError: There is none left, and the destination is busy.
            SendError: There is none left, and the destination can't be reached.
            StorageError: There is none left, and the lease can't be renewed.
            CheckpointLostError: The lease is another's.

        """
        self.forwarded = None
        attempt = 0
        while self._queue:
            events = [event for queued in self._queue for event in queued.events]
            try:
                self._hold_lease()
                acknowledged = self._sink.send(events, self._partition_key, within=SEND_SECONDS)
            except (SendError, StorageError) as error:
                attempt += 1
                self._wait(error, attempt)
            else:
                attempt = 0
                self._settle(acknowledged)

    def _settle(self, acknowledged: int) -> None:
        """Take acknowledged events off the queue; a range whose last one goes is forwarded."""
        self.events += acknowledged
        while acknowledged:
            queued = self._queue[0]
            taken = min(acknowledged, len(queued.events))
            acknowledged -= taken
            self.queued_bytes -= sum(len(event.body) for event in queued.events[:taken])
            del queued.events[:taken]
            queued.begun = True
            if not queued.events:
                self._queue.popleft()
                self.forwarded = queued.reached
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
