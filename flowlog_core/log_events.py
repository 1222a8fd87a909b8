"""Log events as one line of JSON each: the platform keeps a log record's message and drops its extra fields."""

import logging
from collections.abc import Mapping
from typing import Final

import orjson

LOGGER_NAME: Final = "flowlog"


class JsonLog:
    """Writes log events to the logger ``flowlog``; see `ports.Log`."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER_NAME)
        # The clients log each request at INFO, which would cost more than the flows.
        logging.getLogger("azure").setLevel(logging.WARNING)

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:
        """Write one."""
        self._logger.log(level, "%s", orjson.dumps({"event": event, **fields}).decode())
