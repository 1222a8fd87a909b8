"""``python -m local.functions_host``: serve an app until SIGTERM or Ctrl-C.

On standard output it writes one JSON object a line: the events that `host` lists, and

- `host.command_failed`: a line on standard input was no command: `error`
- `host.fault`: the app can't be served: `error`, `stack`; the exit code is 1
- `log`: a log line of the app: `level`, `logger`, `message`, `invocation`; of the runtime's own, warnings and errors

What the app prints goes to standard error.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local.functions_host.app_folder import HostError, read_local_settings
from local.functions_host.event_lines import EventLines, LogEvents
from local.functions_host.host import WorkerHost
from local.functions_host.worker import find_invocation


def main() -> int:
    """Serve an app; return the exit code."""
    options = _make_parser().parse_args()
    lines = _take_over_output()
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in {"1", "true"}
    log = LogEvents(lines, find_invocation)
    logging.basicConfig(handlers=[log], level=logging.DEBUG if debug else logging.INFO, format="%(message)s")
    try:
        abandoned = _serve(options, lines, log)
    except HostError as fault:
        lines.write({"event": "host.fault", "error": str(fault), "stack": fault.stack})
        return 1
    if abandoned:
        os._exit(1)  # their threads would keep the process
    return 0


def _take_over_output() -> EventLines:
    """Keep standard output for the events, and send what the app prints to standard error."""
    lines = EventLines(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lines


def _serve(options: argparse.Namespace, lines: EventLines, log: LogEvents) -> int:
    """Serve the app to its end; return how many invocations were abandoned.

    Raises:
        HostError: The app can't be served.

    """
    if not options.app.is_dir():
        raise HostError(f"{options.app} is no folder")
    host = WorkerHost(
        options.app,
        report=lines.write,
        log=log,
        settings=read_local_settings(options.settings) if options.settings else None,
        poll_seconds=options.poll_seconds,
        duplicate=options.duplicate,
        only_new=options.only_new,
    )
    os.chdir(options.app)
    return asyncio.run(_run(host, lines, commands=options.commands, grace_seconds=options.grace_seconds))


async def _run(host: WorkerHost, lines: EventLines, *, commands: bool, grace_seconds: float) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, host.stop)
    reading = asyncio.create_task(_take_commands(host, lines)) if commands else None
    try:
        return await host.run(grace_seconds=grace_seconds)
    finally:
        if reading is not None:
            reading.cancel()


async def _take_commands(host: WorkerHost, lines: EventLines) -> None:
    """Read `fire FUNCTION` lines from standard input; its end stops the host."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        verb, _, function = line.decode().strip().partition(" ")
        try:
            if verb != "fire":
                raise ValueError(f"no command {verb!r}; there is: fire")  # noqa: TRY301  both faults go the same way
            host.fire(function)
        except ValueError as error:
            lines.write({"event": "host.command_failed", "error": str(error)})
    host.stop()


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.functions_host", description="A stand-in for the Functions host."
    )
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py (default: this one)")
    parser.add_argument("--settings", type=Path, help="a local.settings.json, whose Values overlay the environment")
    parser.add_argument("--poll-seconds", type=float, default=1.0, help="time between two scans (default: 1)")
    parser.add_argument("--grace-seconds", type=float, default=10.0, help="time to finish at a stop (default: 10)")
    parser.add_argument("--duplicate", action="store_true", help="deliver each blob event twice, in random order")
    parser.add_argument("--only-new", action="store_true", help="leave alone the blobs that are there at the start")
    parser.add_argument(
        "--commands", action="store_true", help="take 'fire TIMER' lines on standard input until its end"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
