"""Sending to the stand-in for Event Hubs, through the azure-eventhub client."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError

from local.event_hub.server import Counters
from tests.local.event_hub.clients import View, batch_of, bodies, long, producing
from tests.support.hubs import OpenHub


def test_a_batch_is_stored_in_order_in_one_partition(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_batch(batch_of(producer, b"one", b"two", b"three"))

    (partition,) = {event.partition for event in hub.events()}
    assert bodies(hub.events(partition)) == [b"one", b"two", b"three"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=0, events=3)
    assert hub.counters().transfers == 1


def test_sends_without_a_key_take_the_partitions_in_turn(hub: View, producer: EventHubProducerClient) -> None:
    for number in range(4):
        producer.send_event(EventData(str(number)))

    assert [len(hub.events(partition)) for partition in range(2)] == [2, 2]


def test_a_send_to_a_partition_goes_there(hub: View, producer: EventHubProducerClient) -> None:
    for content in (b"a", b"b"):
        producer.send_batch(batch_of(producer, content, partition="1"))

    assert bodies(hub.events(1)) == [b"a", b"b"]
    assert hub.events(0) == []


def test_a_key_goes_to_the_partition_that_the_service_hashes_it_to(hub: View, producer: EventHubProducerClient) -> None:
    # What a producer in buffered mode made of them, which hashes keys itself as the service does.
    partitions = {"00-0D-3A-00-00-00": 0, "00-0D-3A-00-00-01": 1, "00-0D-3A-00-00-04": 1, "é": 1, "a" * 100: 0}
    for _ in range(2):
        for key in partitions:
            producer.send_event(EventData(key), partition_key=key)

    assert len(hub.events()) == 10
    assert {event.partition_key: event.partition for event in hub.events()} == partitions
    assert all(event.partition_key == event.body.decode() for event in hub.events())


def test_properties_arrive_as_sent(hub: View, producer: EventHubProducerClient) -> None:
    event = EventData(b"{}")
    event.content_type = "application/x-ndjson"
    assert event.raw_amqp_message.properties is not None
    event.raw_amqp_message.properties.content_encoding = "gzip"
    event.properties = {"schema": "flow/1", "raw": b"\x00", "ratio": 0.5, "last": True}
    producer.send_event(event)

    (stored,) = hub.events()
    assert (stored.content_type, stored.content_encoding) == ("application/x-ndjson", "gzip")
    assert stored.properties == {"schema": "flow/1", "raw": b"\x00", "ratio": 0.5, "last": True}
    assert stored.property_types == {"schema": "string", "raw": "binary", "ratio": "double", "last": "bool"}


def test_an_event_without_properties_has_none(hub: View, producer: EventHubProducerClient) -> None:
    producer.send_event(EventData(b""))

    (stored,) = hub.events()
    assert (stored.body, stored.properties, stored.content_type, stored.content_encoding) == (b"", {}, None, None)


def test_many_properties_are_read_back(hub: View, producer: EventHubProducerClient) -> None:
    properties: dict[str | bytes, str] = {f"property {number}": "x" * number for number in range(100)}
    event = EventData(b"")
    event.properties = properties
    producer.send_event(event)

    assert hub.events()[0].properties == properties


def test_the_client_sends_plain_ints_as_amqp_ints_and_tagged_ones_as_longs(
    hub: View, producer: EventHubProducerClient
) -> None:
    event = EventData(b"")
    event.properties = {"plain": 2**31 - 1, "small": long(7), "large": long(2**63 - 1)}
    producer.send_event(event)

    (stored,) = hub.events()
    assert stored.properties == {"plain": 2**31 - 1, "small": 7, "large": 2**63 - 1}
    assert stored.property_types == {"plain": "int", "small": "long", "large": "long"}


def test_the_client_refuses_plain_ints_that_no_amqp_int_holds(producer: EventHubProducerClient) -> None:
    event = EventData(b"")
    event.properties = {"rangeEnd": 2**31}
    with pytest.raises(ValueError, match="2147483648"):
        producer.create_batch().add(event)


def test_the_link_announces_the_largest_message(open_hub: OpenHub) -> None:
    hub = open_hub(max_message_bytes=262_144)
    with producing(hub) as producer:
        batch = producer.create_batch()
        assert batch.max_size_in_bytes == 262_144
        batch.add(EventData(b"x" * 262_000))
        producer.send_batch(batch)

        assert bodies(hub.events()) == [b"x" * 262_000]


def test_a_message_over_the_limit_is_rejected(hub: View, producer: EventHubProducerClient) -> None:
    with pytest.raises(EventDataSendError, match="exceeds the link's limit of 1048576 bytes"):
        producer.send_event(EventData(b"x" * 1_048_576))
    producer.send_event(EventData(b"x" * 1_048_000))

    assert [len(event.body) for event in hub.events()] == [1_048_000]
    assert hub.counters() == Counters(accepted=1, rejected=2, dropped=0, events=1)  # the client tries again at once


def test_two_clients_at_once_lose_nothing_and_keep_their_order(hub: View, producer: EventHubProducerClient) -> None:
    def send(name: str, client: EventHubProducerClient) -> None:
        for number in range(30):
            client.send_batch(batch_of(client, f"{name}{number:02}".encode(), b"x" * 70_000))

    with producing(hub.hub) as other, ThreadPoolExecutor() as pool:
        list(pool.map(send, "ab", (producer, other)))

    for partition in range(2):
        for name in (b"a", b"b"):
            sent = [body for body in bodies(hub.events(partition)) if body.startswith(name)]
            assert sent == sorted(sent)
    small = [body.decode() for body in bodies(hub.events()) if len(body) == 3]
    assert sorted(small) == [f"{name}{number:02}" for name in "ab" for number in range(30)]
    assert hub.counters() == Counters(accepted=60, rejected=0, dropped=0, events=120)
