"""Ctrl-C and SIGTERM: the first one asks a program to end in good order, the second one ends it at once."""

import signal
from types import FrameType, TracebackType
from typing import Final, Self

# SIGINT is named even though Python handles it: a script that starts a program in the background has it ignored.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Notes the first SIGINT or SIGTERM from entry to exit; a second one raises KeyboardInterrupt.

    Attributes:
        seen: Whether there was one.

    """

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise_interrupts()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            signal.default_int_handler(number, frame)
        self.seen = True


def raise_interrupts() -> None:
    """Let every SIGINT and SIGTERM raise KeyboardInterrupt from now on."""
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
