"""The turn to form a large record, which the runs of a process take one after the other, so that memory is bounded."""

from collections.abc import Callable
from typing import Final

from flowlog_core.forwarding.ports import Turn

_SLICE: Final = 0.5  # seconds after which one who waits looks at the time


class LargeRecordTurn:
    """One pass's turn: it is held from before a large record is formed until all of it is acknowledged."""

    def __init__(self, turn: Turn, while_waiting: Callable[[], None]) -> None:
        """Take the process's turn, and what is called again and again while another run has it."""
        self._turn = turn
        self._while_waiting = while_waiting
        self._held = False

    @property
    def held(self) -> bool:
        """Whether a large record is under way."""
        return self._held

    def take(self) -> None:
        """Wait for the turn. Whatever `while_waiting` raises ends the wait."""
        while not self._held:
            self._held = self._turn.acquire(timeout=_SLICE)
            if not self._held:
                self._while_waiting()

    def end(self) -> None:
        """Let the next run have it; nothing where it is not held."""
        if self._held:
            self._held = False
            self._turn.release()
