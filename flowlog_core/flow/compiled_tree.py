"""A schema's tree in, for each layout of tuples a function out that writes lines.

It is generated once for each schema and layout, as dataclasses generate their methods; see `flow.line_source`.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowlog_core.decode.formats import LAYOUTS, Column, Layout
from flowlog_core.flow.computed_values import COMMUNITY_ID_LENGTH, MOST_COUNT, add_counters, community_id
from flowlog_core.flow.constant_values import BOUNDED, GROUP_VALUES, NULLABLE, RECORD_VALUES
from flowlog_core.flow.line_source import Formatter, LineSource, Slot, part_of
from flowlog_core.flow.tree import Distinct, Fixed, Form, Node, Object, Schema, Table, Value, Where, Word

_NULL: Final = "null"
_json_of = json.JSONEncoder(separators=(",", ":")).encode
_TIME_BYTES: Final = len("2022-09-14T09:00:03.599")
_NUMBERS: Final = {"srcPort", "destPort", "protocol"}
_SUMS: Final = {"bytes": ("bytesSrcToDest", "bytesDestToSrc"), "packets": ("packetsSrcToDest", "packetsDestToSrc")}
_COUNTERS: Final = {*_SUMS, *(name for names in _SUMS.values() for name in names)}
_ENDS: Final = ("srcIp", "destIp", "srcPort", "destPort", "protocol")
_IP_VERSION: Final = Table(("ipVersion",), {(4,): 4, (6,): 6})
_TUPLE_VALUES: Final = {"id", "time", "ipVersion", "communityId", *_SUMS}.union(
    *(layout.columns_by_key for layout in LAYOUTS)
)


def compile_tree(schema: Schema, layout: Layout) -> Formatter:
    """Compile a schema's tree for a layout.

    Raises:
        ValueError: The tree names a value that there is not or that is not written in this form, looks up one that has
            no words, or leaves out nulls and has an object whose first member may be one.

    """
    line = _Line(layout, nulls=schema.nulls)
    line.add(schema.tree, "", "")
    return line.source.compile()


@dataclass(frozen=True, slots=True)
class _Optional:
    """A value that may be "".

    Attributes:
        value: Its expression.
        most_bytes: Its length at most, beside the column that it is.
        copies: Index of that column, if any.

    """

    value: str
    most_bytes: int
    copies: int | None = None


class _Line:
    """What is written for each part of a tree, in one layout.

    Attributes:
        source: What was written so far.

    """

    def __init__(self, layout: Layout, *, nulls: bool) -> None:
        self._nulls = nulls
        self._layout = layout
        self._columns = layout.columns_by_key
        self.source = LineSource(len(layout.columns))

    def add(self, node: Node, before: str, after: str) -> None:
        """Add a part of the tree, between texts that are left out with it where it has no value."""
        match node:
            case Object(members) if len(members) == 1:
                ((key, member),) = members.items()
                self.add(member, f"{before}{{{_json_of(key)}:", "}" + after)
            case Object(members) if not self._nulls and all(_is_counter(member) for member in members.values()):
                self._add_counters(members, before, after)
            case Object(members):
                self.source.add_text(before + "{")
                for number, (key, member) in enumerate(members.items()):
                    self.add(member, f"{',' if number else ''}{_json_of(key)}:", "")
                self.source.add_text("}" + after)
            case Fixed(value):
                self.source.add_text(before + _json_of(value) + after)
            case Table():
                self._look_up(*_read_table(node, self._layout), before, after)
            case Distinct(first, second):
                self._add_distinct(first, second, before, after)
            case Where():
                self._add_where(node, before, after)
            case Value(name):
                self._add_value(name, node, before, after)

    def _add_value(self, name: str, value: Value, before: str, after: str) -> None:
        if value in RECORD_VALUES or value in GROUP_VALUES:
            self._add_constant(value, before, after)
        elif name == "time" and value.form in {"plain", "milliseconds"}:
            self._add_time(value.form, before, after)
        elif name in self._columns and (value.form == "plain" or (value.form == "text" and name in _NUMBERS)):
            index, column = self._columns[name]
            self._add_column(index, column, value, before, after)
        elif name not in _TUPLE_VALUES or value.form != "plain":
            raise ValueError(f"there is no value {name!r}, or it is not written as {value.form}")
        elif name == "id":
            self.source.add_text(before + '"')
            self.source.add_id()
            self.source.add_text('"' + after)
        elif name == "ipVersion":
            self._look_up(*_read_table(_IP_VERSION, self._layout), before, after)
        elif name == "communityId":
            optional = _Optional(self._call(community_id, _ENDS), COMMUNITY_ID_LENGTH)
            self._add_optional(optional, before, after, quote='"')
        elif name in _SUMS and (counter := self._counter(name)) is not None:
            self._add_optional(counter, before, after)
        else:  # the layout has no such column
            self._add_null(before, after)

    def _add_time(self, form: Form, before: str, after: str) -> None:
        stamp = part_of(0)  # 10 digits of seconds, and 3 of milliseconds or none
        if form == "milliseconds":
            self.source.add_text(before)
            self.source.add_expression(f'{stamp} if {stamp}[10:] else {stamp} + "000"', len("000"), copies=(0,))
            self.source.add_text(after)
            return
        self.source.add_text(before + '"')
        self.source.add_expression(self.source.once(f'second[{stamp}[:10]] + ({stamp}[10:] or "000")'), _TIME_BYTES)
        self.source.add_text('Z"' + after)

    def _add_column(self, index: int, column: Column, value: Value, before: str, after: str) -> None:
        part, form = part_of(index), column.gives[value.name]
        quote = '"' if form == "text" or value.form == "text" else ""
        words = form if isinstance(form, Mapping) else _words(column)  # a look-up is joined with those beside it
        if words is not None:
            self._look_up({(key,): f"{quote}{text}{quote}" for key, text in words.items()}, (part,), before, after)
        elif form == "number or null":
            self._add_optional(_Optional(part, 0, index), before, after)
        else:
            self.source.add_text(before + quote)
            self.source.add_expression(part, 0, copies=(index,))
            self.source.add_text(quote + after)

    def _add_optional(self, optional: "_Optional", before: str, after: str, *, quote: str = "") -> None:
        """Add a value that may be ""; the quotes are its own."""
        otherwise = before + _NULL + after if self._nulls else ""
        if not self._nulls:
            self._check_may_be_left_out(before)
        before, after = before + quote, quote + after
        size = max(len(before + after) + optional.most_bytes, len(otherwise))
        copies = () if optional.copies is None else (optional.copies,)
        self.source.add_expression(self._between(optional.value, before, after, otherwise), size, copies=copies)

    def _add_counters(self, members: Mapping[str, Node], before: str, after: str) -> None:
        """Add an object of counters, any of which may be left out; it is left out itself where all are."""
        self._check_may_be_left_out(before)
        counters = {key: self._counter(member.name) for key, member in members.items() if isinstance(member, Value)}
        known = {f",{_json_of(key)}:": counter for key, counter in counters.items() if counter is not None}
        if not known:
            return
        joined = " + ".join(self._between(counter.value, begin, "") for begin, counter in known.items())
        expression = self._between(joined, f"{before}{{", "}" + after, used="[1:]")
        size = sum(len(begin) + counter.most_bytes for begin, counter in known.items()) + len(before + after) + 2
        copies = [counter.copies for counter in known.values() if counter.copies is not None]
        self.source.add_expression(expression, size, copies=copies)

    def _counter(self, name: str) -> "_Optional | None":
        """Return a counter, or a sum of two; None where the layout has none."""
        if name in _SUMS:
            sums = self._has(_SUMS[name])
            return _Optional(self._call(add_counters, _SUMS[name]), len(str(MOST_COUNT))) if sums else None
        index, _ = self._columns.get(name, (None, None))
        return None if index is None else _Optional(part_of(index), 0, index)

    def _between(self, value: str, before: str, after: str, otherwise: str = "", *, used: str = "") -> str:
        """Return an expression: a value between texts; where it is "", another text."""
        first, again = self.source.once(value), self.source.once(value)
        end = f" + {self.source.name(after)}" if after else ""
        return f"({self.source.name(before)} + {again}{used}{end} if {first} else {self.source.name(otherwise)})"

    def _look_up(self, texts: Mapping[tuple[str, ...], str], letters: Sequence[str], before: str, after: str) -> None:
        """Add what a table has for the values of expressions."""
        if not self._nulls and _NULL in texts.values():
            self._check_may_be_left_out(before)
            optional = {key: "" if text == _NULL else before + text + after for key, text in texts.items()}
            self.source.add_look_up(optional, letters)
        else:
            self.source.add_text(before)
            self.source.add_look_up(texts, letters)
            self.source.add_text(after)

    def _add_distinct(self, first: str, second: str, before: str, after: str) -> None:
        (one, _), (other, _) = self._columns[first], self._columns[second]
        end = f'"]{after}'
        self.source.add_text(before + '["')
        self.source.add_expression(part_of(one), 0, copies=(one,))
        join, end_name = self.source.name('","'), self.source.name(end)
        self.source.add_expression(
            f"{end_name} if {part_of(one)} == {part_of(other)} else {join} + {part_of(other)} + {end_name}",
            len('","') + len(end),
            copies=(other,),
        )

    def _add_constant(self, value: Value, before: str, after: str, condition: str = "") -> None:
        """Add a value of the record or of the flow group; with a condition, to lines for which it is true."""
        if condition or (value in NULLABLE and not self._nulls):
            self._check_may_be_left_out(before)
            texts, before, after = (before, after), "", ""
        else:
            texts = ("", "")
        self.source.add_text(before)
        if value in RECORD_VALUES:
            self.source.add_record_slot(Slot(RECORD_VALUES[value], *texts, always=not condition), condition)
        else:
            self.source.add_group_slot(Slot(GROUP_VALUES[value], *texts, always=not condition), condition)
        self.source.add_text(after)

    def _add_null(self, before: str, after: str) -> None:
        if self._nulls:
            self.source.add_text(before + _NULL + after)
        else:
            self._check_may_be_left_out(before)

    def _add_where(self, where: Where, before: str, after: str) -> None:
        if self._nulls or where.value not in BOUNDED:
            raise ValueError(f"{where} writes nulls, or a value of any length")
        texts, letters = _read_table(Table((where.name,), {(where.word,): 1}), self._layout)
        chosen = [key for key, text in texts.items() if text != _NULL]
        condition = str(bool(chosen))  # without letters, the layout decides
        for letter in letters:
            condition = f"{letter} in {self.source.name({text for (text,) in chosen})}"
        self._add_constant(where.value, before, after, condition)

    def _call(self, function: object, names: Sequence[str]) -> str:
        columns = ", ".join(part_of(self._columns[name][0]) for name in names)
        return f"{self.source.name(function)}({columns})"

    def _has(self, names: Sequence[str]) -> bool:
        return all(name in self._columns for name in names)

    @staticmethod
    def _check_may_be_left_out(before: str) -> None:
        if not before.startswith(","):
            raise ValueError(f"the first member of an object may be left out: {before}")


def _read_table(table: Table, layout: Layout) -> tuple[dict[tuple[str, ...], str], tuple[str, ...]]:
    """Return a table's texts by letters, and the expressions of columns that have these letters."""
    columns = layout.columns_by_key
    known: dict[str, Word] = {"flowLogType": layout.type, "flowLogVersion": layout.version}
    letters: dict[str, dict[str, Mapping[str, str]]] = {}  # expression to names, and their words by letter
    for name in table.names:
        if name == "ipVersion":
            letters[f'("6" if ":" in {part_of(columns["srcIp"][0])} else "4")'] = {name: {"4": "4", "6": "6"}}
        elif name in columns:
            index, column = columns[name]
            form = column.gives[name]
            if isinstance(form, str):
                raise ValueError(f"{name!r} has no words")  # a wrong name
            letters.setdefault(part_of(index), {})[name] = form
        elif name not in _TUPLE_VALUES | known.keys():
            raise ValueError(f"there is no value {name!r}, or it has no words")
    texts: dict[tuple[str, ...], str] = {}
    for chosen in itertools.product(*(next(iter(forms.values())) for forms in letters.values())):
        words = dict(known)
        for letter, forms in zip(chosen, letters.values(), strict=True):
            words |= {name: json.loads(form[letter]) for name, form in forms.items()}
        texts[chosen] = _json_of(table.values.get(tuple(map(words.get, table.names))))
    return texts, tuple(letters)


def _words(column: Column) -> Mapping[str, str] | None:
    """Return all texts of a column that has few, each for itself; None where any of its values is no word."""
    words = next((form for form in column.gives.values() if not isinstance(form, str)), None)
    return None if words is None else {text: text for text in words}


def _is_counter(node: Node) -> bool:
    return isinstance(node, Value) and node.name in _COUNTERS and node.form == "plain"
