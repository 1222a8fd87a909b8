"""Writes decoded flows to standard output: as NDJSON, as CSV, or as a table for a person."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, Protocol

import orjson

from flowlog_core.cli.output.flow_table import COLUMNS, KEYS, Column, cells, line, style
from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.cli.output.streams import OUT
from flowlog_core.cli.output.terminal import console, table
from flowlog_core.events.body_reader import Flow
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS

if TYPE_CHECKING:
    from rich.table import Table

FlowFormat = Literal["ndjson", "csv", "table"]

_GAP: Final = 2  # between columns, at most
_BATCH_ROWS: Final = 1000  # whose widths a table takes; all rows at once might not fit the memory


class FlowWriter(Protocol):
    """Writes flows.

    Attributes:
        fields: The keys that the flows must have.

    """

    fields: tuple[str, ...]

    def write(self, flows: Sequence[str]) -> None:
        """Write some, each a JSON object."""
        ...

    def close(self) -> None:
        """Write what was held back."""
        ...


def flow_writer(form: FlowFormat, fields: tuple[str, ...] | None) -> FlowWriter:
    """Make the writer of a format.

    Args:
        form: The format.
        fields: The keys to write, in this order; None for the format's own.

    Raises:
        UsageError: A table on a terminal takes rich, which is not installed.

    """
    if form == "table":
        return _Table(fields)
    return _Csv(fields or DEFAULT_FIELDS) if form == "csv" else _Ndjson(fields or DEFAULT_FIELDS)


class _Ndjson:
    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def write(self, flows: Sequence[str]) -> None:
        OUT.write_flows(flows)

    def close(self) -> None:
        """Nothing is held back."""


class _Csv:
    """One header, then a row for each flow; a null is an empty field, and no text is a formula."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        OUT.write_csv([fields])

    def write(self, flows: Sequence[str]) -> None:
        OUT.write_csv(map(orjson.loads(flow).get, self.fields) for flow in flows)

    def close(self) -> None:
        """Nothing is held back."""


class _Table:
    """Rows below each other: in colour on a terminal, as plain lines elsewhere.

    The first thousand decide how wide the columns are.
    """

    def __init__(self, fields: tuple[str, ...] | None) -> None:
        self.fields = fields or KEYS
        self._chosen = fields is not None
        self._console = console() if OUT.is_terminal else None
        self._columns: list[Column] = []
        self._flows: list[Flow] = []

    def write(self, flows: Sequence[str]) -> None:
        self._flows += map(orjson.loads, flows)
        while len(self._flows) >= _BATCH_ROWS:
            self._print(self._flows[:_BATCH_ROWS])
            del self._flows[:_BATCH_ROWS]

    def close(self) -> None:
        if self._flows or not self._columns:
            self._print(self._flows)

    def _print(self, flows: Sequence[Flow]) -> None:
        rows = [self._cells(flow) for flow in flows]
        first = not self._columns
        if first:
            self._columns = self._fitted(rows)
        if self._console is not None:
            self._console.print(self._drawn(self._console.width, flows, rows, header=first))
            return
        if first:
            rows = [tuple(column.name for column in self._columns), *rows]
        OUT.write("".join(f"{line(self._columns, row)}\n" for row in rows))

    def _fitted(self, rows: Sequence[tuple[str, ...]]) -> list[Column]:
        columns = [Column(field.upper(), 0) for field in self.fields] if self._chosen else COLUMNS
        words = zip(*([column.name for column in columns], *rows), strict=True)
        return [replace(column, width=max(map(len, each))) for column, each in zip(columns, words, strict=True)]

    def _drawn(self, width: int, flows: Sequence[Flow], rows: Sequence[tuple[str, ...]], *, header: bool) -> "Table":
        made = table((column.name, column.align) for column in self._columns)
        made.show_header = header
        if sum(column.width + _GAP for column in self._columns) <= width:  # else each piece is folded as it needs
            for drawn, column in zip(made.columns, self._columns, strict=True):
                drawn.min_width = column.width
        for flow, row in zip(flows, rows, strict=True):
            made.add_row(*row, style=style(flow))
        return made

    def _cells(self, flow: Flow) -> tuple[str, ...]:
        if not self._chosen:
            return cells(flow)
        return tuple("-" if value is None else safe_line(str(value)) for value in map(flow.get, self.fields))
