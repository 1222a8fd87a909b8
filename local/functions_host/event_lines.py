"""Events as JSON lines: how the host's process reports to its starter, log lines of the app among them."""

import json
import logging
import os
import threading
from typing import TextIO

type Event = dict[str, object]

# The host keeps what these write for its own telemetry; it shows the app's log.
_SYSTEM_LOGGERS = ("azure.functions", "azure_functions_runtime", "azurefunctions")


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
    """Makes a `log` event of each log record; of the runtime's own, from warnings up."""

    def __init__(self, lines: EventLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record: level, logger and message, with the traceback where it has one."""
        of_system = any(record.name == name or record.name.startswith(f"{name}.") for name in _SYSTEM_LOGGERS)
        if of_system and record.levelno < logging.WARNING:
            return
        try:
            message = self.format(record)
        except Exception:  # noqa: BLE001  a log line that can't be formatted is reported on standard error, as everywhere
            self.handleError(record)
            return
        self._lines.write({"event": "log", "level": record.levelname, "logger": record.name, "message": message})
