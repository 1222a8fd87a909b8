"""A console of rich that makes safe whatever it prints. One of the modules that can't be imported without rich."""

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from flowlog_core.cli.output.plain_text import safe


class SafeConsole(Console):
    """Prints text as it is, without markup, emoji and highlights; its control characters are rich's own alone."""

    def __init__(self, file: TextIO | None, *, width: int | None = None) -> None:
        """Take where to write, and how wide it is where that is no terminal."""
        # No emoji: it would see some of their names, such as `:ab:`, in IPv6 addresses.
        super().__init__(file=file, width=width, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render something as pieces of text, each of them safe; see rich's `Console.render`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(safe(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raise instead of what rich would do: end the process, with status 1."""
        raise BrokenPipeError
