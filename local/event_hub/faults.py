"""Switches that make the local hub misbehave as the service may."""

from collections import deque
from enum import Enum, auto


class Fate(Enum):
    """What becomes of a send."""

    STORE = auto()
    BUSY = auto()
    DROP = auto()
    LOSE_ACK = auto()


class Faults:
    """Switches that make the hub misbehave; to be set from any thread, while it runs.

    The counted ones queue up: after `reject_busy(2)` and `drop_after_store()`, the next two sends find the hub busy and
    the third loses its acknowledgement.

    Attributes:
        busy: While True every send is rejected as busy, and counted faults wait.
        ack_delay: Seconds to hold back each acknowledgement; the events are stored at once.

    """

    def __init__(self) -> None:
        self.busy = False
        self.ack_delay = 0.0
        self._fates: deque[Fate] = deque()

    def reject_busy(self, sends: int = 1) -> None:
        """Reject that many sends as the service does when it throttles."""
        self._fates.extend([Fate.BUSY] * sends)

    def drop_before_store(self, sends: int = 1) -> None:
        """Cut the connection at each of that many sends, with nothing stored."""
        self._fates.extend([Fate.DROP] * sends)

    def drop_after_store(self, sends: int = 1) -> None:
        """Cut the connection at each of that many sends, with the events stored: a lost acknowledgement."""
        self._fates.extend([Fate.LOSE_ACK] * sends)

    def clear(self) -> None:
        """Behave again."""
        self.busy = False
        self.ack_delay = 0.0
        self._fates.clear()

    def take(self) -> Fate:
        """Take the fate of the next send off the queue; for the hub."""
        if self.busy:
            return Fate.BUSY
        try:
            return self._fates.popleft()
        except IndexError:
            return Fate.STORE
