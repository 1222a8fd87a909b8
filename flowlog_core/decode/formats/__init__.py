"""Formats of flow logs: one module each, and one dispatch; the format is chosen for each record anew.

A record is known by the key that only its format has. What has neither, or both, is of no known layout: guessing by
trial would read one format's columns as another's.
"""

from typing import Any, Final

from flowlog_core.decode.formats import nsg, vnet
from flowlog_core.decode.formats.layout import COUNTERS, TIME, CheckedTuples, Column, Form, Layout
from flowlog_core.decode.formats.levels import MOST_TUPLES
from flowlog_core.decode.formats.record import FlowGroup, FlowRecord, Json, WithheldGroup, WithheldRecord
from flowlog_core.decode.items import RecordMarker
from flowlog_core.errors import ShapeError

__all__ = [
    "COUNTERS",
    "LAYOUTS",
    "MOST_TUPLES",
    "RECORD_MARKER",
    "TIME",
    "CheckedTuples",
    "Column",
    "FlowGroup",
    "FlowRecord",
    "Form",
    "Layout",
    "WithheldGroup",
    "WithheldRecord",
    "decode",
]

LAYOUTS: Final = (*nsg.LAYOUTS.values(), *vnet.LAYOUTS.values())
"""Every tuple layout that is known."""

_DECODERS: Final = {"properties": nsg.decode, "flowRecords": vnet.decode}


def decode(raw: bytes, value: Json) -> FlowRecord | WithheldRecord:
    """Read a record, as far as its levels are sound.

    Args:
        raw: Its bytes.
        value: The same, parsed.

    Raises:
        ShapeError: Its tuples can't be counted: its version or its shape is not known, or it has a key twice (a parser
            keeps only the last).

    """
    record = _read(value)
    if _strings_written(raw) != _strings_parsed(value):
        raise ShapeError("a key stands twice in one object")
    return record


def _read(value: Json) -> FlowRecord | WithheldRecord:
    found = [key for key in _DECODERS if key in value]
    if len(found) != 1:
        raise ShapeError("neither an NSG nor a VNet flow log's record" if not found else "two formats in one record")
    return _DECODERS[found[0]](value)


def _is_record(value: Json) -> bool:
    try:
        return isinstance(_read(value), FlowRecord)
    except ShapeError:
        return False


RECORD_MARKER: Final = RecordMarker(nsg.RECORD_KEYS | vnet.RECORD_KEYS, _is_record)
"""What a record of any known format begins with, so that the scanner resumes there after malformed bytes."""


def _strings_written(raw: bytes) -> int:
    """Count the strings of sound JSON: two quotes for each, without those that a backslash escapes."""
    quotes = raw.count(b'"')
    if b"\\" in raw:
        quotes -= raw.replace(rb"\\", b"").count(rb"\"")
    return quotes // 2


def _strings_parsed(value: Json) -> int:
    """Count keys and string values; a key that stands twice makes it less than what is written."""
    count = 0
    rest: list[Any] = [value]
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            count += len(node)
            rest.extend(node.values())
        elif isinstance(node, list):
            if set(map(type, node)) == {str}:
                count += len(node)
            else:
                rest.extend(node)
        elif isinstance(node, str):
            count += 1
    return count
