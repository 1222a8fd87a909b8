"""What the app logs, out of what its host reports."""

from collections.abc import Callable, Mapping
from typing import Any

from flowlog_core.log_events import LogEvent
from local.functions_host.process import WorkerProcess


def log_event(reported: Mapping[str, Any]) -> LogEvent | None:
    """Read the log event in what a host reported; None where it is something else."""
    return LogEvent.read(reported.get("message", ""))


def reports(name: str) -> Callable[[Mapping[str, Any]], bool]:
    """Say whether a log event of this name was reported; for `WorkerProcess.wait_for`."""
    return lambda reported: (event := log_event(reported)) is not None and event.name == name


def log_events_of(worker: WorkerProcess) -> list[LogEvent]:
    """Give all log events that a host reported so far."""
    return [event for event in map(log_event, worker.seen()) if event is not None]
