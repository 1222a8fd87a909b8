"""The listener of an event hub trigger: one task receives from each partition, and one calls the function."""

import asyncio
from collections.abc import Callable, Mapping

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError

from local.functions_host.app_folder import EventHubLimits
from local.functions_host.connections import connection_string
from local.functions_host.event_lines import Event
from local.functions_host.invocations import Invocations
from local.functions_host.triggers import EventHubTrigger

_FROM_THE_START = "-1"
_RETRY_SECONDS = 1.0
_BACKOFF_SECONDS = 0.1


class EventHubListener:
    """Serves the events of one hub, from its start. It reports `host.poll_failed`, once until events come again.

    As the host does, it calls the function for the events of one partition at a time, in their order, as soon as there
    are enough of them or the first one has waited for long enough. Events of a call that fails don't come again.
    """

    def __init__(
        self,
        trigger: EventHubTrigger,
        invocations: Invocations,
        report: Callable[[Event], None],
        *,
        settings: Mapping[str, str],
        limits: EventHubLimits,
    ) -> None:
        """Take what listening needs; the settings have the trigger's connection string.

        Raises:
            HostError: They don't.

        """
        self._connection = connection_string(trigger, settings)
        self._trigger = trigger
        self._invocations = invocations
        self._report = report
        self._limits = limits
        self._failing = False

    async def listen(self) -> None:
        """Serve what comes, until it is cancelled."""
        client = EventHubConsumerClient.from_connection_string(
            self._connection,
            self._trigger.consumer_group,
            eventhub_name=self._trigger.hub,
            retry_backoff_factor=_BACKOFF_SECONDS,
        )
        async with client, asyncio.TaskGroup() as tasks:
            for partition in await self._find_partitions(client):
                events: asyncio.Queue[EventData] = asyncio.Queue(self._limits.prefetch)
                tasks.create_task(self._receive(client, partition, events))
                tasks.create_task(self._serve(partition, events))

    async def _find_partitions(self, client: EventHubConsumerClient) -> list[str]:
        while True:
            try:
                return await client.get_partition_ids()
            except EventHubError as error:
                self._fail(error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _receive(self, client: EventHubConsumerClient, partition: str, events: asyncio.Queue[EventData]) -> None:
        async def put(_: PartitionContext, event: EventData | None) -> None:
            if event is not None:
                self._failing = False
                await events.put(event)

        async def fail(_: PartitionContext, error: Exception) -> None:
            self._fail(error)

        await client.receive(
            put,
            partition_id=partition,
            starting_position=_FROM_THE_START,
            prefetch=self._limits.prefetch,
            on_error=fail,
        )

    async def _serve(self, partition: str, events: asyncio.Queue[EventData]) -> None:
        while True:
            batch = await self._take(events)
            # Waiting for the task, unlike awaiting it, doesn't cancel it when this is cancelled.
            await asyncio.wait([self._invocations.begin(self._invoke(partition, batch))])

    async def _take(self, events: asyncio.Queue[EventData]) -> list[EventData]:
        """Take enough events, or those that come while the first one waits."""
        batch = [await events.get()]
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                while len(batch) < self._limits.least:
                    batch.append(await events.get())
        except TimeoutError:
            pass
        while len(batch) < self._limits.most and not events.empty():
            batch.append(events.get_nowait())
        return batch

    async def _invoke(self, partition: str, batch: list[EventData]) -> None:
        trigger = self._trigger
        about: Event = {"function": trigger.function, "connection": trigger.connection}
        about |= {"partition": partition, "events": len(batch)}
        await self._invocations.invoke(trigger.function_id, trigger.make_arguments(batch), about)

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            self._report({"event": "host.poll_failed", "function": self._trigger.function, "error": str(error)})
        self._failing = True
