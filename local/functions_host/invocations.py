"""Invocations of functions: begun, counted and reported."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Self

from local.functions_host.event_lines import Event
from local.functions_host.worker import Arguments, invoke


class Invocations:
    """Invokes functions in the worker; work that it begins ends within its context, and so does what has no end.

    It reports `host.invoked`, `host.failed` and `host.poison`; see `host`.

    Attributes:
        counts: How many were `invoked`, how many of the attempts `failed`, and how many events became `poison`.
        running: How many run now.

    """

    def __init__(self, report: Callable[[Event], None]) -> None:
        """Take what takes the events."""
        self.counts = {"invoked": 0, "failed": 0, "poison": 0}
        self.running = 0
        self._group = asyncio.TaskGroup()
        self._report = report
        self._work: set[asyncio.Task[None]] = set()
        self._endless: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Take up work from now on."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; see `finish`."""
        await self._group.__aexit__(kind, error, trace)

    def listen(self, work: Coroutine[None, None, None]) -> None:
        """Begin work that has no end, such as a listener's."""
        self._endless.append(self._group.create_task(work))

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin work that a stop waits for, such as all attempts at an event."""
        task = self._group.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def invoke(self, function_id: str, arguments: Arguments, about: Mapping[str, object]) -> bool:
        """Invoke a function; return whether it succeeded. `about` says which and for what."""
        started, invocation = time.monotonic(), str(uuid.uuid4())
        self.running += 1
        try:
            error = await invoke(invocation, function_id, arguments)
        finally:
            self.running -= 1
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        about = {**about, "invocation": invocation, "ok": error is None, "ms": milliseconds}
        if error is None:
            self.counts["invoked"] += 1
            self._report({"event": "host.invoked", **about})
        else:
            self.counts["failed"] += 1
            self._report({"event": "host.failed", **about, "error": error.message, "stack": error.stack_trace})
        return error is None

    def give_up(self, about: Mapping[str, object], attempts: int) -> None:
        """Report an event as poison."""
        self.counts["poison"] += 1
        self._report({"event": "host.poison", **about, "attempts": attempts})

    async def finish(self, seconds: float) -> int:
        """Wait until no work is left, or time is up, while listeners go on; return how many are abandoned."""
        deadline = time.monotonic() + seconds
        while self._work and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._work, timeout=left)
        abandoned = self.running
        for task in (*self._endless, *self._work):
            task.cancel()
        return abandoned
