"""The listener of a timer trigger, and the status of its schedule, which outlives the host."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from local.functions_host.event_lines import Event
from local.functions_host.invocations import Invocations
from local.functions_host.triggers import TimerTrigger

# A sleep counts no time while the machine sleeps: look at the clock this often.
_CLOCK_SECONDS = 30.0

_CONTAINER = "azure-webjobs-hosts"
_SHORTEST_WITH_STATUS = timedelta(minutes=1)

# The storage client logs each request; these are not the app's.
_quiet = logging.getLogger("local.functions_host.timer_listener.requests")
_quiet.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """When a timer ran last, None for never, and when it is due."""

    last: datetime | None
    due: datetime

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what `write` wrote."""
        status = json.loads(content)
        last = status["Last"]
        return cls(datetime.fromisoformat(last) if last else None, datetime.fromisoformat(status["Next"]))

    def write(self) -> bytes:
        """Write it as JSON."""
        return json.dumps({"Last": self.last and self.last.isoformat(), "Next": self.due.isoformat()}).encode()


class StatusStore(Protocol):
    """Keeps the status of each timer. Its methods may raise `AzureError`."""

    def read(self, function: str) -> ScheduleStatus | None:
        """Return what was kept last; None where nothing was."""

    def keep(self, function: str, status: ScheduleStatus) -> None:
        """Keep it."""


class MemoryStatus:
    """Keeps the status for as long as the host lives: the next start is the first one."""

    def read(self, function: str) -> ScheduleStatus | None:  # noqa: ARG002  there is nothing to look up
        """See `StatusStore.read`."""
        return None

    def keep(self, function: str, status: ScheduleStatus) -> None:
        """See `StatusStore.keep`."""


class BlobStatus:
    """Keeps the status in the host's account, as the host does."""

    def __init__(self, connection_string: str) -> None:
        service = BlobServiceClient.from_connection_string(connection_string, retry_total=0, logger=_quiet)
        self._container = service.get_container_client(_CONTAINER)

    def read(self, function: str) -> ScheduleStatus | None:
        """See `StatusStore.read`."""
        try:
            return ScheduleStatus.read(self._container.download_blob(_name(function)).readall())
        except ResourceNotFoundError:
            return None

    def keep(self, function: str, status: ScheduleStatus) -> None:
        """See `StatusStore.keep`."""
        with suppress(ResourceExistsError):
            self._container.create_container()
        self._container.upload_blob(_name(function), status.write(), overwrite=True)


def _name(function: str) -> str:
    return f"timers/{function}/status"


def open_status_store(settings: Mapping[str, str]) -> StatusStore:
    """Open the store in the host's account, where a connection string names one."""
    connection = settings.get("AzureWebJobsStorage", "")
    try:
        return BlobStatus(connection)
    except ValueError:
        return MemoryStatus()


class TimerListener:
    """Runs one timer by its schedule, and never twice at a time.

    A run that was missed while no host was there is made up at the start, once, and is past due. The very first start
    runs nothing. A schedule with less than a minute between two runs has no status. Where the status can't be read or
    kept, it reports `host.status_failed`, and goes on without.
    """

    def __init__(
        self, trigger: TimerTrigger, invocations: Invocations, report: Callable[[Event], None], store: StatusStore
    ) -> None:
        """Take the timer, what runs it, what takes events, and what keeps its status."""
        due = trigger.schedule.find_next(datetime.now(UTC))
        self._trigger = trigger
        self._invocations = invocations
        self._report = report
        self._has_status = trigger.schedule.find_next(due) - due >= _SHORTEST_WITH_STATUS
        self._store = store if self._has_status else MemoryStatus()
        self._status = ScheduleStatus(None, due)
        self._lock = asyncio.Lock()

    async def listen(self) -> None:
        """Keep the schedule, until it is cancelled."""
        is_past_due = await self._go_on()
        if self._trigger.run_on_startup:
            await asyncio.wait([self._invocations.begin(self.run())])
        while True:
            while (rest := (self._status.due - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110  a clock is no event
                await asyncio.sleep(min(rest, _CLOCK_SECONDS))
            started = max(self._status.due, datetime.now(UTC))
            # Waiting for the task, unlike awaiting it, doesn't cancel it when this is cancelled.
            await asyncio.wait([self._invocations.begin(self._run_due(started, is_past_due=is_past_due))])
            is_past_due = False

    async def run(self) -> None:
        """Run it now; its schedule stays as it is."""
        await self._run(is_past_due=False)

    async def _run_due(self, started: datetime, *, is_past_due: bool) -> None:
        await self._run(is_past_due=is_past_due)
        # From its start, as the host counts: a run that outlasts the next moment is followed by another at once.
        await self._keep(ScheduleStatus(self._status.last, self._trigger.schedule.find_next(started)))

    async def _run(self, *, is_past_due: bool) -> None:
        async with self._lock:
            due = self._status.due if self._has_status else None
            arguments = self._trigger.make_arguments(self._status.last, due, is_past_due=is_past_due)
            self._status = replace(self._status, last=datetime.now(UTC))
            await self._invocations.invoke(self._trigger.function_id, arguments, {"function": self._trigger.function})

    async def _go_on(self) -> bool:
        """Go on where an earlier host ended; return whether a run was missed since then."""
        kept = None
        try:
            kept = await asyncio.to_thread(self._store.read, self._trigger.function)
        except AzureError as error:
            self._fail(error)
        if kept is None:
            await self._keep(self._status)
            return False
        self._status = kept
        return kept.due < datetime.now(UTC)

    async def _keep(self, status: ScheduleStatus) -> None:
        self._status = status
        try:
            await asyncio.to_thread(self._store.keep, self._trigger.function, status)
        except AzureError as error:
            self._fail(error)

    def _fail(self, error: AzureError) -> None:
        self._report({"event": "host.status_failed", "function": self._trigger.function, "error": str(error)})
