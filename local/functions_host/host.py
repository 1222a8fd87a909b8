"""A stand-in for the Functions host, for local runs and tests without Core Tools and Docker.

It loads an app with Microsoft's own Python runtime, takes the triggers from the app's index and serves them as the
host does: functions run concurrently, synchronous ones in the worker's thread pool; host.json limits the concurrent
invocations and the attempts, which follow each other without a pause; what fails them all is poison; a timer that was
missed is made up; a log line of the app without a running invocation is dropped (see `event_lines`). It differs from
the host in this: a blob trigger whose source is `EventGrid` is served like one that polls, by scanning its container;
receipts are kept in memory, so that every blob is new after a restart (unless `only_new`); a poison blob event is
reported, not queued; queues are polled at one interval; the positions in an event hub are kept in memory, so that every
event is new after a restart; schedules are in UTC; host.json's log levels are not applied;
identity-based connections are not served; and host and worker are one process, which SIGTERM reaches as one.

It reports events, each a mapping that JSON can hold:

- `host.ready`: `functions`, the index: name, type, what triggers it, whether a setting disables it
- `host.invoked`, `host.failed`: `function`, `invocation`, `ok`, `ms`; of a blob function `connection`, `blob`
  (`container/name`) and `attempt`, of a queue function `connection` and `attempt`, of an event hub function
  `connection`, `partition` and `events`, their number; where it failed `error` and `stack`
- `host.poison`: an event that failed all its attempts: `function`, `connection`, `blob` where there is one, `attempts`;
  a message in another encoding than host.json's has 0 attempts
- `host.scan_failed`, `host.poll_failed`: a container can't be listed, or a queue or a hub not be read: `function`,
  `error`; reported once until it works again
- `host.status_failed`: a timer's status can't be read or kept: `function`, `error`
- `host.stopping`: the host ends when no invocation runs any more, or its time is up; until then it starts new ones
- `host.stopped`: counts of `invoked`, `failed`, `poison`, of invocations `abandoned` while they ran, and of log lines
  `dropped` because they came without a running invocation
"""

import asyncio
import os
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from azure.core.exceptions import AzureError

from local.functions_host.app_folder import (
    BlobLimits,
    HostError,
    read_blob_limits,
    read_event_hub_limits,
    read_queue_limits,
)
from local.functions_host.blob_listener import BlobListener
from local.functions_host.blob_scan import ContainerScan
from local.functions_host.event_hub_listener import EventHubListener
from local.functions_host.event_lines import Event, LogEvents
from local.functions_host.invocations import Invocations
from local.functions_host.queue_listener import QueueListener
from local.functions_host.timer_listener import TimerListener, open_status_store
from local.functions_host.triggers import (
    BlobTrigger,
    EventHubTrigger,
    QueueTrigger,
    TimerTrigger,
    Trigger,
    read_triggers,
)
from local.functions_host.worker import load_app


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
        self._timers: dict[str, TimerListener] = {}
        self._stopping = asyncio.Event()

    async def run(self, *, grace_seconds: float = 10.0) -> int:
        """Load the app, report `host.ready`, serve until `stop`, and then until no invocation runs any more.

        Args:
            grace_seconds: How long it serves at most after `stop`.

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
        invocations = Invocations(self._report)
        listeners: list[BlobListener | EventHubListener | QueueListener | TimerListener] = [
            *self._blob_listeners(scans, invocations, limits),
            *self._queue_listeners(triggers, invocations),
            *self._event_hub_listeners(triggers, invocations),
            *self._timer_listeners(triggers, invocations),
        ]
        async with invocations:
            self._invocations = invocations
            self._report({"event": "host.ready", "functions": [trigger.describe() for trigger in triggers]})
            for listener in listeners:
                invocations.listen(listener.listen())
            await self._stopping.wait()
            self._report({"event": "host.stopping"})
            abandoned = await invocations.finish(grace_seconds)
        counts = {**invocations.counts, "abandoned": abandoned, "dropped": self._log.dropped}
        self._report({"event": "host.stopped", **counts})
        return abandoned

    def stop(self) -> None:
        """Let `run` end once no invocation runs any more; until then the listeners go on, as the host's do."""
        self._stopping.set()

    def fire(self, function: str) -> None:
        """Run a timer's function now, a disabled one, too; its schedule stays as it is.

        Raises:
            ValueError: The app has no such timer.

        """
        if function not in self._timers:
            raise ValueError(f"no timer {function!r}; there are: {', '.join(self._timers) or 'none'}")
        self._invocations.begin(self._timers[function].run())

    async def _prepare_scans(self, triggers: Iterable[Trigger]) -> list[ContainerScan]:
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

    def _blob_listeners(
        self, scans: Iterable[ContainerScan], invocations: Invocations, limits: BlobLimits
    ) -> list[BlobListener]:
        slots = asyncio.Semaphore(limits.parallel)
        # An order for tests, no secret, and the same in each run.
        shuffled = random.Random(0) if self._duplicate else None  # noqa: S311
        return [
            BlobListener(
                scan,
                invocations,
                self._report,
                slots=slots,
                attempts=limits.attempts,
                poll_seconds=self._poll_seconds,
                shuffled=shuffled,
            )
            for scan in scans
        ]

    def _queue_listeners(self, triggers: Iterable[Trigger], invocations: Invocations) -> list[QueueListener]:
        limits = read_queue_limits(self._folder)
        return [
            QueueListener(
                trigger,
                invocations,
                self._report,
                settings=os.environ,
                limits=limits,
                poll_seconds=self._poll_seconds,
            )
            for trigger in triggers
            if isinstance(trigger, QueueTrigger) and not trigger.disabled
        ]

    def _event_hub_listeners(self, triggers: Iterable[Trigger], invocations: Invocations) -> list[EventHubListener]:
        limits = read_event_hub_limits(self._folder)
        return [
            EventHubListener(trigger, invocations, self._report, settings=os.environ, limits=limits)
            for trigger in triggers
            if isinstance(trigger, EventHubTrigger) and not trigger.disabled
        ]

    def _timer_listeners(self, triggers: Iterable[Trigger], invocations: Invocations) -> list[TimerListener]:
        store = open_status_store(os.environ)
        timers = [trigger for trigger in triggers if isinstance(trigger, TimerTrigger)]
        self._timers = {each.function: TimerListener(each, invocations, self._report, store) for each in timers}
        return [self._timers[each.function] for each in timers if not each.disabled]
