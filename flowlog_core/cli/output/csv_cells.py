"""Cells of CSV that a spreadsheet shows, and does not run."""

import re
from functools import lru_cache
from typing import Final

from flowlog_core.cli.output.plain_text import safe_line

_TEXTS_KEPT: Final = 16_384  # flows share most of their texts
# What begins so is a formula to a spreadsheet (OWASP, "CSV Injection"), wide forms included; and so is what follows a
# character at which a spreadsheet set to another separator begins the next cell. A tab or a carriage return, which may
# stand before it, is an escape by then.
_FORMULA: Final = re.compile(r"(?:^|(?<=[,;|]))(?= *[=+\-@\uff1d\uff0b\uff0d\uff20])")


@lru_cache(_TEXTS_KEPT)
def csv_cell(text: str) -> str:
    """Make a text a cell: on one line, safe, with an apostrophe before what a spreadsheet would run."""
    return _FORMULA.sub("'", safe_line(text))
