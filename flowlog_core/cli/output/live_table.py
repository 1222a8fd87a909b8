"""The table of flows that stays in place on a terminal. The one module that can't be imported without rich."""

import threading
from collections import deque
from types import TracebackType
from typing import Final, Self

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.text import Text

from flowlog_core.cli.output.flow_layout import fitted, fitted_line, limited, widened
from flowlog_core.cli.output.flow_table import COLUMNS, cells, style
from flowlog_core.cli.output.plain_text import safe_line
from flowlog_core.events.body_reader import Flow

_NAMES: Final = [column.name for column in COLUMNS]
_MOST_ROWS: Final = 500  # kept: more than any terminal has
_LEAST_ROWS: Final = 5
_ABOVE: Final = 6  # lines of a terminal that are left to notes and to what stood there before


class LiveTable:
    """The latest flows, and the totals below. It follows the size of the terminal."""

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self._console = console
        self._rows: deque[tuple[tuple[str, ...], str]] = deque(maxlen=_MOST_ROWS)  # cells and style
        self._widths = tuple(map(len, _NAMES))  # they only grow, so that columns keep their places
        self._totals = ""
        self._drawn_at: ConsoleDimensions | None = None
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=lambda: self, refresh_per_second=4, screen=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def flows(self, flows: list[Flow]) -> None:
        """Show flows that arrived."""
        rows = [(limited(cells(flow)), style(flow)) for flow in flows[-_MOST_ROWS:]]
        with self._lock:
            self._rows.extend(rows)
            for words, _ in rows:
                self._widths = widened(self._widths, words)

    def totals(self, text: str) -> None:
        """Show the running totals."""
        self._totals = safe_line(text)

    def note(self, text: str) -> None:
        """Show a line above the table."""
        self._console.print(Text(safe_line(text), style="bold red"))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the size that the terminal has now; see rich's console protocol."""
        if self._drawn_at not in {None, options.size}:
            # Many terminals have folded lines, or brought back some that had left: rich doesn't know where it is then.
            yield Control.home()
            yield Control.clear()
        self._drawn_at = options.size
        width, height = options.size
        totals = Text(self._totals, style="bold").wrap(console, width)[:height]
        left = height - len(totals)
        with self._lock:
            columns = fitted(self._widths, width)
            rows = list(self._rows)
        if left > 2:  # noqa: PLR2004 # a header, a row and a line between these and the totals
            left -= 2
            rows = rows[-max(left - _ABOVE, min(left, _LEAST_ROWS)) :]
            yield _line(fitted_line(columns, _NAMES), "bold")
            yield from (_line(fitted_line(columns, words), colour) for words, colour in rows)
            yield Text()
        yield from totals


def _line(text: str, colour: str) -> Text:
    return Text(text, style=colour, no_wrap=True, overflow="crop")
