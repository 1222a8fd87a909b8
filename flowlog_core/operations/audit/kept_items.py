"""What quarantine has of a blob."""

from dataclasses import dataclass
from typing import Self

from flowlog_core.errors import ItemGoneError, QuarantineUnreadableError
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import ItemName, is_item_of


@dataclass(frozen=True, slots=True)
class KeptItems:
    """What quarantine has of a blob.

    Attributes:
        count: How many tuples, see `TupleCounts`; at least as many as are looked for, where there are so many items.
        not_a_flow_log: Whether some version of the blob was no flow log at all.

    """

    count: int
    not_a_flow_log: bool

    @classmethod
    def of(cls, blob: SourceBlob, counted: int, quarantine: QuarantineStore) -> Self:
        """Look for what is counted: one request for each 5,000 items, and one for each item where these are fewer."""
        items = quarantine.items(blob.account, blob.container, blob.name)
        read = ((item.name, ItemName.read(item.name)) for item in items if is_item_of(item.name, blob))
        names = [(each, name) for each, name in read if name is not None]
        not_a_flow_log = any(name.offset == 0 for _, name in names)
        if not_a_flow_log or len(names) >= counted:  # each item stands for one at least
            return cls(len(names), not_a_flow_log)
        count = sum(_count(each, quarantine, overflow=name.is_overflow) for each, name in names)
        return cls(count, not_a_flow_log=False)


def _count(name: str, quarantine: QuarantineStore, *, overflow: bool) -> int:
    """Count what an item stands for: nothing, where its content is another's."""
    try:
        if overflow:
            listed = quarantine.overflow(name)
            return 0 if listed is None or listed.disagreement else listed.overflow.count
        stored = quarantine.get(name)
    except ItemGoneError:
        return 0
    except QuarantineUnreadableError:  # of another version; `flowlog quarantine` tells
        return 1
    return 0 if stored.disagreement else stored.item.count
