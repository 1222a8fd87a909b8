"""The levels of a record, read one by one: a fault costs the tuples below it, and nothing else.

A record has upper levels (NSG: rules; VNet: ACLs), these have lower ones (NSG: MAC addresses; VNet: rules), and those
have the tuples. Withheld tuples are counted all the same, so that every tuple keeps its ordinal, and with it its id,
when a later version reads more. A later version that reads what can't be counted today must number those tuples after
all others of the record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flowlog_core.decode.formats.record import FlowGroup, Json, WithheldGroup
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
        first = 0  # ordinal of the next tuple
        for number, upper in enumerate(uppers):
            at = f"{self.at}/{number}"
            fault = _fault(upper, self.upper, self.upper_name, self.lower)
            if fault is not None:
                for withheld in self._withhold_upper(upper, at, first, fault, at):
                    first += len(withheld.ordinals)
                    groups.append(withheld)
                    _bound(first, len(groups))
                continue
            name, lowers, below = upper[self.upper_name], upper[self.lower], f"{at}/{self.lower}/"
            _bound(first, len(groups) + len(lowers))
            for index, lower in enumerate(lowers):
                fault = _fault(lower, self.lower, self.lower_name, "flowTuples")
                if fault is None:
                    tuples = lower["flowTuples"]
                    ordinals = range(first, first + len(tuples))
                    first = ordinals.stop
                    groups.append(make(name, lower[self.lower_name], tuples, ordinals, f"{below}{index}"))
                else:
                    withheld = self._withhold_lower(lower, f"{below}{index}", first, fault, f"{below}{index}")
                    first += len(withheld.ordinals)
                    groups.append(withheld)
        _bound(first, len(groups))
        return groups

    def withhold(self, uppers: list[Any], fault: str) -> list[WithheldGroup]:
        """Withhold all flow groups, as the record itself has a fault.

        Raises:
            ShapeError: There are more than `MOST_TUPLES`.

        """
        groups: list[WithheldGroup] = []
        first = 0
        for number, upper in enumerate(uppers):
            for withheld in self._withhold_upper(upper, f"{self.at}/{number}", first, fault, ""):
                first += len(withheld.ordinals)
                groups.append(withheld)
                _bound(first, len(groups))
        return groups

    def _withhold_upper(self, upper: Json, at: str, first: int, fault: str, fault_at: str) -> Iterator[WithheldGroup]:
        """Withhold what is below an upper level, for a fault of it or of its record."""
        uncounted = _fault(upper, self.upper, None, self.lower)
        if uncounted is not None:
            yield WithheldGroup(uncounted, at, None, range(0))
            return
        for index, lower in enumerate(upper[self.lower]):
            group = self._withhold_lower(lower, f"{at}/{self.lower}/{index}", first, fault, fault_at)
            first += len(group.ordinals)
            yield group

    def _withhold_lower(self, lower: Json, at: str, first: int, fault: str, fault_at: str) -> WithheldGroup:
        """Withhold the tuples of a lower level, for a fault of it or above it."""
        uncounted = _fault(lower, self.lower, None, "flowTuples")
        if uncounted is not None:
            return WithheldGroup(uncounted, at, None, range(0))
        tuples = lower["flowTuples"]
        return WithheldGroup(fault, fault_at, tuples, range(first, first + len(tuples)))


def _fault(level: object, array: str, name: str | None, below: str) -> str | None:
    """Return what is wrong with a level of an array: with its name, unless that doesn't matter, and what is below."""
    if not isinstance(level, dict):
        return f"{array} holds something that is no object"
    if name is not None and not isinstance(level.get(name), str):
        return f"{name} is not a string" if name in level else f"no {name}"
    if not isinstance(level.get(below), list):
        return f"{below} is not an array" if below in level else f"no {below}"
    return None


def _bound(tuples: int, groups: int) -> None:
    if tuples + groups > MOST_TUPLES:
        raise ShapeError(f"more than {MOST_TUPLES} tuples and flow groups")
