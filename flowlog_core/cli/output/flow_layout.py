"""Flows on a terminal of any width: which columns there is room for, and how wide each is.

Source, destination, decision, protocol and time come first; the other columns share what these leave. An address is
shortened only where no other column is left to give way, and in its middle: its port is always there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from flowlog_core.cli.output.flow_table import COLUMNS, Column, line

_ENDPOINTS: Final = ("SOURCE", "DESTINATION")
_FIRST: Final = (*_ENDPOINTS, "DECISION", "PROTO", "TIME")  # by importance: a narrow terminal has the first of them
_THEN: Final = ("DIR", "RULE", "BYTES", "STATE")

_LONGEST_ENDPOINT: Final = len("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
_MOST: Final[Mapping[str, int]] = {
    **{column.name: column.width for column in COLUMNS},
    "SOURCE": _LONGEST_ENDPOINT,
    "DESTINATION": _LONGEST_ENDPOINT,
    "BYTES": len(f"{2**64:,}"),  # two counters
    "RULE": len("UserRule_") + 80,  # the longest name that Azure lets a rule have
}
_LIMITS: Final = tuple(_MOST[column.name] for column in COLUMNS)
_LEAST: Final[Mapping[str, int]] = {"SOURCE": 12, "DESTINATION": 12, "RULE": 12}  # others are shown as they are
_LEAST_TAIL: Final = len("]:65535")
_CUT: Final = "…"


def limited(words: Sequence[str]) -> tuple[str, ...]:
    """Shorten the cells of a flow to what the widest terminal shows of them: anybody may have sent it."""
    return tuple(_shortened(word, most) for word, most in zip(words, _LIMITS, strict=True))


def widened(widths: Sequence[int], words: Sequence[str]) -> tuple[int, ...]:
    """Widen columns to the cells of a flow.

    Args:
        widths: Width of the widest cell of each of `COLUMNS` so far; to begin with, of its name.
        words: The cells.

    """
    return tuple(max(width, min(len(word), most)) for width, word, most in zip(widths, words, _LIMITS, strict=True))


def fitted(widths: Sequence[int], room: int) -> tuple[Column, ...]:
    """Divide a line of `room` characters among `COLUMNS`; one for which there is no room has the width 0.

    Args:
        widths: Width of the widest cell of each.
        room: Characters in a line.

    """
    widest = {column.name: width for column, width in zip(COLUMNS, widths, strict=True)}
    half = max((room - 1) // 2, 1)
    given: dict[str, int] = {}
    left = room + 1  # a space is between columns; let one follow the last
    for name in _FIRST:
        least = min(widest[name], _LEAST.get(name, widest[name]), half if name in _ENDPOINTS else room)
        left = _give(given, name, least, left)
    left = _grow(given, _ENDPOINTS, widest, left)
    for name in _THEN:
        left = _give(given, name, min(widest[name], _LEAST.get(name, widest[name])), left)
    _grow(given, ("RULE",), widest, left)
    return tuple(replace(column, width=given.get(column.name, 0)) for column in COLUMNS)


def fitted_line(columns: Sequence[Column], words: Sequence[str]) -> str:
    """Write words below each other's columns, each as wide as its column at most."""
    shown = [(column, word) for column, word in zip(columns, words, strict=True) if column.width]
    return line([column for column, _ in shown], [_shortened(word, column.width) for column, word in shown])


def _give(given: dict[str, int], name: str, width: int, left: int) -> int:
    """Give a column its width if that much is left; return what is left then."""
    if width >= left:
        return left
    given[name] = width
    return left - width - 1


def _grow(given: dict[str, int], names: Sequence[str], widest: Mapping[str, int], left: int) -> int:
    """Divide what is left evenly among the columns that need more; return what none needs."""
    wanting = sorted((name for name in names if name in given), key=lambda name: widest[name] - given[name])
    for place, name in enumerate(wanting):
        more = min(widest[name] - given[name], left // (len(wanting) - place))
        given[name] += more
        left -= more
    return left


def _shortened(text: str, width: int) -> str:
    """Leave out the middle of a text that is too long; what stays of an endpoint has its port."""
    if len(text) <= width:
        return text
    tail = min(width - 1, max(width // 2, _LEAST_TAIL))
    return text[: width - 1 - tail] + _CUT + text[len(text) - tail :]
