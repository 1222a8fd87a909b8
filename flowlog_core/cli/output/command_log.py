"""Log events of the use cases, as a command tells of them."""

from collections.abc import Mapping
from logging import INFO
from typing import Final

import orjson

from flowlog_core.cli.output.streams import ERR, complain
from flowlog_core.log_events import LogEvent

_WAITING: Final = "flowlog.throttled"


class CommandLog:
    """Tells in a line that sending has to wait, and with ``--verbose`` every event as JSON; see `ports.Log`."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = INFO) -> None:  # noqa: ARG002 # see `ports.Log`
        """Write one."""
        if self._verbose:
            ERR.write_json_line(orjson.loads(LogEvent(event, fields).write()))
        elif event == _WAITING:
            why = "the hub is busy" if fields["busy"] else "the hub can't be reached"
            complain(f"{why}; trying again in {fields['waitSeconds']} s")
