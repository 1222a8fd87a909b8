"""Tables in Markdown, and the blocks of a document that are written by a program."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_HUNDRED: Final = 100


def short(value: float) -> str:
    """Write a number with three digits, or all before the point, or two where it is below 1."""
    if value >= _HUNDRED:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}"


def cell(texts: Iterable[str]) -> str:
    """Join values; where all are the same, once."""
    values = list(texts)
    return " · ".join(values if len(set(values)) > 1 else values[:1])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 0) -> list[str]:
    """Write a table's lines; so many columns at the left hold texts, and the others numbers."""
    alignment = "---|" * texts + "---:|" * (len(columns) - texts)
    return [f"| {' | '.join(columns)} |", f"|{alignment}", *(f"| {' | '.join(row)} |" for row in rows)]


def fill(document: str, blocks: Mapping[str, str]) -> str:
    """Write blocks into a document, each between the comments with its name.

    Raises:
        ValueError: The document has no such place.

    """
    for name, text in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        place = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
        if len(place.findall(document)) != 1:
            raise ValueError(f"there is no place for {name}, or more than one")
        document = place.sub(lambda _, text=text: f"\n{text}\n", document)  # type: ignore[misc]
    return document
