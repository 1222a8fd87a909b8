"""The log lines of an invocation, all written by its own thread.

The Functions host drops a log line unless it comes with the id of a running invocation. The worker finds that id by a
context variable that it sets in the thread in which it calls the function; a thread of our own has none. A copied
context is no way out: workers for Python before 3.13 do not look at it (azure-functions-python-worker#1860).

So a function's work runs beside the function's thread, and that thread writes what the work logs, line by line, as it
comes: a sweep takes minutes, and may be killed. It takes over lines from every thread that the work's context reaches:
of every logger, those of the Azure clients too.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

type _Line = tuple[logging.Handler, logging.LogRecord]

_lines: Final[ContextVar[SimpleQueue[_Line | None] | None]] = ContextVar("lines of the invocation", default=None)


class InvocationPool(ThreadPoolExecutor):
    """Threads that hand over what they log to the invocation that they work for, if they work for one."""

    def submit[**P, T](self, call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Run a call in the caller's context."""
        context = copy_context()
        return super().submit(lambda: context.run(call, *arguments, **named))


def write_lines_of[T](work: Callable[[], T]) -> T:
    """Run work in another thread; meanwhile write in this one what is logged by it and by the pools that it uses.

    Lines keep the order in which they were logged. All that the work has logged is written when this returns or raises;
    it takes over the lines of the root logger's handlers, which pass on all others as before.

    Returns:
        What the work returned.

    Raises:
        Exception: Whatever the work raised.

    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(_HandOver(handler))
    lines: SimpleQueue[_Line | None] = SimpleQueue()
    context = copy_context()
    context.run(_lines.set, lines)
    with ThreadPoolExecutor(1, thread_name_prefix="invocation") as thread:
        done = thread.submit(context.run, work)
        done.add_done_callback(lambda _: lines.put(None))
        while (line := lines.get()) is not None:
            _write(*line)
        return done.result()


def _write(handler: logging.Handler, record: logging.LogRecord) -> None:
    try:
        handler.handle(record)
    except Exception:  # noqa: BLE001 # as in any handler: a line that can't be written must not end the work
        handler.handleError(record)


@dataclass(frozen=True, slots=True)
class _HandOver:
    """A filter of a log handler: it holds a line back where another thread is to write it.

    Attributes:
        handler: The handler. Filters of the same one are equal, and a handler takes equal filters once.

    """

    handler: logging.Handler

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this thread writes the line itself."""
        lines = _lines.get()
        if lines is None:
            return True
        lines.put((self.handler, record))
        return False
