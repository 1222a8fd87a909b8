"""The levels of a record, read one by one: a fault costs the tuples below it, and nothing else.

A record has upper levels (NSG: rules; VNet: ACLs), these have lower ones (NSG: MAC addresses; VNet: rules), and those
have the tuples. Withheld tuples are counted all the same, so that every tuple keeps its ordinal, and with it its id,
when a later version reads more. A later version that reads what can't be counted today must number those tuples after
all others of the record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flowlog_core.decode.formats.record import FlowGroup, Json, WithheldGroup, array, text
from flowlog_core.decode.items import MAX_RECORD_BYTES
from flowlog_core.errors import ShapeError

MOST_TUPLES: Final = MAX_RECORD_BYTES // len('"1663146003,::,::,0,0,T,I,A",')
"""More tuples and flow groups than a record can have: one of `MAX_RECORD_BYTES` with only the shortest sound tuples.

Each that is rejected takes some 100 bytes in memory and in quarantine, where it may take 2 in the record.
"""

type MakeGroup = Callable[[str, str, list[object], range, str], FlowGroup]
"""Makes a flow group of the names of its upper and lower level, its tuples, their ordinals, and its pointer."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a format, by their keys.

    Attributes:
        at: JSON pointer of the array of upper levels in its record.
        upper: Key of that array.
        upper_name: Key of what names an upper level.
        lower: Key of the array of lower levels in an upper one.
        lower_name: Key of what names a lower level.

    """

    at: str
    upper: str
    upper_name: str
    lower: str
    lower_name: str

    def read(self, uppers: list[Any], make: MakeGroup) -> list[FlowGroup | WithheldGroup]:
        """Read the flow groups of a record from its upper levels, as parsed.

        Raises:
            ShapeError: There are more than `MOST_TUPLES`.

        """
        groups: list[FlowGroup | WithheldGroup] = []
        numbers = _Numbers()
        for number, upper in enumerate(uppers):
            at = f"{self.at}/{number}"
            try:
                name, lowers = text(_object(upper, self.upper), self.upper_name), array(upper, self.lower)
            except ShapeError as error:
                groups += self._withhold_upper(upper, at, str(error), at, numbers)
                continue
            for index, lower in enumerate(lowers):
                below = f"{at}/{self.lower}/{index}"
                try:
                    lower_name, tuples = text(_object(lower, self.lower), self.lower_name), array(lower, "flowTuples")
                except ShapeError as error:
                    groups.append(self._withhold_lower(lower, below, str(error), below, numbers))
                else:
                    groups.append(make(name, lower_name, tuples, numbers.take(len(tuples)), below))
        return groups

    def withhold(self, uppers: list[Any], reason: str) -> list[WithheldGroup]:
        """Withhold all flow groups, as the record itself has a fault.

        Raises:
            ShapeError: There are more than `MOST_TUPLES`.

        """
        numbers = _Numbers()
        return [
            group
            for number, upper in enumerate(uppers)
            for group in self._withhold_upper(upper, f"{self.at}/{number}", reason, "", numbers)
        ]

    def _withhold_upper(
        self, upper: object, at: str, reason: str, fault_at: str, numbers: "_Numbers"
    ) -> Iterator[WithheldGroup]:
        """Withhold what is below an upper level, for a fault of it or of its record."""
        try:
            lowers = array(_object(upper, self.upper), self.lower)
        except ShapeError as error:
            yield WithheldGroup(str(error), at, None, numbers.take(0))
            return
        for index, lower in enumerate(lowers):
            yield self._withhold_lower(lower, f"{at}/{self.lower}/{index}", reason, fault_at, numbers)

    def _withhold_lower(self, lower: object, at: str, reason: str, fault_at: str, numbers: "_Numbers") -> WithheldGroup:
        """Withhold the tuples of a lower level, for a fault of it or above it."""
        tuples: list[object] | None = None
        try:
            tuples = array(_object(lower, self.lower), "flowTuples")
        except ShapeError as error:
            reason, fault_at = str(error), at
        return WithheldGroup(reason, fault_at, tuples, numbers.take(len(tuples or ())))


class _Numbers:
    """Gives the tuples of a record their ordinals, up to as many as a record can have."""

    def __init__(self) -> None:
        self._tuples = self._groups = 0

    def take(self, count: int) -> range:
        """Return the ordinals of the next group's tuples."""
        first = self._tuples
        self._tuples += count
        self._groups += 1
        if self._tuples + self._groups > MOST_TUPLES:
            raise ShapeError(f"more than {MOST_TUPLES} tuples and flow groups")
        return range(first, self._tuples)


def _object(value: object, key: str) -> Json:
    if not isinstance(value, dict):
        raise ShapeError(f"{key} holds something that is no object")
    return value
