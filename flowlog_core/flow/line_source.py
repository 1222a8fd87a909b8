"""Python source of a function that writes lines, put together from left to right.

A line is one f-string: constant pieces, columns of the tuple, and what is looked up for them, in turn. The function
first puts the pieces together, which all flows of a flow group share, then splits all tuples at once, and fills in the
columns of one after the other. The source holds names and numbers only; all text is passed in as values.

Constant text that stands beside a look-up is made part of what is looked up, and look-ups beside each other become one:
each part that an f-string joins has its cost in every line.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowlog_core.decode.formats import MOST_TUPLES, FlowGroup, FlowRecord
from flowlog_core.source.blob import SourceBlob

_MOST_ENTRIES: Final = 32  # of look-ups that become one


@dataclass(frozen=True, slots=True)
class Slot[**P]:
    """A place in a line for a constant value.

    Attributes:
        of: Returns the value.
        before: What stands before the value, and is left out with it where it is null; "" where null is written.
        after: Likewise, after it.
        always: Whether all lines have it. Otherwise its text has a bounded length.

    """

    of: Callable[P, str | int | None]
    before: str = ""
    after: str = ""
    always: bool = True


@dataclass(frozen=True, slots=True)
class Formatter:
    """A tree, compiled for one layout.

    Attributes:
        record_slots: Places for values that are the same in a complete record.
        group_slots: Places for values that are the same in a complete flow group.
        id_slots: How often the prefix of ids stands in a line.
        format_lines: Writes a line for each tuple. It takes one or more tuples, which fit the layout; the texts of
            their ordinals; a table from seconds since 1970 to ``2022-09-14T09:00:03.``; the ids' prefix; and the texts
            of the slots, those of the record first.
        most_bytes: What a line takes at most, beside the texts of its slots and of its tuple.
        most_copies: How often a column of the tuple stands in a line at most.

    """

    record_slots: tuple[Slot[SourceBlob, FlowRecord], ...]
    group_slots: tuple[Slot[FlowGroup], ...]
    id_slots: int
    format_lines: Callable[..., list[str]]
    most_bytes: int
    most_copies: int


type _Part = _LookUp | _Constant | _Expression


@dataclass(frozen=True, slots=True)
class _LookUp:
    """A table from letters to text.

    Attributes:
        letters: The expressions whose values, one after another, are looked up. Constant text has none.
        texts: What there is for their values.

    """

    letters: tuple[str, ...]
    texts: Mapping[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class _Constant:
    """What the lines of a flow group share, by the name of an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class _Expression:
    """What Python makes of columns."""

    source: str


class LineSource:
    """A line as it is put together."""

    def __init__(self, columns: int) -> None:
        """Begin a line of tuples of so many columns."""
        self._width = columns
        self._parts: list[_Part] = []
        self._values: dict[str, object] = {}  # what the source names
        self._once: dict[str, str] = {}  # expression to the name that has its value
        self._record_slots: list[Slot[SourceBlob, FlowRecord]] = []
        self._group_slots: list[Slot[FlowGroup]] = []
        self._id_slots = 0
        self._most_bytes = 0
        self._copies: Counter[int] = Counter()

    def add_text(self, text: str) -> None:
        """Add a constant text."""
        self.add_look_up({(): text}, ())

    def add_look_up(self, texts: Mapping[tuple[str, ...], str], letters: Sequence[str]) -> None:
        """Add what a table has for the values of expressions."""
        self._parts.append(_LookUp(tuple(letters), texts))
        self._most_bytes += max(map(len, texts.values()))

    def add_id(self) -> None:
        """Add the flow's id."""
        self._parts.append(_Constant("id_prefix"))
        self._id_slots += 1
        self.add_expression("ordinal", len(str(MOST_TUPLES)))

    def add_record_slot(self, slot: Slot[SourceBlob, FlowRecord], condition: str = "") -> None:
        """Add a place for a value of the record; with a condition, for lines for which that expression is true."""
        self._add_slot(f"record{len(self._record_slots)}", condition)
        self._record_slots.append(slot)

    def add_group_slot(self, slot: Slot[FlowGroup], condition: str = "") -> None:
        """Add a place for a value of the flow group; see `add_record_slot`."""
        self._add_slot(f"group{len(self._group_slots)}", condition)
        self._group_slots.append(slot)

    def add_expression(self, expression: str, most_bytes: int, *, copies: Iterable[int] = ()) -> None:
        """Add what an expression makes of columns.

        Args:
            expression: Python; columns are `part_of` their index.
            most_bytes: The longest text that it makes, beside a copied column.
            copies: Indices of the columns that are in the text.

        """
        self._parts.append(_Expression(expression))
        self._copies.update(copies)
        self._most_bytes += most_bytes

    def once(self, expression: str) -> str:
        """Return an expression that has the same value, and computes it only the first time that it is in a line.

        The first one must be evaluated in every line.
        """
        if expression.isidentifier():
            return expression
        if expression in self._once:
            return self._once[expression]
        name = self._once[expression] = f"local{len(self._once)}"
        return f"({name} := {expression})"

    def name(self, value: object) -> str:
        """Return a name for a value, for expressions."""
        name = f"value{len(self._values)}"
        self._values[name] = value
        return name

    def compile(self) -> Formatter:
        """Compile what was added."""
        body, pieces = self._write(_join(self._parts))
        slots = [f"record{index}" for index in range(len(self._record_slots))]
        slots += [f"group{index}" for index in range(len(self._group_slots))]
        lines = [
            f"def format_lines(tuples, ordinals, second, id_prefix, {', '.join(slots)}):",
            *(f"    piece{index} = f'{piece}'" for index, piece in enumerate(pieces)),
            "    columns = iter(','.join(tuples).split(','))",
            f"    rows = zip(ordinals, {'columns, ' * self._width}strict=True)",
            f"    return [f'{body}' for ordinal, {', '.join(map(part_of, range(self._width)))} in rows]",
        ]
        namespace: dict[str, Callable[..., list[str]]] = {}
        exec("\n".join(lines), self._values, namespace)  # noqa: S102 # generated above, from names alone
        return Formatter(
            tuple(self._record_slots),
            tuple(self._group_slots),
            self._id_slots,
            namespace["format_lines"],
            self._most_bytes,
            max(self._copies.values(), default=0),
        )

    def _add_slot(self, name: str, condition: str) -> None:
        if condition:
            self.add_expression(f'{name} if {condition} else ""', 0)
        else:
            self._parts.append(_Constant(name))

    def _write(self, parts: Iterable["_Part"]) -> tuple[str, list[str]]:
        """Write the insides of f-strings: of the line, and of the pieces in it."""
        body = ""
        pieces: list[str] = []
        for constant, run in itertools.groupby(parts, _is_constant):
            inside = "".join(f"{{{self._expression(part)}}}" for part in run)
            if constant:
                body += f"{{piece{len(pieces)}}}"
                pieces.append(inside)
            else:
                body += inside
        return body, pieces

    def _expression(self, part: "_Part") -> str:
        match part:
            case _LookUp((), texts):
                return self.name(texts[()])
            case _LookUp((letters,), texts):
                return f"{self.name({letter: text for (letter,), text in texts.items()})}[{letters}]"
            case _LookUp(letters, texts):
                return f"{self.name(texts)}[{', '.join(letters)}]"
            case _Constant(name):
                return name
            case _Expression(source):
                return source


def part_of(index: int) -> str:
    """Return the name of a column, for expressions."""
    return f"part{index}"


def _is_constant(part: _Part) -> bool:
    return isinstance(part, _Constant) or (isinstance(part, _LookUp) and not part.letters)


def _join(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Join look-ups and texts that stand beside each other."""
    last: _Part | None = None
    for part in parts:
        joined = _join_two(last, part) if isinstance(last, _LookUp) and isinstance(part, _LookUp) else None
        if last is not None and joined is None:
            yield last
        last = joined or part
    if last is not None:
        yield last


def _join_two(one: _LookUp, other: _LookUp) -> _LookUp | None:
    """Return a look-up of what both have; None where it had too many entries."""
    letters = tuple(dict.fromkeys((*one.letters, *other.letters)))
    known = {
        name: list(dict.fromkeys(key[index] for key in part.texts))
        for part in (one, other)
        for index, name in enumerate(part.letters)
    }
    texts = {}
    for values in itertools.product(*(known[name] for name in letters)):
        value_of = dict(zip(letters, values, strict=True))
        texts[values] = "".join(part.texts[tuple(map(value_of.__getitem__, part.letters))] for part in (one, other))
        if len(texts) > max(_MOST_ENTRIES, len(one.texts), len(other.texts)):
            return None
    return _LookUp(letters, texts)
