"""What long work tells while it goes on: on a terminal in place, elsewhere in a plain line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from flowlog_core.cli.output.streams import ERR
from flowlog_core.cli.output.terminal import console

_PLAIN_SECONDS: Final = 15.0  # between two lines where nobody looks on


@contextmanager
def progress(every: float = _PLAIN_SECONDS) -> Iterator[Callable[[str], None]]:
    """Yield a callback that reports progress on standard error; call it as often as needed.

    Args:
        every: Seconds between two lines where standard error is no terminal.

    Raises:
        UsageError: Standard error is a terminal, and rich is not installed.

    """
    if ERR.is_terminal:
        latest = _Latest()
        with console(stderr=True).status(latest):
            yield latest.tell
    else:
        yield _now_and_then(every)


class _Latest:
    """What was told last, for rich to draw whenever it draws."""

    def __init__(self) -> None:
        self._text = ""

    def tell(self, text: str) -> None:
        self._text = text

    def __rich__(self) -> str:
        return self._text


def _now_and_then(seconds: float) -> Callable[[str], None]:
    """Write a line where the last one was long enough ago; what is done soon writes none."""
    due = time.monotonic() + seconds

    def tell(text: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + seconds
            ERR.write_line(text)

    return tell
