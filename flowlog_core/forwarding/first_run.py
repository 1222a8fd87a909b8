"""The time of a destination's first run, as blob metadata, written and read."""

from collections.abc import Mapping
from datetime import datetime

from flowlog_core.errors import CheckpointUnreadableError
from flowlog_core.forwarding.metadata import read_time


def write_first_run(time: datetime) -> dict[str, str]:
    """Write the time as metadata."""
    return {"time": time.isoformat()}


def read_first_run(metadata: Mapping[str, str], name: str) -> datetime:
    """Read the time from metadata.

    Args:
        metadata: As `write_first_run` wrote it.
        name: Container and name of the blob that has it, for the error.

    Raises:
        CheckpointUnreadableError: There is no time in it.

    """
    try:
        return read_time(metadata, "time")
    except ValueError as error:
        remedy = "set FLOWLOG_START to a time or to all, or delete this blob: the next run's hour is then the first"
        raise CheckpointUnreadableError(f"{name}, the time of the destination's first run: {error}; {remedy}") from None
