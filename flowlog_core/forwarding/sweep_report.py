"""What a sweep did, as a value: the log events ``flowlog.sweep`` and ``flowlog.archived``."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from flowlog_core.forwarding.silence import Container, Silence, silent_containers
from flowlog_core.source.blob import SourceBlob

_NAMES: Final = 10
"""So many archived blobs are named; all are counted."""

_CONTAINERS: Final = 100
"""Of so many containers the silence is in a log line: those that have been silent longest."""


@dataclass(slots=True)
class SweepReport:
    """What a sweep did; the fields of the log event ``flowlog.sweep``.

    Attributes:
        from_hour: The earliest hour that it looks at.
        to_hour: The latest.
        seen: Blobs listed.
        behind: Those that are not completely forwarded and can be read.
        caught: Those of them that this sweep forwarded completely.
        failed: Those of them that met a fault, and resources or containers that can't be listed.
        oldest_lag_seconds: How long ago the longest-waiting of them was last appended to; 0 where none waited. Where
            the sweep leaves something to the next one, at least the time since the last complete round.
        complete: Whether it visited every place, left nothing to the next one, and nothing failed.
        duration_ms: How long it took.
        archived: Blobs that are not completely forwarded and can't be read, since they are in the archive tier.
        silent: Containers that got nothing for too long.
        silent_seconds: For how long each container got nothing, the longest first; see `Silence.seconds`.

    """

    from_hour: datetime
    to_hour: datetime
    seen: int = 0
    behind: int = 0
    caught: int = 0
    failed: int = 0
    oldest_lag_seconds: float = 0.0
    complete: bool = False
    duration_ms: int = 0
    archived: int = 0
    silent: int = 0
    silent_seconds: dict[Container, float] = field(default_factory=dict)
    _archived_names: list[str] = field(default_factory=list)

    def count_behind(self, lag_seconds: float) -> None:
        """Count a blob that is not completely forwarded; it was last appended to so long ago."""
        self.behind += 1
        self.wait_at_least(lag_seconds)

    def wait_at_least(self, lag_seconds: float) -> None:
        """Take note that something has waited for so long."""
        self.oldest_lag_seconds = max(self.oldest_lag_seconds, round(lag_seconds, 3))

    def count_archived(self, blob: SourceBlob) -> None:
        """Count a blob that is not completely forwarded and is archived."""
        self.archived += 1
        if len(self._archived_names) < _NAMES:
            self._archived_names.append(blob.path)

    def report_silence(self, silence: Silence, silent_minutes: int) -> None:
        """Take over for how long each container got nothing, and count those that are silent."""
        self.silent_seconds = silence.seconds()
        self.silent = len(silent_containers(self.silent_seconds, silent_minutes))

    def fields(self) -> dict[str, object]:
        """Return the fields of the log event ``flowlog.sweep``."""
        return {
            "from": self.from_hour.isoformat(),
            "to": self.to_hour.isoformat(),
            "seen": self.seen,
            "behind": self.behind,
            "caught": self.caught,
            "failed": self.failed,
            "oldestLagSeconds": self.oldest_lag_seconds,
            "complete": self.complete,
            "durationMs": self.duration_ms,
            "silent": self.silent,
            "silentSeconds": {
                f"{account}/{container}": round(seconds)
                for (account, container), seconds in islice(self.silent_seconds.items(), _CONTAINERS)
            },
        }

    def archived_fields(self) -> dict[str, object]:
        """Return the fields of the log event ``flowlog.archived``: how many, and some of them by name."""
        return {"count": self.archived, "blobs": list(self._archived_names)}
