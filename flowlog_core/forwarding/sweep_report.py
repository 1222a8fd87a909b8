"""What a sweep did, as a value: the log events ``flowlog.sweep`` and ``flowlog.archived``."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flowlog_core.source.blob import SourceBlob

_NAMES: Final = 10
"""So many archived blobs are named; all are counted."""


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
        }

    def archived_fields(self) -> dict[str, object]:
        """Return the fields of the log event ``flowlog.archived``: how many, and some of them by name."""
        return {"count": self.archived, "blobs": list(self._archived_names)}
