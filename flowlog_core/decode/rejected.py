"""What of a record gives no flow, as values."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RejectedTuple:
    """A tuple that gives no flow, or a level of its record whose tuples can't be counted.

    Attributes:
        ordinal: The tuple's position in its record, from 0; None stands for all tuples below the pointer.
        reason: Why, without any of the content.
        pointer: JSON pointer (RFC 6901), within the record, of the level that has the fault; None where the tuple
            itself has it.

    """

    ordinal: int | None
    reason: str
    pointer: str | None = None

    def __str__(self) -> str:
        what = f"tuple {self.ordinal}" if self.ordinal is not None else f"tuples below {self.pointer}"
        return f"{what}: {self.reason}"


class Selection:
    """The tuples that were rejected once, for finding them again: by their ordinals, or by the level that has them."""

    def __init__(self, rejected: Iterable[RejectedTuple]) -> None:
        each = tuple(rejected)
        self._ordinals = frozenset(one.ordinal for one in each if one.ordinal is not None)
        self._pointers = frozenset(one.pointer for one in each if one.ordinal is None)

    def has(self, ordinal: int) -> bool:
        """Whether a tuple is among them."""
        return ordinal in self._ordinals

    def has_level(self, pointer: str) -> bool:
        """Whether all tuples below a level are."""
        steps = pointer.split("/")
        return any("/".join(steps[:end]) in self._pointers for end in range(1, len(steps) + 1))
