"""The complete system on one machine: ``python -m local``, or ``make run``.

Azurite keeps the blobs, a simulator of Network Watcher writes them, Microsoft's Python worker runs the Functions app, a
local stand-in for Event Hubs takes the events, and a consumer reads them back, shows the flows, and compares each with
what was written.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError

from local.azurite import AzuriteError
from local.functions_host.app_folder import HostError
from local.interrupts import raise_interrupts
from local.run import RunOptions, run

_EVEN: Final = 0
_UNEVEN: Final = 1
_NOT_RUN: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the system; return the exit status."""
    options = RunOptions(**vars(_make_parser().parse_args(arguments)))
    raise_interrupts()
    try:
        return _print_faults(run(options))
    except KeyboardInterrupt:
        print("\ninterrupted, with nothing compared", flush=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough. Without a place to go, the interpreter's last flush would complain.
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        return _EVEN
    except (AzuriteError, HostError, AzureError, OSError) as error:
        print(f"local: {error}", file=sys.stderr)
        return _NOT_RUN


def _print_faults(faults: Sequence[str]) -> int:
    for fault in faults:
        print(f"FAULT: {fault}")
    if faults:
        return _UNEVEN
    print("every flow that was written arrived once, as written")
    return _EVEN


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run storage, hub, app and a simulator of Network Watcher on this machine, and watch flows arrive. "
        "Ctrl-C ends it with the comparison.",
        epilog="examples:\n  python -m local\n  python -m local --seconds 20\n"
        "  python -m local --interfaces 20 --flows-per-minute 2000 --interval 1\n\n"
        "exit status: 0 every flow that was written arrived once; 1 something differs; 2 it could not be run;\n"
        "130 ended at once, by Ctrl-C before it had started or a second time",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=_positive, help="write for so long, then compare and end (default: for ever)")
    parser.add_argument("--interfaces", type=int, default=5, help="network interfaces (default: %(default)s)")
    parser.add_argument("--flows-per-minute", type=int, default=200, help="of each interface (default: %(default)s)")
    parser.add_argument(
        "--interval", type=_positive, default=2.0, help="seconds that a simulated minute takes (default: %(default)s)"
    )
    parser.add_argument("--seed", default="1", help="the same seed makes the same traffic (default: %(default)s)")
    parser.add_argument("--hostile", action="store_true", help="mix in tuples and records that belong in quarantine")
    parser.add_argument(
        "--settle-seconds",
        type=_positive,
        default=60.0,
        help="how long to wait at the end for flows that have not arrived (default: %(default)s)",
    )
    parser.add_argument(
        "--settings-file",
        type=Path,
        default=Path(".local/env.sh"),
        help="shell commands that make the run's settings another shell's; removed at the end (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("takes a number over 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
