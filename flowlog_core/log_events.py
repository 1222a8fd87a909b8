"""Log events as one line of JSON each, written and read: the platform keeps a log record's message alone."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from flowlog_core import __version__

LOGGER_NAME: Final = "flowlog"

# By name: the worker logs for us below `azure`, too, as `azure.functions`.
_CLIENTS: Final = ("azure.core", "azure.eventhub", "azure.identity", "azure.storage")


@dataclass(frozen=True, slots=True)
class LogEvent:
    """What happened, for whoever queries the logs.

    Attributes:
        name: Such as ``flowlog.run``.
        fields: What about it; JSON values, and none called ``event`` or ``version``.
        version: The product's.

    """

    name: str
    fields: Mapping[str, Any]
    version: str = __version__

    @classmethod
    def read(cls, line: str) -> Self | None:
        """Read a line that `write` wrote; None where it is none."""
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(fields, dict):
            return None
        name, version = fields.pop("event", None), fields.pop("version", None)
        return cls(name, fields, version) if isinstance(name, str) and isinstance(version, str) else None

    def write(self) -> str:
        """Write as a line. It begins with the name, by which alerts and charts find it."""
        return orjson.dumps({"event": self.name, **self.fields, "version": self.version}).decode()


class JsonLog:
    """Writes log events to the logger ``flowlog``; see `ports.Log`."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER_NAME)
        # The clients log each request at INFO, which would cost more than the flows.
        for client in _CLIENTS:
            logging.getLogger(client).setLevel(logging.WARNING)

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:
        """Write one."""
        self._logger.log(level, "%s", LogEvent(event, fields).write())
