"""The command line: ``python -m bench``, or ``make bench``."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import announced, appends, cold_start, end_to_end, packing, services, stages, sweeps, telemetry
from bench.inputs import MEBIBYTE, QUICK, Sizes
from bench.measure import BenchError, Tell
from bench.report import document, print_json, print_table
from bench.row import Row
from local.azurite import AzuriteError
from local.functions_host.app_folder import HostError

MEASURED: Final = 0
NOT_TRUE: Final = 1
NOT_RUN: Final = 2
INTERRUPTED: Final = 130

_SECTIONS: Final[Mapping[str, Callable[[Sizes, Tell], list[Row]]]] = {
    stages.SECTION: stages.measure,
    packing.SECTION: packing.measure,
    services.SECTION: services.measure,
    appends.SECTION: appends.measure,
    announced.SECTION: announced.measure,
    sweeps.SECTION: sweeps.measure,
    telemetry.SECTION: telemetry.measure,
    end_to_end.SECTION: end_to_end.measure,
    cold_start.SECTION: cold_start.measure,
}
_EXAMPLES: Final = """\
sections:
  stages      scan, parse, decode and encode, pack, and their whole, beside references
  events      bytes a flow, and how far events are filled
  services    read, send, commit, against Azurite and the local hub
  appends     an hour of small appends, each forwarded by a run of its own
  announced   appends that are announced at once, beside a run for each
  sweeps      a thousand interfaces, all forwarded or all with an append
  telemetry   bytes of the lines that the app logs
  backlog     a large blob, end to end, by the app in a worker process
  cold-start  what importing the app costs

examples:
  python -m bench
  python -m bench --only stages --repeats 15 --mib 16
  python -m bench --only backlog --backlog-mib 512
  python -m bench --only sweeps --sweep-interfaces 1000 10000
  python -m bench --json before.json
  python -m bench --quick --json - | jq '.rows[] | [.subject, .figure, .value]'

exit status: 0 measured; 1 something that was measured did not do its work; 2 it could not be run; 130 Ctrl-C
bench/README.md tells what each figure means; python -m bench.sizing derives sizes and costs from them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; return the exit status."""
    options = _parser().parse_args(arguments)
    sizes = _sizes(options)
    rows: list[Row] = []
    date, load = datetime.now(UTC), os.getloadavg()[0]
    try:
        for section in options.only:
            rows += _SECTIONS[section](sizes, _teller(section))
    except KeyboardInterrupt:
        sys.stderr.write("\nbench: ended by Ctrl-C\n")
        return INTERRUPTED
    except BenchError as error:
        sys.stderr.write(f"\nbench: {error}\n")
        return NOT_TRUE
    except (AzuriteError, HostError) as error:
        sys.stderr.write(f"\nbench: {error}\n")
        return NOT_RUN
    finally:
        _tell_line("")
    content = document(rows, sizes, date, load)
    try:
        if options.json:
            print_json(content, options.json)
        if options.json != "-":
            print_table(rows, content)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Without a place to go, the interpreter's last flush would complain.
        sys.stdout = io.TextIOWrapper(io.BytesIO())
    return MEASURED


def _teller(section: str) -> Tell:
    return lambda text: _tell_line(f"{section}: {text}")


def _tell_line(text: str) -> None:
    """Show progress as a line that is written over, on a terminal alone.

    No live display: its thread would take processor time, which is measured.
    """
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else Sizes()
    asked = {
        "repeats": options.repeats,
        "document_bytes": options.mib and options.mib * MEBIBYTE,
        "backlog_bytes": options.backlog_mib and options.backlog_mib * MEBIBYTE,
        "interfaces": options.sweep_interfaces and tuple(options.sweep_interfaces),
    }
    return replace(sizes, **{name: value for name, value in asked.items() if value})


def _parser() -> argparse.ArgumentParser:
    usual = Sizes()
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the product, whole and stage by stage, and print one table.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", nargs="+", choices=_SECTIONS, default=list(_SECTIONS), metavar="SECTION", help="measure only these"
    )
    parser.add_argument(
        "--repeats",
        type=_positive,
        metavar="N",
        help="rounds; of the backlog, which takes long, a third of them, and twice as many of the cold start, which "
        f"varies (default: {usual.repeats})",
    )
    parser.add_argument(
        "--mib",
        type=_positive,
        metavar="N",
        help="size of the blob of stages, events and services; takes 70 times as much memory "
        f"(default: {usual.document_bytes // MEBIBYTE})",
    )
    parser.add_argument(
        "--backlog-mib",
        type=_positive,
        metavar="N",
        help=f"size of a backlog's blob (default: {usual.backlog_bytes // MEBIBYTE})",
    )
    parser.add_argument(
        "--sweep-interfaces",
        nargs="+",
        type=_positive,
        metavar="N",
        help="interfaces that are swept, one fleet after another; 10,000 take Azurite some minutes a round "
        f"(default: {' '.join(map(str, usual.interfaces))})",
    )
    parser.add_argument("--quick", action="store_true", help="see that all works; the figures are worth little")
    parser.add_argument("--json", type=_file, metavar="FILE", help="write JSON, too; - for JSON instead of the table")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("takes a number over 0")
    return number


def _file(text: str) -> str:
    if text != "-" and not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(text).parent}")
    return text


if __name__ == "__main__":
    sys.exit(main())
