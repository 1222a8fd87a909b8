"""One JSON document of many rows that are not in memory all at once."""

import json
import sys
from collections.abc import Callable, Iterable


def write_rows(name: str, rows: Iterable[dict[str, object]], rest: Callable[[], dict[str, object]]) -> None:
    """Write an object to standard output: an array of rows, one a line, then other keys.

    Args:
        name: Key of the array.
        rows: Its elements, taken one by one.
        rest: Gives the other keys with their values; asked after the last row.

    """
    sys.stdout.write(f'{{"{name}":[')
    for number, row in enumerate(rows):
        sys.stdout.write(("," if number else "") + "\n" + json.dumps(row))
    sys.stdout.write("\n]," + json.dumps(rest())[1:] + "\n")
