"""The operator's command line: ``python -m flowlog_core``, or ``flowlog`` where it is installed.

One module a command. Each has `add`, which adds its parser; the parser's default ``run`` takes the parsed options and
gives the exit status.
"""

import argparse
import io
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from flowlog_core import __version__
from flowlog_core.cli import audit, backfill, decode, quarantine, report, status, tail
from flowlog_core.cli.output.terminal import complain, quiet_clients
from flowlog_core.errors import FlowLogError, SettingsError, UsageError

NOT_DONE: Final = 2
INTERRUPTED: Final = 130

# The clients' own errors quote URLs, and with them a shared access signature.
_SECRET: Final = re.compile(r"(?i)\b(sig|AccountKey|SharedAccessKey|SharedAccessSignature)=[^&;\s'\"]+")
_COMMANDS: Final = (status, tail, backfill, audit, quarantine, decode, report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give its exit status: 0, 1 where it found what should not be, 2 where it could not do its work."""
    options = command_line().parse_args(arguments)
    if not options.verbose:
        quiet_clients()
    try:
        return _run(options)
    except BrokenPipeError:
        # Whoever read has seen enough. Without a place to go, the interpreter's last flush would complain.
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # what commands read, they answer for themselves
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        complain(f"the output can't be written: {error.strerror or error}")
        return NOT_DONE
    except SettingsError as error:
        for fault in error.faults:
            complain(fault)
        complain("settings are read from the environment; --settings FILE adds those of a file")
        return NOT_DONE
    except FlowLogError as error:
        if options.verbose:
            sys.stderr.write(_SECRET.sub(r"\1=…", "".join(traceback.format_exception(error))))
        complain(str(error))
        return NOT_DONE


def _run(options: argparse.Namespace) -> int:
    if sys.stdout is None:  # it was closed before this began
        raise UsageError("there is no standard output to write to")
    status = int(options.run(options))
    sys.stdout.flush()
    return status


def command_line() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="flowlog",
        description="Work with Azure network flow logs and their forwarder.",
        epilog="`flowlog COMMAND --help` has examples. Exit status: 0 all is well; 1 something is not as it should be; "
        "2 the command could not do its work.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
