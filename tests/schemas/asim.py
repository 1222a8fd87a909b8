"""Judges a row by the table of ASIM's columns, as ASIM's own tester does, which needs a workspace to run."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES
from tests.schemas.asim_columns import ALIASES, COLUMNS, NOT_IN_THE_TESTER, Column

_MAC: Final = re.compile("[a-fA-F0-9]{2}(:[a-fA-F0-9]{2}){5}")
_DATETIME: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,7})?Z")
_KEYWORDS: Final = frozenset(PROTOCOL_NAMES.values())  # of IANA's registry, which the tester downloads
_FAILED: Final = {"Deny", "Drop", "Drop ICMP", "Reset", "Reset Source", "Reset Destination"}


def asim_faults(row: dict[str, Any]) -> list[str]:
    """List what the table or the tester doesn't allow of a row; nothing where it is one."""
    faults = [f"{name} is no column of the table" for name in row if name not in COLUMNS]
    faults += [
        f"{name} is missing"
        for name, column in COLUMNS.items()
        if name not in row and (column.cls == "Mandatory" or column.of in row)
    ]
    faults += [f"{alias} has no {name} to stand for" for alias, name in ALIASES.items() if name not in row]
    for name, value in row.items():
        if name in COLUMNS:
            faults += [f"{name} is {fault}" for fault in _faults(name, COLUMNS[name], value)]
    if (row.get("EventResult") == "Failure") != (row.get("DvcAction") in _FAILED):
        faults.append("EventResult doesn't go with DvcAction")
    return faults


def _faults(name: str, column: Column, value: object) -> Iterator[str]:
    if not _has_type(column, value):
        yield f"no {column.type}: {value!r}"
    elif column.allowed and value not in column.allowed | NOT_IN_THE_TESTER.get(name, frozenset()):
        yield f"{value!r}, which is not allowed"
    elif column.logical and not _has_logical_type(column.logical, str(value)):
        yield f"no {column.logical}: {value!r}"


def _has_type(column: Column, value: object) -> bool:
    match column.type:
        case "int" | "long":
            limit = 2**31 if column.type == "int" else 2**63
            return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        case "datetime":
            return isinstance(value, str) and _DATETIME.fullmatch(value) is not None
        case "dynamic":
            return isinstance(value, dict)
        case "string":
            return isinstance(value, str)


def _has_logical_type(logical: str, text: str) -> bool:
    if logical == "IP Address":
        try:
            ip_address(text)
        except ValueError:
            return False
        return True
    return text in _KEYWORDS if logical == "NetworkProtocol" else _MAC.fullmatch(text) is not None
