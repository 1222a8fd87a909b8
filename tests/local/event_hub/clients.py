"""Clients of the stand-in for Event Hubs, and what a test sees of a hub that it shares."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Self

from azure.eventhub import EventData, EventDataBatch, EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from local.event_hub.server import Counters, EventHub, StoredEvent

DEADLINE = 10.0  # seconds for anything to happen


def producing(hub: EventHub, name: str = "flowlogs", retries: int = 2) -> EventHubProducerClient:
    """Make a producer whose retries don't wait."""
    return EventHubProducerClient.from_connection_string(
        hub.connection_string, eventhub_name=name, retry_total=retries, retry_backoff_factor=0
    )


def bodies(events: list[StoredEvent]) -> list[bytes]:
    return [event.body for event in events]


def long(value: int) -> dict[str, object]:
    """Tag an int for the client's codec, so that it is sent as an AMQP long."""
    return {TYPE: AMQPTypes.long, VALUE: value}


def batch_of(producer: EventHubProducerClient, *contents: bytes, partition: str | None = None) -> EventDataBatch:
    batch = producer.create_batch(partition_id=partition)
    for content in contents:
        batch.add(EventData(content))
    return batch


class View:
    """The shared hub as if it had been made for this test: without what came before."""

    def __init__(self, hub: EventHub) -> None:
        self.hub = hub
        self.faults = hub.faults
        self._counters = hub.counters()
        self._events = [len(hub.events(partition)) for partition in range(2)]

    def events(self, partition: int | None = None) -> list[StoredEvent]:
        partitions = range(2) if partition is None else [partition]
        return [event for number in partitions for event in self.hub.events(number)[self._events[number] :]]

    def counters(self) -> Counters:
        now, then = self.hub.counters(), self._counters
        return Counters(
            accepted=now.accepted - then.accepted,
            rejected=now.rejected - then.rejected,
            dropped=now.dropped - then.dropped,
            events=now.events - then.events,
        )


class Receiver:
    """A client that receives in a thread of its own, and what it has got so far from each partition, in order."""

    def __init__(self, hub: EventHub, group: str = "$Default", **arguments: object) -> None:
        self.events: dict[str, list[EventData]] = defaultdict(list)
        self.problems: list[Exception] = []
        self._changed = threading.Condition()
        self._client = EventHubConsumerClient.from_connection_string(
            hub.connection_string,
            group,
            eventhub_name=hub.name,
            retry_total=0,
            retry_backoff_factor=0,
            load_balancing_interval=1,  # after its end, a thread of the client sleeps for as long
        )
        arguments |= {"on_event_batch": self._on_events, "on_error": self._on_error}
        self._thread = threading.Thread(target=self._client.receive_batch, kwargs=arguments, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _on_events(self, place: PartitionContext, events: list[EventData]) -> None:
        with self._changed:
            self.events[place.partition_id].extend(events)
            self._changed.notify_all()

    def _on_error(self, _: PartitionContext | None, problem: Exception) -> None:
        with self._changed:
            self.problems.append(problem)
            self._changed.notify_all()

    def wait_for(self, ready: Callable[[], object], deadline: float = DEADLINE) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(ready, deadline))

    def got(self, stored: StoredEvent) -> EventData:
        """Wait for a stored event."""

        def find() -> list[EventData]:
            events = self.events[str(stored.partition)]
            return [event for event in events if event.sequence_number == stored.sequence_number]

        assert self.wait_for(find)
        return find()[0]

    def bodies(self, partition: int) -> list[bytes]:
        return [event.body_as_str().encode() for event in self.events[str(partition)]]
