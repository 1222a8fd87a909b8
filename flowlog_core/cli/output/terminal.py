"""What goes to a person: tables, figures and questions, in colour on a terminal, plain elsewhere.

Only the command line needs rich, so it is an extra, and imported where it is used.
"""

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from flowlog_core.cli.output.streams import ERR, OUT
from flowlog_core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PLAIN_WIDTH: Final = 10_000  # where nobody looks, nothing is cut off

INSTALL: Final = "pip install '.[{}]' in the project's folder"
"""What to do where an extra is missing, by its name."""

Align = Literal["left", "right"]


def quiet_clients() -> None:
    """Keep the log lines of Azure's clients off standard error: what matters in them comes as an error."""
    logging.getLogger("azure").setLevel(logging.CRITICAL)


def console(*, stderr: bool = False) -> "Console":
    """Make a console; rich itself heeds NO_COLOR, and leaves out colours where the output is no terminal.

    What it prints is made safe, and nothing in it is markup.

    Raises:
        UsageError: rich is not installed.

    """
    try:
        from flowlog_core.cli.output.safe_console import SafeConsole  # noqa: PLC0415 # the app is deployed without rich
    except ModuleNotFoundError:
        raise UsageError(f"this needs rich: {INSTALL.format('cli')}") from None

    stream = ERR if stderr else OUT
    made = SafeConsole(stream.file)
    return made if made.is_terminal else SafeConsole(stream.file, width=_PLAIN_WIDTH)


def table(columns: Iterable[tuple[str, Align]]) -> "Table":
    """Make a table without lines, whose header stands in capitals; add rows to it, then print it on a `console`.

    Args:
        columns: Name and alignment of each.

    """
    from rich.table import Table  # noqa: PLC0415 # the app is deployed without it

    made = Table(box=None, pad_edge=False, header_style="bold")
    for name, align in columns:
        made.add_column(name.upper(), justify=align, no_wrap=True)
    return made


def show(out: "Console", made: "Table") -> None:
    """Print a table as wide as it is: where a terminal is narrower its lines go on in the next, and nothing is cut."""
    width, out.width = out.width, _PLAIN_WIDTH
    try:
        out.print(made)
    finally:
        out.width = width


def sized(count: float) -> str:
    """Write a number of bytes for a person: ``1.2 GB``, in powers of ten."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 # the step from one unit to the next
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def lasting(seconds: float) -> str:
    """Write a duration for a person, cut to its two greatest units: ``2h 5m``."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask before something is done; without a person to ask, only `yes` will do.

    Raises:
        UsageError: There is nobody to ask.

    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes, as there is nobody to ask")
    ERR.write(f"{question} [y/N] ")
    ERR.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def joined(words: Sequence[str]) -> str:
    """Join words for a sentence: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
