"""Events as JSON lines: how the host's process reports to its starter, log lines of the app among them."""

import json
import logging
import os
import threading
from collections.abc import Callable
from typing import TextIO

type Event = dict[str, object]

# The host keeps what these write for its own telemetry; it shows the app's log. The event loop is the host's.
_SYSTEM_LOGGERS = ("asyncio", "azure.functions", "azure_functions_runtime", "azurefunctions")


class EventLines:
    """Writes one event a line; threads may share it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Write an event at once; where nobody reads any more, end the process: there is nobody to work for."""
        line = json.dumps(event)
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except BrokenPipeError:
                os._exit(1)


class LogEvents(logging.Handler):
    """Makes `log` events of log records: of the app's, those that come with a running invocation, as the host does.

    Of the runtime's own it takes those from warnings up.

    Attributes:
        dropped: How many of the app's lines came without a running invocation, and are gone.

    """

    def __init__(self, lines: EventLines, find_invocation: Callable[[], str | None]) -> None:
        """Take where events go, and what finds the running invocation that the calling thread logs for."""
        super().__init__()
        self.dropped = 0
        self._lines = lines
        self._find_invocation = find_invocation

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record: level, logger, message, with the traceback where it has one, and the invocation's id."""
        of_system = any(record.name == name or record.name.startswith(f"{name}.") for name in _SYSTEM_LOGGERS)
        if of_system and record.levelno < logging.WARNING:
            return
        invocation = self._find_invocation()
        if invocation is None and not of_system:
            self.dropped += 1  # one thread at a time: the handler's lock is held
            return
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  a log line that can't be formatted is reported on standard error, as everywhere
            self.handleError(record)
            return
        event: Event = {"event": "log", "level": record.levelname, "logger": record.name, "message": message}
        self._lines.write(event if invocation is None else event | {"invocation": invocation})
