"""What a run put in quarantine, for its log event."""

import logging
from dataclasses import dataclass, field
from typing import Final

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.forwarding.bounded_counts import BoundedCounts
from flowlog_core.forwarding.ports import Log
from flowlog_core.source.blob import SourceBlob

_TOP_REASONS: Final = 10  # that many are logged
_MOST_REASONS: Final = 100


@dataclass(slots=True)
class Quarantined:
    """What a run put in quarantine: the log event ``flowlog.quarantined``.

    Attributes:
        items: Items put, the overflow item each time that it was written anew.
        count: Tuples that they stand for, see `TupleCounts`.
        length: Bytes of them.
        offset: That of the first one, or None where nothing was put.
        overflow: Whether some of it is in an overflow item.
        reasons: How many tuples there are for each reason.

    """

    items: int = 0
    count: int = 0
    length: int = 0
    offset: int | None = None
    overflow: bool = False
    reasons: BoundedCounts = field(default_factory=lambda: BoundedCounts(_MOST_REASONS))

    def add(self, item: QuarantineItem, *, overflow: bool) -> None:
        """Count an item."""
        self.items += not overflow
        self.overflow |= overflow
        self.count += item.count
        self.length += item.length
        self.offset = item.offset if self.offset is None else self.offset
        self.reasons.update(dict(item.merged) or {item.reason: item.count})

    def report(self, log: Log, blob: SourceBlob) -> None:
        """Log it, if there is anything."""
        if self.offset is None:
            return
        reasons = self.reasons.largest(_TOP_REASONS)
        fields = {
            "blob": blob.path,
            "offset": self.offset,
            "length": self.length,
            "reason": next(iter(reasons)),
            "reasons": reasons,
            "count": self.count,
            "items": self.items,
            "overflow": self.overflow,
        }
        log("flowlog.quarantined", fields, level=logging.WARNING)
