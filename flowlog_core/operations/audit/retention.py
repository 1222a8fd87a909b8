"""What a hub may have let go of by age, so that an event that is missing need not be lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from flowlog_core.operations.audit.ledger import Gap, Ledger
from flowlog_core.operations.ports import RetainedFrom

NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Retention:
    """From when on the hub holds all events.

    Attributes:
        keyed: Whether all events of a blob are in one partition.
        since: Partition to the time from which on it holds all that it took, where it has dropped some before;
            `NEVER` where it holds nothing.

    """

    keyed: bool = True
    since: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, partitions: Iterable[RetainedFrom], *, keyed: bool) -> "Retention":
        """Take what the hub says of its partitions."""
        return cls(keyed, {each.partition: each.enqueued or NEVER for each in partitions if each.dropped})

    def holds_all_after(self, enqueued: datetime) -> bool:
        """Whether the hub holds every event of a blob that it took after one of the blob's, taken then."""
        # Where they are in one partition, the later ones are never let go of before an earlier one.
        return self.keyed or all(enqueued >= since for since in self.since.values())

    def gone_before(self, ledger: Ledger, gap: Gap, hour: datetime | None) -> datetime | None:
        """Say before when the events that a gap wants may have been let go of; None where they were not.

        Args:
            ledger: The gap's.
            gap: Which.
            hour: The blob's: the hub took no event of it before.

        """
        partition = ledger.partition if self.keyed else None
        since = max(self.since.values(), default=None) if partition is None else self.since.get(partition)
        by_age = since is not None and (hour is None or hour < since) and gap.byte_range.end <= ledger.first
        return since if by_age else None
