"""How blobs are forwarded, and how far the sweep looks, as values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from flowlog_core.decode.overflow import OverflowLimits
from flowlog_core.events.packer import EventOptions

Start = Literal["now", "all"] | datetime
"""The hour of the destination's first run, no hour, or a time (UTC): blobs of hours before it are left alone."""

PartitionBy = Literal["mac", "none"]

RunLogForm = Literal["each", "minute"]


@dataclass(frozen=True, slots=True)
class RunLogOptions:
    """How passes are logged.

    Attributes:
        form: ``each`` pass has its line; ``minute``: sums of about a minute, and lines of unusual passes only.
        usual_lag_seconds: With ``minute``: a pass with a greater lag is unusual.

    """

    form: RunLogForm = "each"
    usual_lag_seconds: float = 120


@dataclass(frozen=True, slots=True)
class QuarantineLimits:
    """How much a blob may put in quarantine.

    Attributes:
        items: So many items in a generation; what comes after is in one more, the overflow item.
        overflow: How much that one lists.

    """

    items: int = 1000
    overflow: OverflowLimits = field(default_factory=OverflowLimits)


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """How blobs are forwarded.

    Attributes:
        events: How events are written.
        partition_by: ``mac``: the path's MAC address is the partition key; ``none``: round robin.
        run_seconds: After so long a run commits and ends.
        start: Blobs of hours before this are left alone; ``now`` is the hour of the destination's first run.
        chunk_bytes: How much of a blob is read at once; memory depends on it, and not on the blob.
        batch_bytes: How much is queued before a send; about what goes into one batch of Event Hubs.
        commit_seconds: After so long a pass commits what is acknowledged, and goes on; what was sent since the last
            commit comes again if the process dies.
        quarantine: How much a blob may put in quarantine.
        run_log: How passes are logged.
        replay: Label of a replay, for its events; None where blobs are forwarded for the first time.

    """

    events: EventOptions = field(default_factory=EventOptions)
    partition_by: PartitionBy = "mac"
    run_seconds: float = 240
    start: Start = "now"
    chunk_bytes: int = 4 * 1024 * 1024
    batch_bytes: int = 1024 * 1024
    commit_seconds: float = 2
    quarantine: QuarantineLimits = field(default_factory=QuarantineLimits)
    run_log: RunLogOptions = field(default_factory=RunLogOptions)
    replay: str | None = None


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How far the sweep looks.

    Attributes:
        containers: Account and container of each place to look at.
        run_seconds: After so long the sweep ends; the next one goes on.
        hours: How many hours back.
        max_hours: How many at most where the last complete round is longer ago than that.
        grace_seconds: How long a blob must have been quiet: before that its event is probably under way.
        parallel: How many blobs are forwarded at once.
        page_resources: How many resources are listed before their blobs are forwarded.
        silent_minutes: A container that got nothing for longer is silent; 0: none ever is.

    """

    containers: tuple[tuple[str, str], ...]
    run_seconds: float
    hours: int = 3
    max_hours: int = 168
    grace_seconds: int = 120
    parallel: int = 8
    page_resources: int = 500
    silent_minutes: int = 90


def first_hour(start: Start, first_run: Callable[[], datetime]) -> datetime | None:
    """Return the hour before which blobs are left alone, or None where none are.

    Args:
        start: As the option says.
        first_run: Returns the time of the destination's first run; called only where that counts.

    """
    if start == "all":
        return None
    return first_run().replace(minute=0, second=0, microsecond=0) if start == "now" else start
