"""Texts of app settings in, values out: what a setting takes, and what is said of a text that it does not take."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flowlog_core.connections import may_be_secret, shown
from flowlog_core.errors import FieldsError, SettingValueError
from flowlog_core.flow.schemas.flow_1 import select_fields
from flowlog_core.forwarding.options import Start

_STARTS: Final[Mapping[str, Start]] = {"now": "now", "all": "all"}


@dataclass(frozen=True, slots=True)
class Parser[T]:
    """Reads the text of a setting.

    Attributes:
        takes: What the text may be, in the words of messages and of the documentation.
        read: Takes a text without white space around it and returns its value, or raises SettingValueError.

    """

    takes: str
    read: Callable[[str], T]


def one_of[T](words: tuple[T, ...]) -> Parser[T]:
    """Take one of these words."""
    values = {str(word): word for word in words}
    *first, last = values
    takes = f"{', '.join(first)} or {last}"

    def read(text: str) -> T:
        if text not in values:
            raise _refused(takes, text)
        return values[text]

    return Parser(takes, read)


def number(least: int, most: int) -> Parser[int]:
    """Take a whole number in these limits."""
    takes = f"a whole number from {least} to {most}"

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise _refused(takes, text)
        return int(text)

    return Parser(takes, read)


def _matching(takes: str, pattern: str) -> Parser[str]:
    """Take a text of this form."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise _refused(takes, text)
        return text

    return Parser(takes, read)


def _list_of(names: str, pattern: str) -> Parser[tuple[str, ...]]:
    """Take names of this form, each once."""
    takes = f"{names}, comma-separated"

    def read(text: str) -> tuple[str, ...]:
        words = [word.strip() for word in text.split(",")]
        if not all(words):
            raise SettingValueError(f"has an empty entry; it takes {takes}")
        for word in words:
            if not re.fullmatch(pattern, word, re.ASCII):
                raise _refused(takes, word)
            if words.count(word) > 1:
                raise SettingValueError(f"has {word!r} more than once")
        return tuple(words)

    return Parser(takes, read)


def _fields() -> Parser[tuple[str, ...]]:
    takes = "keys of a flow, comma-separated, or edits of the default such as +blob,-id"

    def read(text: str) -> tuple[str, ...]:
        if not text:
            raise SettingValueError("is empty; leave it out for the default, or name the keys")
        try:
            return select_fields(text)
        except FieldsError as error:
            raise SettingValueError(f"takes {takes}" if may_be_secret(text) else str(error)) from None

    return Parser(takes, read)


def _start() -> Parser[Start]:
    takes = "now, all, or a UTC time such as 2026-11-20T23:00Z"

    def read(text: str) -> Start:
        if text in _STARTS:
            return _STARTS[text]
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise _refused(takes, text) from None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)

    return Parser(takes, read)


def _refused(takes: str, text: str) -> SettingValueError:
    return SettingValueError(f"takes {takes}, not {shown(text)}")


_CONNECTION: Final = r"[A-Za-z]\w{0,39}"

CONNECTION: Final = _matching("the name of a connection (letters, digits, _; up to 40)", _CONNECTION)
CONNECTIONS: Final = _list_of("names of connections (letters, digits, _; up to 40)", _CONNECTION)
CONTAINERS: Final = _list_of("names of containers", r"[a-z0-9](?:-?[a-z0-9]){2,62}")
HUB: Final = _matching("the name of a hub", r"[A-Za-z0-9](?:[\w.-]{0,254}[A-Za-z0-9])?")
FIELDS: Final = _fields()
START: Final = _start()

# Only the shape is looked at: the host is the judge of what it can schedule.
SCHEDULE: Final = _matching("six fields, seconds first, such as 0 */5 * * * *", r"[^ ]+(?: [^ ]+){5}")
