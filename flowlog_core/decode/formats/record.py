"""A decoded record as values, and the reading of JSON shapes that formats share."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from flowlog_core.decode.formats.layout import Layout
from flowlog_core.decode.rejected import RejectedTuple, Selection
from flowlog_core.errors import ShapeError

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)

Json = dict[str, Any]
"""A parsed JSON object, of which nothing is known yet."""


@dataclass(frozen=True, slots=True)
class FlowGroup:
    """Tuples of one rule.

    Attributes:
        mac_address: MAC address of the network interface.
        acl_id: Resource that the rule belongs to.
        rule: Name of the rule.
        tuples: As written; nothing of them is checked yet.
        ordinals: For each tuple its position in the record, from 0.
        pointer: JSON pointer (RFC 6901) of the group in its record.

    """

    mac_address: str
    acl_id: str
    rule: str
    tuples: list[object]
    ordinals: Sequence[int]
    pointer: str

    @property
    def count(self) -> int:
        """How many tuples it has."""
        return len(self.tuples)


@dataclass(frozen=True, slots=True)
class WithheldGroup:
    """A flow group that has a fault, or is below a level that has one: its tuples give no flow.

    Attributes:
        reason: What is wrong, without any of the content.
        pointer: JSON pointer (RFC 6901) of the level that has the fault.
        tuples: As written; None where they can't be counted.
        ordinals: For each tuple that can be counted its position in the record.

    """

    reason: str
    pointer: str
    tuples: list[object] | None
    ordinals: Sequence[int]

    @property
    def count(self) -> int:
        """How many tuples it has; 1 where they can't be counted."""
        return 1 if self.tuples is None else len(self.tuples)

    def reject(self) -> list[RejectedTuple]:
        """List its tuples; or itself, where they can't be counted."""
        if self.tuples is None:
            return [RejectedTuple(None, self.reason, self.pointer)]
        return [RejectedTuple(ordinal, self.reason, self.pointer) for ordinal in self.ordinals]


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """A record of a known layout.

    Attributes:
        layout: Layout of its tuples.
        time: The record's time, as written.
        target_resource_id: Resource whose traffic is logged.
        flow_log_resource_id: The flow log's own id, where the format has it.
        category: As written, or None.
        operation_name: As written, or None.
        flow_log_guid: GUID of the flow log (NSG: ``systemId``), or None.
        groups: Its flow groups, in order.

    """

    layout: Layout
    time: str
    target_resource_id: str
    flow_log_resource_id: str | None
    category: str | None
    operation_name: str | None
    flow_log_guid: str | None
    groups: Sequence[FlowGroup | WithheldGroup]

    @property
    def count(self) -> int:
        """How many tuples it has; a group whose tuples can't be counted is one."""
        return sum(group.count for group in self.groups)

    def select(self, selection: Selection) -> "FlowRecord":
        """Reduce it to some of its tuples, which keep their ordinals."""
        return replace(self, groups=list(_select(self.groups, selection)))

    @property
    def moment(self) -> datetime | None:
        """Its time in UTC, where no zone is written too; None where it is no ISO 8601 time (RFC 3339, section 5.6)."""
        if _TIME.fullmatch(self.time) is None:
            return None
        try:
            moment = datetime.fromisoformat(self.time)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # no such day, or none of a year from 1 to 9999
            return None


@dataclass(frozen=True, slots=True)
class WithheldRecord:
    """A record of a known layout that has a fault itself, so that none of its tuples gives a flow.

    Attributes:
        reason: What is wrong, without any of the content.
        groups: Its flow groups, in order.

    """

    reason: str
    groups: Sequence[WithheldGroup]

    @property
    def count(self) -> int:
        """See `FlowRecord.count`."""
        return sum(group.count for group in self.groups)

    def select(self, selection: Selection) -> "WithheldRecord":
        """See `FlowRecord.select`."""
        return replace(self, groups=list(_select(self.groups, selection)))

    def reject(self) -> tuple[RejectedTuple, ...]:
        """List its tuples, and the groups whose tuples can't be counted."""
        return tuple(each for group in self.groups for each in group.reject())


def text(value: Mapping[str, Any], key: str) -> str:
    """Read a string that must be there."""
    found = value.get(key)
    if not isinstance(found, str):
        raise ShapeError(f"{key} is not a string" if key in value else f"no {key}")
    return found


def text_or_none(value: Mapping[str, Any], key: str) -> str | None:
    """Read a string that may be missing or null."""
    return None if value.get(key) is None else text(value, key)


def array(value: Mapping[str, Any], key: str) -> list[Any]:
    """Read an array that must be there."""
    found = value.get(key)
    if not isinstance(found, list):
        raise ShapeError(f"{key} is not an array" if key in value else f"no {key}")
    return found


_VERSION: Final = re.compile(r"(\d{1,9})(?:\.0+)?", re.ASCII)


def version(value: Mapping[str, Any], key: str) -> int:
    """Read a format's version: a number, or a string such as ``"2"`` or ``"1.0"``."""
    found = value.get(key)
    if isinstance(found, (int, float, str)) and not isinstance(found, bool):
        match = _VERSION.fullmatch(str(found))
        if match is not None:
            return int(match.group(1))
    raise ShapeError(f"{key} is no version" if key in value else f"no {key}")


def _select[G: (FlowGroup | WithheldGroup, WithheldGroup)](groups: Iterable[G], selection: Selection) -> Iterator[G]:
    for group in groups:
        if selection.has_level(group.pointer):
            yield group
        elif group.tuples is not None:
            chosen = [index for index, ordinal in enumerate(group.ordinals) if selection.has(ordinal)]
            if chosen:
                tuples, ordinals = group.tuples, group.ordinals
                yield replace(
                    group,
                    tuples=[tuples[index] for index in chosen],
                    ordinals=[ordinals[index] for index in chosen],
                )
