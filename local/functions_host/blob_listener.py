"""The listener of a blob trigger: what a scan finds is served, as often as it takes."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

from azure.core.exceptions import AzureError

from local.functions_host.blob_scan import BlobEvent, ContainerScan
from local.functions_host.event_lines import Event
from local.functions_host.invocations import Invocations


class BlobListener:
    """Serves the events of one container. It reports `host.scan_failed`, once until a scan succeeds again."""

    def __init__(
        self,
        scan: ContainerScan,
        invocations: Invocations,
        report: Callable[[Event], None],
        *,
        slots: asyncio.Semaphore,
        attempts: int,
        poll_seconds: float,
        shuffled: random.Random | None,
    ) -> None:
        """Take what listening needs.

        Args:
            scan: Of the container.
            invocations: Serve the events.
            report: Takes what is reported.
            slots: One for each blob event that may be served at a time, of all blob triggers together.
            attempts: At an event, before it is poison.
            poll_seconds: Time between two scans.
            shuffled: Where given, every event is served twice, at once and with the next scan's, in this one's order.

        """
        self._scan = scan
        self._invocations = invocations
        self._report = report
        self._slots = slots
        self._attempts = attempts
        self._poll_seconds = poll_seconds
        self._shuffled = shuffled

    async def listen(self) -> None:
        """Serve what comes, until it is cancelled."""
        late: list[BlobEvent] = []
        async for events in self._scan_for_ever():
            batch = [*events, *late]
            if self._shuffled is not None:
                late = events
                self._shuffled.shuffle(batch)
            for event in batch:
                self._invocations.begin(self._serve(event))

    async def _scan_for_ever(self) -> AsyncIterator[list[BlobEvent]]:
        failing = False
        while True:
            try:
                events = await asyncio.to_thread(self._scan.scan)
            except AzureError as error:
                if not failing:
                    self._report({"event": "host.scan_failed", "function": self._scan.function, "error": str(error)})
                failing = True
            else:
                failing = False
                yield events
            await asyncio.sleep(self._poll_seconds)

    async def _serve(self, event: BlobEvent) -> None:
        """Try an event without a pause between two attempts, as the host does."""
        about = {"function": event.trigger.function, "connection": event.trigger.connection, "blob": event.blob}
        for attempt in range(1, self._attempts + 1):
            async with self._slots:
                if await self._invocations.invoke(
                    event.trigger.function_id, event.arguments, {**about, "attempt": attempt}
                ):
                    return
        self._invocations.give_up(about, self._attempts)
