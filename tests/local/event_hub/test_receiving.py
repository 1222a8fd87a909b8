"""Receiving from the stand-in for Event Hubs, through the azure-eventhub client."""

import asyncio

from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubConsumerClient as AioConsumerClient
from azure.eventhub.aio import EventHubProducerClient as AioProducerClient
from azure.eventhub.aio import PartitionContext as AioPartitionContext
from azure.eventhub.exceptions import ConnectionLostError

from local.event_hub.server import EventHub
from tests.local.event_hub.clients import DEADLINE, Receiver, View, batch_of, bodies, long, producing
from tests.support.hubs import OpenHub


def test_an_event_is_received_as_it_was_sent_with_its_place(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    event = EventData(b"body")
    event.content_type = "application/json"
    event.properties = {"rangeEnd": long(2**40), "blob": "account/container/name"}
    for _ in range(2):
        producer.send_event(event, partition_key="key")

    stored = hub.events()[1]
    got = receiver.got(stored)
    assert stored.offset != str(stored.sequence_number)  # equal ones would hide mistakes
    assert (got.offset, got.enqueued_time, got.partition_key) == (stored.offset, stored.enqueued_time, b"key")
    assert (got.body_as_str(), got.content_type) == ("body", "application/json")
    assert got.properties == {b"rangeEnd": 2**40, b"blob": b"account/container/name"}


def test_a_message_of_many_frames_passes_both_ways(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    large = bytes(range(128)) * 8000  # 1,024,000 bytes, 16 frames
    producer.send_batch(batch_of(producer, large, b"small"))

    assert bodies(hub.events()) == [large, b"small"]
    assert [receiver.got(event).body_as_str().encode() for event in hub.events()] == [large, b"small"]


def test_the_aio_clients_send_and_receive(hub: View) -> None:
    text, name = hub.hub.connection_string, hub.hub.name

    async def send() -> None:
        async with AioProducerClient.from_connection_string(text, eventhub_name=name) as producer:
            batch = await producer.create_batch()
            batch.add(EventData("one"))
            batch.add(EventData("x" * 300_000))
            await producer.send_batch(batch)

    async def receive(partition: int, start: int) -> list[str]:
        got: list[str] = []
        all_there = asyncio.Event()

        async def on_event(_: AioPartitionContext, event: EventData | None) -> None:
            got.extend([event.body_as_str()] if event else [])
            if len(got) == 2:
                all_there.set()

        async with AioConsumerClient.from_connection_string(text, "$Default", eventhub_name=name) as consumer:
            receiving = asyncio.create_task(
                consumer.receive(
                    on_event,
                    partition_id=str(partition),
                    starting_position=start,
                    starting_position_inclusive=True,
                )
            )
            await asyncio.wait_for(all_there.wait(), DEADLINE)
            receiving.cancel()
            await asyncio.wait([receiving])
        return got

    asyncio.run(send())
    stored = hub.events()[0]
    assert asyncio.run(receive(stored.partition, stored.sequence_number)) == ["one", "x" * 300_000]


def test_an_unknown_consumer_group_is_not_found(running: EventHub) -> None:
    with Receiver(running, "other", partition_id="0") as receiver:
        assert receiver.wait_for(lambda: receiver.problems)

    assert isinstance(receiver.problems[0], ConnectionLostError)
    assert "'amqps://localhost" in str(receiver.problems[0])
    assert "could not be found" in str(receiver.problems[0])


def test_receivers_start_where_they_ask(hub: View, producer: EventHubProducerClient) -> None:
    for content in (b"a", b"b", b"c"):
        for partition in "01":
            producer.send_batch(batch_of(producer, content, partition=partition))
    first, second = hub.events(0)[1], hub.events(1)[1]
    after = {"0": first.offset, "1": second.sequence_number}
    since = {"0": first.sequence_number, "1": second.enqueued_time}
    with (
        Receiver(hub.hub, starting_position=after) as behind,
        Receiver(hub.hub, starting_position=since, starting_position_inclusive=True) as at,
    ):
        for receiver in (behind, at):
            assert receiver.wait_for(lambda: receiver.bodies(0)[-1:] == receiver.bodies(1)[-1:] == [b"c"])  # noqa: B023

    not_before = [event.body for event in hub.events(1) if event.enqueued_time >= second.enqueued_time]
    assert (behind.bodies(0), behind.bodies(1)) == ([b"c"], [b"c"])
    assert (at.bodies(0), at.bodies(1)) == ([b"b", b"c"], not_before)


def test_a_receiver_from_latest_gets_only_what_comes_then(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_batch(batch_of(producer, b"before", partition="0"))
    with Receiver(hub.hub, partition_id="0", starting_position="@latest") as receiver:
        for number in range(30):  # the client doesn't say when it has attached
            if receiver.wait_for(lambda: receiver.events["0"], deadline=0.3):
                break
            producer.send_batch(batch_of(producer, str(number).encode(), partition="0"))
        sent = bodies(hub.events(0))
        assert receiver.wait_for(lambda: receiver.bodies(0)[-1:] == sent[-1:])

    got = receiver.bodies(0)
    assert b"before" not in got
    assert got == sent[-len(got) :]


def test_each_receiver_gets_every_event(hub: View, producer: EventHubProducerClient, receiver: Receiver) -> None:
    for number in range(10):
        producer.send_batch(batch_of(producer, str(number).encode(), partition="0"))
    stored = hub.events(0)
    with Receiver(hub.hub, partition_id="0", starting_position=stored[0].sequence_number) as other:
        for event in stored[1:]:
            assert receiver.got(event).body_as_str() == other.got(event).body_as_str() == event.body.decode()


def test_retention_lets_the_oldest_go(open_hub: OpenHub) -> None:
    hub = open_hub(partitions=1, retain_bytes=3_500)
    with producing(hub) as producer:
        for number in range(10):
            producer.send_event(EventData(bytes([number]) * 1000))
        described = producer.get_partition_properties("0")

    assert bodies(hub.events()) == [bytes([number]) * 1000 for number in (7, 8, 9)]
    assert [event.sequence_number for event in hub.events()] == [7, 8, 9]
    assert (described["beginning_sequence_number"], described["last_enqueued_sequence_number"]) == (7, 9)
