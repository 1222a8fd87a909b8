"""A schema's tree in, for each layout of tuples a function out that writes lines.

Python source is generated once for each schema and layout, as dataclasses generate their methods. A line is one
f-string: constant pieces and the tuple's columns in turn. The function first puts the pieces together, which all flows
of a flow group share, then splits all tuples at once, and fills in the columns of one after the other. The source holds
names and numbers only; all text is passed in as values.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowlog_core.decode.formats import LAYOUTS, MOST_TUPLES, FlowGroup, FlowRecord, Form, Layout
from flowlog_core.flow.constant_values import GROUP_VALUES, NULLABLE, RECORD_VALUES
from flowlog_core.flow.tree import Fixed, Json, Node, Object, Schema, Table, Value, Word
from flowlog_core.source.blob import SourceBlob

_NULL: Final = "null"
_json_of = json.JSONEncoder(separators=(",", ":")).encode
_TIME_BYTES: Final = len("2022-09-14T09:00:03.599")
_TUPLE_VALUES: Final = {"id", "time"} | {
    name for layout in LAYOUTS for column in layout.columns for name in column.gives
}


@dataclass(frozen=True, slots=True)
class Slot[**P]:
    """A place in a line for a constant value.

    Attributes:
        of: Returns the value.
        before: What stands before the value, and is left out with it where it is null; "" where null is written.

    """

    of: Callable[P, str | int | None]
    before: str


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


def compile_tree(schema: Schema, layout: Layout) -> Formatter:
    """Compile a schema's tree for a layout.

    Raises:
        ValueError: The tree names a value that there is not, looks up one that has no words, or leaves out nulls and
            has an object whose first member may be one.

    """
    line = _Line(layout, nulls=schema.nulls)
    line.add(schema.tree, "")
    return line.compile()


class _Line:
    """A line as it is laid out, from left to right."""

    def __init__(self, layout: Layout, *, nulls: bool) -> None:
        self._nulls = nulls
        self._columns = {name: (index, column) for index, column in enumerate(layout.columns) for name in column.gives}
        self._width = len(layout.columns)
        self._body = ""  # of the f-string
        self._piece = ""  # of the f-string of the constant piece that comes next in the body
        self._text = ""  # that comes next in the piece
        self._pieces: list[str] = []
        self._values: dict[str, object] = {}  # what the source names
        self._record_slots: list[Slot[SourceBlob, FlowRecord]] = []
        self._group_slots: list[Slot[FlowGroup]] = []
        self._id_slots = 0
        self._most_bytes = 0
        self._copies: Counter[int] = Counter()

    def compile(self) -> Formatter:
        """Compile what was added."""
        self._end_piece()
        slots = [f"record{index}" for index in range(len(self._record_slots))]
        slots += [f"group{index}" for index in range(len(self._group_slots))]
        lines = [
            f"def format_lines(tuples, ordinals, second, id_prefix, {', '.join(slots)}):",
            *(f"    piece{index} = f'{piece}'" for index, piece in enumerate(self._pieces)),
            "    columns = iter(','.join(tuples).split(','))",
            f"    rows = zip(ordinals, {'columns, ' * self._width}strict=True)",
            f"    return [f'{self._body}' for ordinal, {', '.join(map(_part, range(self._width)))} in rows]",
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

    def add(self, node: Node, before: str) -> None:
        """Add a part of the tree, after the key that stands before it."""
        match node:
            case Object(members):
                self._add_text(before + "{")
                for number, (key, member) in enumerate(members.items()):
                    self.add(member, f"{',' if number else ''}{_json_of(key)}:")
                self._add_text("}")
            case Fixed(value):
                self._add_text(before + _json_of(value))
            case Table(names, values):
                self._add_table(names, values, before)
            case Value(name):
                self._add_value(name, before)

    def _add_value(self, name: str, before: str) -> None:
        if name == "id":
            self._add_id(before)
        elif name == "time":
            self._add_time(before)
        elif name in RECORD_VALUES:
            before = self._add_slot(f"record{len(self._record_slots)}", name, before)
            self._record_slots.append(Slot(RECORD_VALUES[name], before))
        elif name in GROUP_VALUES:
            before = self._add_slot(f"group{len(self._group_slots)}", name, before)
            self._group_slots.append(Slot(GROUP_VALUES[name], before))
        elif name in self._columns:
            index, column = self._columns[name]
            self._add_form(index, column.gives[name], before)
        elif name in _TUPLE_VALUES:  # the layout has no such column
            self._add_null(before)
        else:
            raise ValueError(f"there is no value {name!r}")

    def _add_id(self, before: str) -> None:
        self._add_text(before + '"')
        self._end_text()
        self._piece += "{id_prefix}"
        self._id_slots += 1
        self._add_expression("ordinal", len(str(MOST_TUPLES)))
        self._add_text('"')

    def _add_time(self, before: str) -> None:
        stamp = _part(0)  # 10 digits of seconds, and 3 of milliseconds or none
        self._add_text(before + '"')
        self._add_column(0, f'second[{stamp}[:10]]}}{{{stamp}[10:] or "000"', _TIME_BYTES)
        self._add_text('Z"')

    def _add_form(self, index: int, form: Form | Mapping[str, str], before: str) -> None:
        part = _part(index)
        if form == "text":
            self._add_text(before + '"')
            self._add_column(index, part)
            self._add_text('"')
        elif form == "number":
            self._add_text(before)
            self._add_column(index, part)
        elif form == "number or null" and self._nulls:
            self._add_text(before)
            self._add_column(index, f'{part} or "{_NULL}"', len(_NULL))
        elif form == "number or null":
            self._add_column(index, f"{part} and {self._name(self._before_optional(before))} + {part}", len(before))
        else:
            self._look_up(part, form, before)

    def _add_table(self, names: Sequence[str], values: Mapping[tuple[Word, ...], Json], before: str) -> None:
        """Add a table of words: what is looked up is the letters of the columns that have them, one after another."""
        columns: dict[int, dict[str, Mapping[str, str]]] = {}  # index to names, and their words by letter
        for name in names:
            if name not in _TUPLE_VALUES:
                raise ValueError(f"there is no value {name!r}")
            if name not in self._columns:
                continue
            index, column = self._columns[name]
            form = column.gives[name]
            if isinstance(form, str):
                raise ValueError(f"{name!r} has no words")  # noqa: TRY004 # a wrong name
            columns.setdefault(index, {})[name] = form
        texts: dict[str, str] = {}
        for letters in itertools.product(*(next(iter(of_column.values())) for of_column in columns.values())):
            words: dict[str, Word] = {}
            for letter, of_column in zip(letters, columns.values(), strict=True):
                words |= {name: json.loads(form[letter]) for name, form in of_column.items()}
            texts["".join(letters)] = _json_of(values.get(tuple(map(words.get, names))))
        self._look_up(" + ".join(map(_part, columns)) or '""', texts, before)

    def _look_up(self, expression: str, texts: Mapping[str, str], before: str) -> None:
        """Add what a table has for the text of an expression."""
        if self._nulls or _NULL not in texts.values():
            self._add_text(before)
        else:
            before = self._before_optional(before)
            texts = {letters: "" if text == _NULL else before + text for letters, text in texts.items()}
        self._add_expression(f"{self._name(texts)}[{expression}]", max(map(len, texts.values())))

    def _add_null(self, before: str) -> None:
        if self._nulls:
            self._add_text(before + _NULL)
        else:
            self._before_optional(before)

    def _add_slot(self, slot: str, name: str, before: str) -> str:
        """Add a slot for a value; return what is left out with the value."""
        optional = "" if self._nulls or name not in NULLABLE else self._before_optional(before)
        self._add_text("" if optional else before)
        self._end_text()
        self._piece += f"{{{slot}}}"
        return optional

    def _before_optional(self, before: str) -> str:
        if not before.startswith(","):
            raise ValueError(f"the first member of an object may be left out: {before}")
        return before

    def _add_text(self, text: str) -> None:
        self._text += text
        self._most_bytes += len(text)

    def _add_column(self, index: int, expression: str, most_bytes: int = 0) -> None:
        self._copies[index] += 1
        self._add_expression(expression, most_bytes)

    def _add_expression(self, expression: str, most_bytes: int) -> None:
        self._end_piece()
        self._body += f"{{{expression}}}"
        self._most_bytes += most_bytes

    def _end_piece(self) -> None:
        self._end_text()
        if self._piece:
            self._body += f"{{piece{len(self._pieces)}}}"
            self._pieces.append(self._piece)
            self._piece = ""

    def _end_text(self) -> None:
        if self._text:
            self._piece += f"{{{self._name(self._text)}}}"
            self._text = ""

    def _name(self, value: object) -> str:
        name = f"value{len(self._values)}"
        self._values[name] = value
        return name


def _part(index: int) -> str:
    return f"part{index}"
