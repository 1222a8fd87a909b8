"""Shows flows to a person: a live table with totals on a terminal, plain lines elsewhere."""

import threading
import time
from collections import deque
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.expected import Flow

_ROWS_BESIDE: Final = 9  # lines of a terminal that header, totals and prompt take
_PLAIN_FLOWS_A_SECOND: Final = 5
_PLAIN_TOTALS_SECONDS: Final = 5.0
_PROTOCOLS: Final = {
    1: "ICMP",
    2: "IGMP",
    6: "TCP",
    17: "UDP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    132: "SCTP",
}
_COLUMNS: Final = (
    ("TIME", 12, "left"),
    ("SOURCE", 27, "left"),
    ("DESTINATION", 27, "left"),
    ("PROTO", 6, "left"),
    ("DIR", 3, "left"),
    ("DECISION", 8, "left"),
    ("STATE", 8, "left"),
    ("BYTES", 12, "right"),
    ("RULE", 30, "left"),
)


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


def display() -> Display:
    """Make the display that standard output allows."""
    console = Console()
    return LiveTable(console) if console.is_terminal else PlainLines()


def cells(flow: Flow) -> tuple[str, ...]:
    """Give a flow's cells, in the order of the columns."""
    protocol = flow["protocol"]
    sizes = [flow["bytesSrcToDest"], flow["bytesDestToSrc"]]
    known = [size for size in sizes if isinstance(size, int)]
    return (
        str(flow["time"])[11:23],
        _endpoint(flow["srcIp"], flow["srcPort"]),
        _endpoint(flow["destIp"], flow["destPort"]),
        _PROTOCOLS.get(protocol, str(protocol)) if isinstance(protocol, int) else "",
        "in" if flow["direction"] == "inbound" else "out",
        str(flow["decision"]),
        str(flow["flowState"] or "-"),
        f"{sum(known):,}" if known else "-",
        str(flow["rule"]),
    )


def _endpoint(address: object, port: object) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


class LiveTable:
    """The latest flows as a table that stays in place; the totals below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: deque[Flow] = deque(maxlen=max(5, console.height - _ROWS_BESIDE))
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
        for name, width, justify in _COLUMNS:
            table.add_column(name, max_width=width, no_wrap=True, justify=justify)  # type: ignore[arg-type]  # left or right
        with self._lock:
            rows = list(self._rows)
        for flow in rows:
            table.add_row(*cells(flow), style="red" if flow["decision"] == "deny" else "green")
        return Group(table, Text(), Text(self._totals, style="bold"))


class PlainLines:
    """A few flows a second as aligned lines, and the totals now and then: for a pipe, a file, or a plain terminal."""

    def __init__(self) -> None:
        self._second = 0
        self._shown = 0
        self._next_totals = 0.0

    def __enter__(self) -> Self:
        print(_line([name for name, _, _ in _COLUMNS]), flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def flows(self, flows: list[Flow]) -> None:
        """Show some of the flows that arrived."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._shown = second, 0
        room = min(_PLAIN_FLOWS_A_SECOND - self._shown, len(flows))
        for number in range(room):  # spread over the event, so that begun, ended and denied ones are seen
            flow = flows[number * len(flows) // room]
            print(_line(cells(flow)), flush=True)
        self._shown += room

    def totals(self, text: str) -> None:
        """Show the running totals, if it is time."""
        if time.monotonic() >= self._next_totals:
            self._next_totals = time.monotonic() + _PLAIN_TOTALS_SECONDS
            print(f"-- {text}", flush=True)

    def note(self, text: str) -> None:
        """Show a line."""
        print(f"!! {text}", flush=True)


def _line(words: list[str] | tuple[str, ...]) -> str:
    padded = [
        word.rjust(width) if justify == "right" else word.ljust(width)
        for word, (_, width, justify) in zip(words, _COLUMNS, strict=True)
    ]
    return " ".join(padded).rstrip()
