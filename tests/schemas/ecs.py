"""Judges an event by the table of the fields of ECS; there is no validator of ECS to do it."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final

from tests.schemas.ecs_fields import FIELDS, REQUIRED, Field

_DATE: Final = re.compile(  # strict_date_optional_time, with the nine digits of a second that it takes
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def ecs_faults(event: dict[str, Any]) -> list[str]:
    """List what ECS doesn't allow of an event; nothing where it is one."""
    leaves = dict(_leaves(event, ""))
    faults = [f"{name} is missing" for name in sorted(REQUIRED - leaves.keys())]
    for name, value in leaves.items():
        field = FIELDS.get(name)
        if field is None:
            faults.append(f"{name} is no field")
        else:
            faults += [f"{name} is {fault}" for fault in _faults(field, value)]
    return faults


def _leaves(value: dict[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        name = f"{above}{key}"
        if isinstance(each, dict):
            yield from _leaves(each, f"{name}.")
        else:
            yield name, each


def _faults(field: Field, value: object) -> Iterator[str]:
    if isinstance(value, list) != field.array:
        yield "no array" if field.array else "an array"
        return
    for each in value if isinstance(value, list) else [value]:
        if not _has_type(field, each):
            yield f"no {field.type}: {each!r}"
        elif field.allowed and each not in field.allowed:
            yield f"{each!r}, which is not allowed"
        elif field.pattern and re.fullmatch(field.pattern, str(each)) is None:
            yield f"{each!r}, which doesn't match"
    if isinstance(value, list) and not value:
        yield "empty"


def _has_type(field: Field, value: object) -> bool:
    if field.type == "long":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if not isinstance(value, str):
        return False
    if field.type == "date":
        return _DATE.fullmatch(value) is not None
    return field.type == "keyword" or _is_address(value)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
