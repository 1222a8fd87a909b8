"""Standard output and standard error, the one way out of a command: whatever passes is made safe.

Text has no control character but the ends of our own lines, no mark that turns the direction of what follows, and no
secret; see `plain_text` and `json_text`. Tables leave by the console of `terminal`, which keeps to the same.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, TextIO, cast

from flowlog_core.cli.output.csv_cells import csv_cell
from flowlog_core.cli.output.json_text import flow_text, json_document, json_line
from flowlog_core.cli.output.plain_text import safe, safe_line


class Stream:
    """One of the two streams of the process, whatever object stands for it at the time."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name

    @property
    def file(self) -> TextIO | None:
        """The stream itself, past the guard; None where the process was started without it."""
        stream = getattr(sys, self._name)
        return stream.stream if isinstance(stream, _Guard) else stream

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at it."""
        return self.file is not None and self.file.isatty()

    def write(self, text: str) -> None:
        """Write text whose line ends are our own."""
        self._put(safe(text))

    def write_line(self, text: str) -> None:
        """Write text as one line, whatever line ends are in it."""
        self._put(f"{safe_line(text)}\n")

    def write_json(self, value: object) -> None:
        """Write a JSON document of several lines."""
        self._put(f"{json_document(value)}\n")

    def write_json_line(self, value: object) -> None:
        """Write a JSON value in one line."""
        self._put(f"{json_line(value)}\n")

    def write_json_rows(self, name: str, rows: Iterable[object], rest: Callable[[], Mapping[str, object]]) -> None:
        """Write a JSON object: an array of rows, one a line, that are never in memory all at once, and other keys.

        Args:
            name: Key of the array.
            rows: Its elements, taken one by one.
            rest: Returns the other keys with their values; asked after the last row.

        """
        self._put(f'{{"{name}":[')
        for number, row in enumerate(rows):
            self._put(f"{',' if number else ''}\n{json_line(row)}")
        self._put(f"\n],{json_line(rest())[1:]}\n")

    def write_flows(self, lines: Sequence[str]) -> None:
        """Write flows: lines of JSON in ASCII, as the formatter or `json_text.flow_line` writes them."""
        self._put(flow_text(lines))

    def write_csv(self, rows: Iterable[Iterable[str | int | None]]) -> None:
        """Write rows of CSV: texts as `csv_cell` makes them, numbers as they are, nothing for None."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [csv_cell(value) if isinstance(value, str) else value for value in row] for row in rows
        )
        self._put(text.getvalue())

    def write_bytes(self, data: bytes) -> None:
        """Write bytes that were asked for as they are, which nothing makes safe: never to a terminal."""
        if self.file is not None:
            self.file.buffer.write(data)

    def flush(self) -> None:
        """Have what was written arrive."""
        if self.file is not None:
            self.file.flush()

    def _put(self, text: str) -> None:
        if self.file is not None:
            self.file.write(text)


OUT: Final = Stream("stdout")
ERR: Final = Stream("stderr")


class _Guard:
    """A stream that makes safe whatever is written to it; else it is the one that it stands before."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # whatever the stream has
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        self.stream.write(safe(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for each in lines:
            self.write(each)


@contextmanager
def guarded() -> Iterator[None]:
    """Make safe what others write meanwhile: argparse, a library that logs or warns, the interpreter."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and cast("TextIO", _Guard(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def complain(message: str) -> None:
    """Say in one line, on standard error, what is wrong and what to do."""
    ERR.write_line(f"flowlog: {message}")


def discard_output() -> None:
    """Write to standard output no more: nobody reads it, or it can't be written.

    The interpreter flushes it once more at its end, and would complain.
    """
    sys.stdout = io.TextIOWrapper(io.BytesIO())
