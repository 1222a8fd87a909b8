"""What long work tells while it goes on: on a terminal in place, elsewhere in a plain line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from flowlog_core.cli.output.terminal import console

_PLAIN_SECONDS: Final = 15.0  # between two lines where nobody looks on


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give what takes, as often as one likes, how far the work has come; it is written to standard error.

    Raises:
        UsageError: Standard error is a terminal, and rich is not installed.

    """
    if sys.stderr.isatty():
        latest = _Latest()
        with console(stderr=True).status(latest):
            yield latest.tell
    else:
        yield _now_and_then()


class _Latest:
    """What was told last, for rich to draw whenever it draws."""

    def __init__(self) -> None:
        self._text = ""

    def tell(self, text: str) -> None:
        self._text = text

    def __rich__(self) -> str:
        return self._text


def _now_and_then() -> Callable[[str], None]:
    """Write a line where the last one was long enough ago; what is done soon writes none."""
    due = time.monotonic() + _PLAIN_SECONDS

    def tell(text: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _PLAIN_SECONDS
            sys.stderr.write(f"{text}\n")

    return tell
