"""Shows flows as they come: in a live table with totals on a terminal, as aligned lines or NDJSON elsewhere."""

import time
from types import TracebackType
from typing import Final, Protocol, Self

from flowlog_core.cli.output.flow_table import COLUMNS, cells, line
from flowlog_core.cli.output.json_text import flow_line
from flowlog_core.cli.output.streams import OUT, Stream, complain
from flowlog_core.cli.output.terminal import console
from flowlog_core.events.body_reader import Flow

_PLAIN_TOTALS_SECONDS: Final = 5.0


class Display(Protocol):
    """Shows flows and totals; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def flows(self, flows: list[Flow]) -> None:
        """Show flows that arrived."""

    def totals(self, text: str) -> None:
        """Show the running totals."""

    def note(self, text: str) -> None:
        """Show a line that must not be missed."""


def display(*, most_a_second: int | None = None, aside: Stream = OUT) -> Display:
    """Make the display that standard output allows.

    Args:
        most_a_second: Flows to show in a second where it is no terminal; None shows all.
        aside: Where totals and notes go then.

    Raises:
        UsageError: Standard output is a terminal, and rich is not installed.

    """
    if not OUT.is_terminal:
        return PlainLines(most_a_second, aside)
    made = console()
    from flowlog_core.cli.output.live_table import LiveTable  # noqa: PLC0415 # it needs rich, which `console` has seen to

    return LiveTable(made)


class PlainLines:
    """Flows as aligned lines, and the totals now and then: for a pipe, a file, or a plain terminal."""

    def __init__(self, most_a_second: int | None, aside: Stream) -> None:
        self._most = most_a_second
        self._aside = aside
        self._second = 0
        self._shown = 0
        self._next_totals = time.monotonic() + _PLAIN_TOTALS_SECONDS

    def __enter__(self) -> Self:
        _write(OUT, line(COLUMNS, [column.name for column in COLUMNS]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def flows(self, flows: list[Flow]) -> None:
        """Show the flows, or some of them, spread over the event, so that begun, ended and denied ones are seen."""
        room = self._room(len(flows))
        shown = [line(COLUMNS, cells(flows[number * len(flows) // room])) for number in range(room)]
        OUT.write("".join(f"{row}\n" for row in shown))
        OUT.flush()

    def totals(self, text: str) -> None:
        """Show the running totals, if it is time."""
        if time.monotonic() >= self._next_totals:
            self._next_totals = time.monotonic() + _PLAIN_TOTALS_SECONDS
            _write(self._aside, f"-- {text}")

    def note(self, text: str) -> None:
        """Show a line."""
        _write(self._aside, f"!! {text}")

    def _room(self, count: int) -> int:
        if self._most is None:
            return count
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._shown = second, 0
        room = min(self._most - self._shown, count)
        self._shown += room
        return room


class JsonLines:
    """Flows as NDJSON with all their keys; notes go to standard error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def flows(self, flows: list[Flow]) -> None:
        """Print them."""
        OUT.write_flows([flow_line(flow) for flow in flows])
        OUT.flush()

    def totals(self, text: str) -> None:
        """See `Display`; they are for a person."""

    def note(self, text: str) -> None:
        """Complain."""
        complain(text)


def _write(stream: Stream, text: str) -> None:
    stream.write_line(text)
    stream.flush()
