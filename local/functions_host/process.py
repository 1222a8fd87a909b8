"""The host as a child process: started, watched and ended by `make run` and by tests."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.app_settings import without_app_settings
from local.child_process import ChildProcess, seconds_until
from local.functions_host.app_folder import HostError

type HostEvent = Mapping[str, Any]
"""An event as `local.functions_host.host` describes it, read from JSON."""

_PROJECT = Path(__file__).parents[2]
_READY_SECONDS = 60.0

# What the host needs beside its grace for running invocations: the scan that it is at, for one.
_STOP_SECONDS = 15.0


class HostEnded(RuntimeError):  # noqa: N818  an end need not be an error
    """The host's process has ended, and what was waited for had not come."""


class WorkerProcess:
    """`python -m local.functions_host` as a context manager: it serves from entry to exit.

    All its events stay in memory until exit, so that `wait_for` can find earlier ones.

    Attributes:
        functions: Names of the functions that the app's index holds.
        ready: The `host.ready` event, with the index.
        pid: Process id of the host.
        returncode: Its exit code, negative for a signal; None while it runs.

    """

    def __init__(
        self,
        app_folder: Path,
        *,
        settings: Mapping[str, str],
        poll_seconds: float = 1.0,
        grace_seconds: float = 10.0,
        duplicate: bool = False,
        only_new: bool = False,
    ) -> None:
        """Prepare; nothing is started before entry.

        Args:
            app_folder: Holds function_app.py and host.json.
            settings: All app settings; those in this process's own environment don't count.
            poll_seconds: Time between two scans of a container.
            grace_seconds: How long running invocations may go on at a stop.
            duplicate: Deliver every blob event twice, in random order.
            only_new: Leave alone the blobs that are there at the start.

        """
        self._command = [sys.executable, "-m", "local.functions_host", "--commands"]
        self._command += ["--app", str(app_folder.resolve()), "--poll-seconds", str(poll_seconds)]
        self._command += ["--grace-seconds", str(grace_seconds)]
        self._command += ["--duplicate"] * duplicate + ["--only-new"] * only_new
        self._environment = without_app_settings(os.environ) | {"PYTHONPATH": str(_PROJECT)} | dict(settings)
        self._stop_seconds = grace_seconds + _STOP_SECONDS
        self._child: ChildProcess | None = None
        self.ready: HostEvent = {}

    def __enter__(self) -> Self:
        """Start the host and wait until it serves.

        Raises:
            HostError: The app can't be loaded or served; the message is the app's or the host's own.

        """
        self._child = ChildProcess(self._command, environment=self._environment)
        try:
            self.ready = self.wait_for(
                lambda event: event["event"] in {"host.ready", "host.fault"}, timeout=_READY_SECONDS
            )
            if self.ready["event"] == "host.fault":
                raise HostError(self.ready["error"], self.ready["stack"])
        except HostEnded as error:
            raise HostError(f"the host's process failed, see its standard error: {error}") from error
        finally:
            if self.ready.get("event") != "host.ready":
                self._child.kill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the host where it still runs."""
        self.stop()

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that the app's index holds."""
        return tuple(function["name"] for function in self.ready["functions"])

    @property
    def pid(self) -> int:
        """Process id of the host; RuntimeError before entry."""
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """Exit code of the host, negative for a signal; None while it runs."""
        return self._started().returncode

    def events(self) -> Iterator[HostEvent]:
        """Yield all events from the first on, wait for further ones, and end with the process."""
        number = 0
        while (line := self._started().line(number)) is not None:
            yield json.loads(line)
            number += 1

    def seen(self) -> tuple[HostEvent, ...]:
        """Return all events that have come so far."""
        return tuple(json.loads(line) for line in self._started().lines())

    def wait_for(self, predicate: Callable[[HostEvent], bool], *, count: int = 1, timeout: float = 10.0) -> HostEvent:
        """Return the first event that fits, or the `count`-th, counted from the first event of all; wait for it.

        Raises:
            TimeoutError: It has not come within `timeout` seconds; the message shows the latest events.
            HostEnded: The process ended without it.

        """
        child = self._started()
        deadline = time.monotonic() + timeout
        number = 0
        while True:
            try:
                line = child.line(number, seconds_until(deadline))
            except TimeoutError:
                raise TimeoutError(f"no such event within {timeout:.1f} seconds; latest: {self._latest()}") from None
            if line is None:
                raise HostEnded(f"exit code {child.wait(_STOP_SECONDS)}; latest events: {self._latest()}")
            event: HostEvent = json.loads(line)
            if predicate(event):
                count -= 1
            if count == 0:
                return event
            number += 1

    def fire_timer(self, function: str) -> None:
        """Run a timer's function now, whatever its schedule.

        Raises:
            ValueError: The app has no such timer.
            BrokenPipeError: The host has ended.

        """
        timers = [entry["name"] for entry in self.ready["functions"] if entry["type"] == "timerTrigger"]
        if function not in timers:
            raise ValueError(f"no timer {function!r}; there are: {', '.join(timers) or 'none'}")
        self._started().send_line(f"fire {function}")

    def stop(self) -> int:
        """End the host (SIGTERM) once running invocations have finished, or their time is over.

        Returns:
            The exit code: 0, 1 where the host abandoned invocations, -9 where it did not end and had to be killed.

        """
        return self._started().terminate(self._stop_seconds)

    def kill(self) -> int:
        """End the host at once, as a crash would (SIGKILL); return the exit code, -9 unless it had ended before."""
        return self._started().kill()

    def _started(self) -> ChildProcess:
        if self._child is None:
            raise RuntimeError("the host is not running: use it in a with statement")
        return self._child

    def _latest(self) -> str:
        return "; ".join(self._started().lines()[-3:]) or "none"
