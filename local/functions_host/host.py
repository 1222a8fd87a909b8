"""A stand-in for the Functions host, for local runs and tests without Core Tools and Docker.

It loads an app with Microsoft's own Python runtime, takes the triggers from the app's index and serves them as the
host does: functions run concurrently, synchronous ones in the worker's thread pool; host.json limits the concurrent
blob invocations and the attempts; a blob event that fails them all is poison; a log line of the app without a running
invocation is dropped (see `event_lines`). It differs from the host in this: a blob trigger whose source is `EventGrid`
is served like one that polls, by scanning its container; receipts are kept in memory, so that every blob is new after a
restart (unless `only_new`); a poison event is reported, not queued; schedules are in UTC and no missed run is made up;
host.json's log levels are not applied; identity-based connections are not served.

It reports events, each a mapping that JSON can hold:

- `host.ready`: `functions`, the index: name, type, what triggers it, whether a setting disables it
- `host.invoked`, `host.failed`: `function`, `invocation`, `ok`, `ms`; of a blob function `connection`, `blob`
  (`container/name`) and `attempt`; where it failed `error` and `stack`
- `host.poison`: a blob event that failed all its attempts: `function`, `connection`, `blob`, `attempts`
- `host.scan_failed`: a container can't be listed: `function`, `error`; reported once until it works again
- `host.stopping`: nothing new is started; running invocations finish
- `host.stopped`: counts of `invoked`, `failed`, `poison`, of invocations `abandoned` while they ran, and of log lines
  `dropped` because they came without a running invocation
"""

import asyncio
import os
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from azure.core.exceptions import AzureError

from local.functions_host.app_folder import HostError, read_blob_limits
from local.functions_host.blob_scan import BlobEvent, ContainerScan
from local.functions_host.event_lines import Event, LogEvents
from local.functions_host.triggers import BlobTrigger, TimerTrigger, read_triggers
from local.functions_host.worker import Arguments, invoke, load_app

# A sleep counts no time while the machine sleeps: look at the clock this often.
_CLOCK_SECONDS = 30.0


@dataclass(slots=True)
class _Timer:
    """A timer and its state: the host never runs a timer twice at a time."""

    trigger: TimerTrigger
    due: datetime
    last: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class WorkerHost:
    """Serves one app in this process; the runtime's state is process-wide, so there can be no second one.

    Everything happens on the event loop of `run`; another thread reaches it with `loop.call_soon_threadsafe`.
    """

    def __init__(
        self,
        app_folder: Path,
        *,
        report: Callable[[Event], None],
        log: LogEvents,
        settings: Mapping[str, str] | None = None,
        poll_seconds: float = 1.0,
        duplicate: bool = False,
        only_new: bool = False,
    ) -> None:
        """Prepare; nothing is loaded before `run`.

        Args:
            app_folder: Holds function_app.py and host.json.
            report: Takes the `host.…` events that the module's docstring lists.
            log: Handles the process's log records.
            settings: App settings, put into this process's environment, where app and runtime look for them.
            poll_seconds: Time between two scans of a container.
            duplicate: Deliver every blob event twice, at once and with the next scan's, each batch in random order: so
                does at-least-once, unordered delivery look to the app.
            only_new: Take the blobs that there are at the start as already served.

        """
        self._folder = app_folder.resolve()
        self._report = report
        self._log = log
        self._settings = dict(settings or {})
        self._poll_seconds = poll_seconds
        self._duplicate = duplicate
        self._only_new = only_new
        self._random = random.Random(0)  # noqa: S311  an order for tests, no secret, and the same in each run
        self._counts = {"invoked": 0, "failed": 0, "poison": 0}
        self._timers: dict[str, _Timer] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._running = 0
        self._stopping = asyncio.Event()

    async def run(self, *, grace_seconds: float = 10.0) -> int:
        """Load the app, report `host.ready`, serve until `stop`, then let running invocations finish.

        Returns:
            How many invocations still ran after `grace_seconds` and were abandoned. A thread can't be ended: where
            there are any, end the process without waiting for them (`os._exit`).

        Raises:
            HostError: The app can't be loaded or served.

        """
        environment = os.environ | self._settings
        sys.path.insert(0, str(self._folder))
        limits = read_blob_limits(self._folder)
        triggers = read_triggers(await load_app(self._folder, environment), os.environ)
        scans = await self._prepare_scans(triggers)
        timers = [trigger for trigger in triggers if isinstance(trigger, TimerTrigger)]
        self._attempts = limits.attempts
        self._slots = asyncio.Semaphore(limits.parallel)
        async with asyncio.TaskGroup() as self._group:
            now = datetime.now(UTC)
            self._timers = {trigger.function: _Timer(trigger, trigger.schedule.find_next(now)) for trigger in timers}
            self._report({"event": "host.ready", "functions": [trigger.describe() for trigger in triggers]})
            sources = [self._group.create_task(self._watch(scan)) for scan in scans]
            sources += [
                self._group.create_task(self._keep_time(timer))
                for timer in self._timers.values()
                if not timer.trigger.disabled
            ]
            await self._stopping.wait()
            self._report({"event": "host.stopping"})
            abandoned = await self._finish(sources, grace_seconds)
        self._report({"event": "host.stopped", **self._counts, "abandoned": abandoned, "dropped": self._log.dropped})
        return abandoned

    def stop(self) -> None:
        """Start nothing new and let `run` end."""
        self._stopping.set()

    def fire(self, function: str) -> None:
        """Run a timer's function now, a disabled one, too; its schedule stays as it is.

        Raises:
            ValueError: The app has no such timer.

        """
        if function not in self._timers:
            raise ValueError(f"no timer {function!r}; there are: {', '.join(self._timers) or 'none'}")
        self._begin(self._run_timer(self._timers[function]))

    async def _prepare_scans(self, triggers: Iterable[BlobTrigger | TimerTrigger]) -> list[ContainerScan]:
        scans = [
            ContainerScan(trigger, os.environ)
            for trigger in triggers
            if isinstance(trigger, BlobTrigger) and not trigger.disabled
        ]
        if self._only_new:
            for scan in scans:
                try:
                    await asyncio.to_thread(scan.scan)
                except AzureError as error:
                    raise HostError(f"can't see which blobs there are already: {error}") from error
        return scans

    async def _watch(self, scan: ContainerScan) -> None:
        late: list[BlobEvent] = []
        async for events in self._scan_for_ever(scan):
            batch = [*events, *late]
            if self._duplicate:
                late = events
                self._random.shuffle(batch)
            for event in batch:
                self._begin(self._serve(event))

    async def _scan_for_ever(self, scan: ContainerScan) -> AsyncIterator[list[BlobEvent]]:
        failing = False
        while True:
            try:
                events = await asyncio.to_thread(scan.scan)
            except AzureError as error:
                if not failing:
                    self._report({"event": "host.scan_failed", "function": scan.function, "error": str(error)})
                failing = True
            else:
                failing = False
                yield events
            await asyncio.sleep(self._poll_seconds)

    async def _serve(self, event: BlobEvent) -> None:
        about = {"function": event.trigger.function, "connection": event.trigger.connection, "blob": event.blob}
        for attempt in range(1, self._attempts + 1):
            async with self._slots:
                if self._stopping.is_set():
                    return
                if await self._invoke(event.trigger.function_id, event.arguments, {**about, "attempt": attempt}):
                    return
        self._counts["poison"] += 1
        self._report({"event": "host.poison", **about, "attempts": self._attempts})

    async def _keep_time(self, timer: _Timer) -> None:
        if timer.trigger.run_on_startup:
            await asyncio.wait([self._begin(self._run_timer(timer))])
        while True:
            while (rest := (timer.due - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110  a clock is no event
                await asyncio.sleep(min(rest, _CLOCK_SECONDS))
            started = max(timer.due, datetime.now(UTC))
            # Waiting for the task, unlike awaiting it, doesn't cancel it when this is cancelled.
            await asyncio.wait([self._begin(self._run_timer(timer))])
            # From its start, as the host counts: a run that outlasts the next moment is followed by another at once.
            timer.due = timer.trigger.schedule.find_next(started)

    async def _run_timer(self, timer: _Timer) -> None:
        async with timer.lock:
            if self._stopping.is_set():
                return
            arguments = timer.trigger.make_arguments(timer.last, timer.due)
            timer.last = datetime.now(UTC)
            await self._invoke(timer.trigger.function_id, arguments, {"function": timer.trigger.function})

    async def _invoke(self, function_id: str, arguments: Arguments, about: Event) -> bool:
        started, invocation = time.monotonic(), str(uuid.uuid4())
        self._running += 1
        try:
            error = await invoke(invocation, function_id, arguments)
        finally:
            self._running -= 1
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        about = about | {"invocation": invocation, "ok": error is None, "ms": milliseconds}
        if error is None:
            self._counts["invoked"] += 1
            self._report({"event": "host.invoked", **about})
        else:
            self._counts["failed"] += 1
            self._report({"event": "host.failed", **about, "error": error.message, "stack": error.stack_trace})
        return error is None

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _finish(self, sources: list[asyncio.Task[None]], grace_seconds: float) -> int:
        for source in sources:
            source.cancel()
        if self._work:
            await asyncio.wait(self._work, timeout=grace_seconds)
        abandoned = self._running
        for task in self._work:
            task.cancel()
        return abandoned
