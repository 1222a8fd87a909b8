"""What bytes of a flow log count for, so that every tuple can be accounted for."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class TupleCounts:
    """What some bytes of a flow log hold. What gives no flow is in quarantine, so that flows + quarantined = tuples.

    Attributes:
        tuples: Tuples that can be counted; a malformed range, or a record or level whose tuples can't be, is one.
        quarantined: How many of these are in quarantine.

    """

    tuples: int = 0
    quarantined: int = 0

    def __add__(self, other: Self) -> "TupleCounts":
        return TupleCounts(self.tuples + other.tuples, self.quarantined + other.quarantined)

    def __sub__(self, other: Self) -> "TupleCounts":
        return TupleCounts(self.tuples - other.tuples, self.quarantined - other.quarantined)
