"""A decoded record in, its flows as lines of JSON out, by a formatter compiled from schema and layout.

The constant part of a flow group (ids, rule, resource) is written once and reused; what differs from tuple to tuple is
filled in by one f-string inside of one list comprehension, for which Python source is generated once for each choice
of fields and layout, as dataclasses generate their methods. The source holds names and numbers only, never data.

Lines are ASCII: anything else is escaped, so that a line's length is its size in bytes.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.formats import MOST_TUPLES, FlowGroup, FlowRecord, Layout, Row, WithheldGroup
from flowlog_core.decode.items import Record
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.flow.constant_values import GROUP_VALUES, RECORD_VALUES
from flowlog_core.flow.schema import BY_NAME, DEFAULT_FIELDS
from flowlog_core.source.blob import SourceBlob

_SECONDS_KEPT: Final = 100_000
_SLICE: Final = 1000  # tuples; split, one takes about 1 kB
_FORM_BYTES: Final[Mapping[str, int]] = {"text": 2, "number": 0, "number or null": 4}  # beside the text of its part
_KEPT_LENGTH: Final = 256  # of texts whose JSON is kept from record to record
_quote = json.JSONEncoder().encode
_quote_kept = lru_cache(maxsize=4096)(_quote)


class _Seconds(dict[str, str]):
    """Seconds since 1970 as text to ``2022-09-14T09:00:03.``; a table, as tuples share few seconds."""

    def __missing__(self, seconds: str) -> str:
        text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        if len(self) >= _SECONDS_KEPT:
            self.clear()
        self[seconds] = text
        return text


@dataclass(frozen=True, slots=True)
class _Formatter:
    """A compiled formatter for one layout.

    Attributes:
        record_values: What gives the value of each key used that is the same in a complete record.
        group_values: The same for a flow group.
        format_rows: Writes lines, from ordinals with rows, the table of seconds, the ids' prefix, and those values as
            JSON.
        has_id: Whether flows have their ids.
        most_bytes: What a line takes at most, beside those values, the prefix and the text of its tuple.

    """

    record_values: tuple[Callable[[SourceBlob, FlowRecord], str | int | None], ...]
    group_values: tuple[Callable[[FlowGroup], str | None], ...]
    format_rows: Callable[..., list[str]]
    has_id: bool
    most_bytes: int


def _compile(fields: Sequence[str], layout: Layout) -> _Formatter:
    """Generate the formatter for a choice of fields and a layout."""
    tables: dict[str, object] = {}
    expressions = {"time": '"{second[part0]}{part1 or "000"}Z"', "id": "{ordinal}"}
    for index, column in enumerate(layout.columns):
        part = f"part{index + 1}"  # a time stamp, the first column, has two parts
        for key, form in column.gives.items():
            if form == "text":
                expressions[key] = f'"{{{part}}}"'
            elif form == "number":
                expressions[key] = f"{{{part}}}"
            elif form == "number or null":
                expressions[key] = f'{{{part} or "null"}}'
            else:
                table = f"table{len(tables)}"
                tables[table] = form
                expressions[key] = f"{{{table}[{part}]}}"
    pieces, body = _weave(fields, expressions)
    constant = [key for level in (RECORD_VALUES, GROUP_VALUES) for key in level if key in fields]
    parts = ", ".join(f"part{index}" for index in range(len(layout.columns) + 1))
    lines = [
        f"def format_rows(rows, {', '.join(['second', 'id_prefix', *constant])}):",
        *(f"    piece{index} = f'{piece}'" for index, piece in enumerate(pieces)),
        f"    return [f'{body}' for ordinal, ({parts}) in rows]",
    ]
    namespace: dict[str, Callable[..., list[str]]] = {}
    exec("\n".join(lines), tables, namespace)  # noqa: S102 # generated above, from schema and layout alone
    return _Formatter(
        record_values=tuple(of for key, of in RECORD_VALUES.items() if key in fields),
        group_values=tuple(of for key, of in GROUP_VALUES.items() if key in fields),
        format_rows=namespace["format_rows"],
        has_id="id" in fields,
        most_bytes=_most_bytes(fields, layout),
    )


def _most_bytes(fields: Sequence[str], layout: Layout) -> int:
    """Bound what a flow takes beside its constant values and the text of its tuple."""
    forms = {key: form for column in layout.columns for key, form in column.gives.items()}
    most = {
        key: _FORM_BYTES[form] if isinstance(form, str) else max(map(len, form.values())) for key, form in forms.items()
    }
    most |= {"time": len('"2022-09-14T09:00:03.599Z"'), "id": len(f'"{MOST_TUPLES}"')}
    values = sum(most.get(key, len("null")) for key in fields if BY_NAME[key].level == "tuple")
    return values + len(json.dumps(dict.fromkeys(fields, 0)))


def _weave(fields: Sequence[str], expressions: dict[str, str]) -> tuple[list[str], str]:
    """Lay out a flow: its constant pieces, and the body of the f-string in which they stand.

    A piece is itself the body of an f-string of the JSON texts of the constant keys. The quotes around an expression
    are part of the pieces.
    """
    pieces: list[str] = []
    body = ""
    piece = "{{"
    for number, key in enumerate(fields):
        piece += ("," if number else "") + f'"{key}":'
        expression = expressions.get(key)
        if BY_NAME[key].level != "tuple":
            piece += f"{{{key}}}"
        elif expression is None:  # the layout has no such column
            piece += "null"
        else:
            before = '"{id_prefix}' if key == "id" else '"' * expression.startswith('"')
            after = '"' * bool(before)
            body += f"{{piece{len(pieces)}}}{expression.strip('"')}"
            pieces.append(piece + before)
            piece = after
    body += f"{{piece{len(pieces)}}}"
    pieces.append(piece + "}}")
    return pieces, body


class Encoder:
    """Writes the flows of records, for one choice of fields. Safe to share between threads."""

    def __init__(self, fields: Sequence[str] = DEFAULT_FIELDS, limits: OutputLimits = OutputLimits()) -> None:  # noqa: B008 # frozen
        """Take the keys that flows have, in order; `flow.select_fields` reads such a choice."""
        self._fields = tuple(fields)
        self._limits = limits
        self._formatters: dict[Layout, _Formatter] = {}
        self._seconds = _Seconds()

    def encode(
        self,
        blob: SourceBlob,
        record: Record,
        decoded: FlowRecord,
        *,
        max_flow_bytes: int | None = None,
        before_large: Callable[[], None] | None = None,
    ) -> EncodedRecord:
        """Flatten and encode a record; see `RecordEncoder`."""
        writer = _RecordWriter(self._formatter(decoded.layout), self._seconds, blob, record, decoded)
        if writer.most_bytes <= self._limits.large:
            encoded = writer.write()
            if max_flow_bytes is None or max(map(len, encoded.lines), default=0) <= max_flow_bytes:
                return encoded
        elif before_large is not None:
            before_large()
        return writer.write(_Budget(self._limits.most, max_flow_bytes))

    def _formatter(self, layout: Layout) -> _Formatter:
        formatter = self._formatters.get(layout)
        if formatter is None:
            formatter = self._formatters[layout] = _compile(self._fields, layout)
        return formatter


class _RecordWriter:
    """Writes the flows of one record, a slice of a group at a time.

    Attributes:
        most_bytes: The flows take no more than so many bytes.

    """

    def __init__(
        self, formatter: _Formatter, seconds: _Seconds, blob: SourceBlob, record: Record, decoded: FlowRecord
    ) -> None:
        self._formatter = formatter
        self._seconds = seconds
        self._layout = decoded.layout
        self._id_prefix = f"{blob.key}-{record.start}-{record.crc:08x}-"
        long_texts: dict[str, str] = {}  # what belongs to an upper level comes again with each lower one
        self._of_record = [_json_text(of(blob, decoded), long_texts) for of in formatter.record_values]
        self._constant_bytes = len(self._id_prefix) * formatter.has_id + sum(map(len, self._of_record))
        self._groups: list[tuple[FlowGroup | WithheldGroup, list[str]]] = []
        self.most_bytes = len(record.raw)  # in which all tuples are
        for group in decoded.groups:
            if isinstance(group, WithheldGroup):
                self._groups.append((group, []))
                continue
            of_group = [_json_text(of(group), long_texts) for of in formatter.group_values]
            self._groups.append((group, of_group))
            flow_bytes = formatter.most_bytes + self._constant_bytes + sum(map(len, of_group))
            self.most_bytes += flow_bytes * len(group.ordinals)

    def write(self, budget: "_Budget | None" = None) -> EncodedRecord:
        """Write what of the record fits its layout, and the budget, which is asked before anything is written."""
        lines: list[str] = []
        ordinals: list[int] = []
        bad: list[RejectedTuple] = []
        denied = 0
        rules: Counter[str] = Counter()
        for group, of_group in self._groups:
            if isinstance(group, WithheldGroup):
                bad += group.reject()
                continue
            for tuples, numbers in _slices(group):
                rows, reasons = self._layout.split(tuples)
                denied += self._layout.count_denied(rows)
                rules[group.rule] += len(rows)
                own = numbers
                if reasons or budget is not None:
                    rows, own, rejected = self._reject(rows, numbers, reasons, of_group, budget)
                    bad += rejected
                if rows:  # else the constants would be put together for nothing
                    lines += self._format(rows, own, self._id_prefix, (*self._of_record, *of_group))
                    ordinals += own
        return EncodedRecord(self._id_prefix, lines, ordinals, tuple(bad), denied, rules)

    def _reject(
        self,
        rows: Sequence[Row],
        ordinals: Sequence[int],
        reasons: Mapping[int, str],
        of_group: list[str],
        budget: "_Budget | None",
    ) -> tuple[Sequence[Row], Sequence[int], list[RejectedTuple]]:
        """Tell the rows of a slice that may be written, with their ordinals, from the tuples that give no flow."""
        rejected = [RejectedTuple(ordinals[index], reason) for index, reason in reasons.items()]
        ordinals = _without(ordinals, reasons)
        if budget is not None and rows:
            constant_bytes = self._constant_bytes + sum(map(len, of_group))
            bare = self._format(rows, ordinals, "", [""] * (len(self._of_record) + len(of_group)))
            refused = budget.refuse(constant_bytes + len(line) for line in bare)
            rejected += [RejectedTuple(ordinals[index], reason) for index, reason in refused.items()]
            rows, ordinals = _without(rows, refused), _without(ordinals, refused)
        return rows, ordinals, sorted(rejected, key=lambda each: each.ordinal or 0)

    def _format(
        self, rows: Sequence[Row], ordinals: Sequence[int], id_prefix: str, constants: Sequence[str]
    ) -> list[str]:
        return self._formatter.format_rows(zip(ordinals, rows, strict=True), self._seconds, id_prefix, *constants)


class _Budget:
    """How many bytes of output a record has left."""

    def __init__(self, most_bytes: int, max_flow_bytes: int | None) -> None:
        self._left = most_bytes
        self._max_flow_bytes = max_flow_bytes

    def refuse(self, sizes: Iterable[int]) -> dict[int, str]:
        """Take flows of these sizes, up to the first one that there is no room for; return why others are refused."""
        refused = {}
        for index, size in enumerate(sizes):
            if self._max_flow_bytes is not None and size > self._max_flow_bytes:
                refused[index] = f"a flow of {size} bytes, where an event takes {self._max_flow_bytes}"
            elif size > self._left:
                refused[index] = "output too large"
                self._left = 0
            else:
                self._left -= size
        return refused


def _json_text(value: str | int | None, long_texts: dict[str, str]) -> str:
    """Write a constant value as JSON; `long_texts` are those of the record that were written before."""
    if not isinstance(value, str):
        return "null" if value is None else str(value)
    if len(value) <= _KEPT_LENGTH:
        return _quote_kept(value)
    text = long_texts.get(value)
    if text is None:
        text = long_texts[value] = _quote(value)
    return text


def _slices(group: FlowGroup) -> Iterable[tuple[Sequence[object], Sequence[int]]]:
    """Return the tuples of a group with their ordinals, so many at a time that split ones take little memory."""
    if len(group.tuples) <= _SLICE:
        return ((group.tuples, group.ordinals),)
    return (
        (group.tuples[start : start + _SLICE], group.ordinals[start : start + _SLICE])
        for start in range(0, len(group.tuples), _SLICE)
    )


def _without[T](values: Sequence[T], indices: Collection[int]) -> Sequence[T]:
    return [value for index, value in enumerate(values) if index not in indices] if indices else values
