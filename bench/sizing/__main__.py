"""The command line: ``python -m bench.sizing``."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.sizing import figures, loads
from bench.sizing.markdown import fill
from bench.sizing.measured import Measured
from bench.sizing.tables import one_instance, sizes

PRINTED: Final = 0
NOT_READ: Final = 2

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs/performance.md"

NEEDED: Final = figures.NEEDED | loads.NEEDED
"""The figures that the tables are made of."""

_WIDTH: Final = 120  # of a line of text


def write_blocks(measured: Measured) -> dict[str, str]:
    """Write what the document holds of the bench, by name of its place."""
    return {
        "figures: what on": _wrap(figures.describe(measured)),
        "figures: decoding": "\n".join(figures.decoding(measured.figures)) + "\n",
        "figures: complete app": "\n".join(figures.system(measured.figures)) + "\n",
        "sizing: one instance": _wrap(one_instance(measured.figures)),
        "sizing: tables": "".join(_wrap(line) for line in sizes(measured.figures)),
    }


def renew(measured: Measured, document: Path) -> None:
    """Write the blocks into the document.

    Raises:
        ValueError: It has no place for one of them.

    """
    document.write_text(fill(document.read_text(), write_blocks(measured)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        measured = _read(options.measured) if options.measured else Measured.of_record()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"bench.sizing: {', '.join(map(str, options.measured))}: {error}\n")
        return NOT_READ
    if options.write:
        renew(measured, DOCUMENT)
        measured.write()
    else:
        print("\n".join(write_blocks(measured).values()), end="")
    return PRINTED


def _read(files: Sequence[Path]) -> Measured:
    return Measured.read([file.read_text() for file in files], NEEDED, figures.OPTIONAL)


def _wrap(line: str) -> str:
    """Break a line of text; a table's and a title's stay as they are."""
    lines = [line] if line.startswith(("|", "#")) else textwrap.wrap(line, _WIDTH) or [""]
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sizing",
        description="Print the tables of docs/performance.md, which has their arithmetic.",
    )
    parser.add_argument(
        "--measured",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what python -m bench --json FILE wrote, instead of the figures of record; of a figure that is in several "
        "files, the last one counts",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the tables into docs/performance.md, and make the figures those of record",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
