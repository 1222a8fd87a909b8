"""Values in the metadata of our own blobs, written and read back strictly.

Metadata is ASCII in headers, and anybody who may write to the state account can put anything there. So whatever these
functions did not write is a ValueError that says which value is wrong, and how; callers say what to do about it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

MOST: Final = 2**62
"""The greatest number: half of what an event's property holds, so that no run can count beyond that."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_TIME_LENGTH: Final = len("2026-11-20T23:59:59.123456+00:00")
_SHOWN: Final = 40  # characters of what is wrong


def write_time(time: datetime) -> str:
    """Write a time, in milliseconds."""
    return time.isoformat(timespec="milliseconds")


def write_text(text: str) -> str:
    """Write any text, percent-encoded."""
    return quote(text, safe="")


def read_number(metadata: Mapping[str, str], key: str) -> int:
    """Read a whole number from 0 to `MOST`.

    Raises:
        ValueError: It is missing, or something else.

    """
    value = _present(metadata, key)
    if not _NUMBER.fullmatch(value) or int(value) > MOST:
        raise ValueError(f"{key} is {_shown(value)}, no whole number from 0 to {MOST}")
    return int(value)


def read_flag(metadata: Mapping[str, str], key: str) -> bool:
    """Read ``true`` or ``false``.

    Raises:
        ValueError: It is missing, or something else.

    """
    value = _present(metadata, key)
    if value not in {"true", "false"}:
        raise ValueError(f"{key} is {_shown(value)}, neither true nor false")
    return value == "true"


def read_time(metadata: Mapping[str, str], key: str) -> datetime:
    """Read a time with its time zone; the result is in UTC.

    Raises:
        ValueError: It is missing, or something else.

    """
    value = _present(metadata, key)
    try:
        time = datetime.fromisoformat(value) if value.isascii() and len(value) <= _TIME_LENGTH else None
        if time is not None and time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{key} is {_shown(value)}, no time with a time zone")


def read_text(metadata: Mapping[str, str], key: str) -> str:
    """Read what `write_text` wrote.

    Raises:
        ValueError: It is missing, or something else.

    """
    value = _present(metadata, key)
    try:
        text = unquote(value, errors="strict")
    except UnicodeDecodeError:
        text = None
    if text is None or write_text(text) != value:
        raise ValueError(f"{key} is {_shown(value)}, no text in percent-encoding")
    return text


def _present(metadata: Mapping[str, str], key: str) -> str:
    value = metadata.get(key)
    if value is None:
        raise ValueError(f"{key} is missing")
    return value


def _shown(value: str) -> str:
    """Quote a value for a message, cut where it is long."""
    return ascii(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!a}…"
