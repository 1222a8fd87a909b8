"""SIGTERM, by which a supervisor ends a command, does what Ctrl-C does: the work ends in good order."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

type Handler = Callable[[int, FrameType | None], object]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_raise() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt meanwhile, as SIGINT does. Only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupts_call(handler: Handler) -> Iterator[None]:
    """Let both signals call a handler meanwhile, instead of raising in whatever the main thread is at."""
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def interrupts_end_at_once() -> None:
    """Let the next signal end the process as if there were no handler."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
