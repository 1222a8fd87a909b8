"""The turn to form a large record, which the runs of a process take one after the other, so that memory is bounded."""

from collections.abc import Callable
from typing import Final

from flowlog_core.forwarding.ports import Turn

_SLICE: Final = 0.5  # seconds after which one who waits looks at the time


class LargeRecordTurn:
    """One pass's turn: it is held from before a large record is formed until all of it is acknowledged."""

    def __init__(self, turn: Turn) -> None:
        """Take the process's turn."""
        self._turn = turn
        self._held = False

    @property
    def held(self) -> bool:
        """Whether a large record is under way."""
        return self._held

    def take(self, while_waiting: Callable[[], None]) -> None:
        """Wait for the turn; what is called meanwhile, again and again, may raise to end the wait."""
        while not self._held:
            self._held = self._turn.acquire(timeout=_SLICE)
            if not self._held:
                while_waiting()

    def end(self) -> None:
        """Let the next run have it; nothing where it is not held."""
        if self._held:
            self._held = False
            self._turn.release()
