"""The table of flows that stays in place on a terminal. The one module that can't be imported without rich."""

import threading
from collections import deque
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flowlog_core.cli.output.flow_table import COLUMNS, cells, style
from flowlog_core.operations.received_event import Flow

_ROWS_BESIDE: Final = 9  # lines of a terminal that header, totals and prompt take
_LEAST_ROWS: Final = 5


class LiveTable:
    """The latest flows, and the totals below."""

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self._console = console
        self._rows: deque[Flow] = deque(maxlen=max(_LEAST_ROWS, console.height - _ROWS_BESIDE))
        self._totals = ""
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, screen=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def flows(self, flows: list[Flow]) -> None:
        """Show flows that arrived."""
        with self._lock:
            self._rows.extend(flows)

    def totals(self, text: str) -> None:
        """Show the running totals."""
        self._totals = text

    def note(self, text: str) -> None:
        """Show a line above the table."""
        self._console.print(Text(text, style="bold red"))

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in COLUMNS:
            table.add_column(column.name, max_width=column.width, no_wrap=True, justify=column.align)
        with self._lock:
            rows = list(self._rows)
        for flow in rows:
            table.add_row(*map(Text, cells(flow)), style=style(flow))
        return Group(table, Text(), Text(self._totals, style="bold"))
