"""JSON for people: what fits on a line is on one, and short texts of a long array share lines."""

# ruff: noqa: INP001  # beside the pages that it is written for, and no package
import json
import textwrap
from collections.abc import Mapping
from typing import Final

from flowlog_core.flow.tree import Json

_WIDTH: Final = 118
_INDENT: Final = "  "


def json_text(value: Json, indent: str = "", before: str = "") -> str:
    """Write a value, with the text that stands before it on its first line, and without a line end."""
    line = before + json.dumps(value, ensure_ascii=False)
    deeper = indent + _INDENT
    if len(indent + line) <= _WIDTH or not isinstance(value, Mapping | list):
        return line
    if isinstance(value, Mapping):
        parts = [json_text(each, deeper, f"{json.dumps(key)}: ") for key, each in value.items()]
        return f"{before}{{\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}}}"
    parts = [json_text(each, deeper) for each in value]
    if all(isinstance(each, str) and " " not in each for each in value):
        room = _WIDTH - len(deeper)
        lines = textwrap.wrap(", ".join(parts), room, break_long_words=False, break_on_hyphens=False)
        parts = [line.removesuffix(",") for line in lines]
    return f"{before}[\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}]"
