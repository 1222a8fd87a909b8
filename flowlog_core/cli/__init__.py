"""The operator's command line: ``python -m flowlog_core``, or ``flowlog`` where it is installed.

One module a command. Each has `add`, which adds its parser; the parser's default ``run`` takes the parsed options and
gives the exit status.
"""

import argparse
import traceback
from collections.abc import Sequence
from typing import Final

from flowlog_core import __version__
from flowlog_core.cli import audit, backfill, decode, quarantine, report, status, tail
from flowlog_core.cli.interrupts import interrupts_raise
from flowlog_core.cli.output.streams import ERR, OUT, complain, discard_output, guarded
from flowlog_core.cli.output.terminal import quiet_clients
from flowlog_core.errors import FlowLogError, SettingsError

NOT_DONE: Final = 2
INTERRUPTED: Final = 130

_COMMANDS: Final = (status, tail, backfill, audit, quarantine, decode, report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status.

    0, or 1 where it found what should not be, 2 where it could not do its work, 130 where Ctrl-C or SIGTERM ended it.
    """
    try:
        with guarded(), interrupts_raise():
            return _run(arguments)
    except BrokenPipeError:  # whoever read has seen enough
        discard_output()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # what commands read, they answer for themselves
        discard_output()
        complain(f"the output can't be written: {error.strerror or error}")
        return NOT_DONE


def _run(arguments: Sequence[str] | None) -> int:
    options = command_line().parse_args(arguments)
    if not options.verbose:
        quiet_clients()
    if OUT.file is None:  # it was closed before this began
        complain("there is no standard output to write to")
        return NOT_DONE
    try:
        status = int(options.run(options))
        OUT.flush()
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 # nobody foresees all of them, and a person is to get a line of each
        if options.verbose:
            ERR.write("".join(traceback.format_exception(error)))
        for line in _lines_of(error):
            complain(line)
        return NOT_DONE
    return status


def _lines_of(error: Exception) -> tuple[str, ...]:
    """Say what went wrong, and what to do."""
    match error:
        case SettingsError():
            return *error.faults, "settings are read from the environment; --settings FILE adds those of a file"
        case FlowLogError():
            return (str(error),)
    return (
        f"this was not foreseen: {type(error).__name__}: {error}; --verbose shows where: please report it with that",
    )


def command_line() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="flowlog",
        description="Work with Azure network flow logs and their forwarder.",
        epilog="`flowlog COMMAND --help` has examples. Exit status: 0 all is well; 1 something is not as it should be; "
        "2 the command could not do its work; 130 it was ended by Ctrl-C or SIGTERM.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
