"""The faults that the stand-in for Event Hubs can play, seen through the azure-eventhub client."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError

from local.event_hub.server import Counters
from tests.local.event_hub.clients import DEADLINE, Receiver, View, batch_of, bodies


def test_a_busy_hub_rejects_and_the_client_resends_once_at_once(hub: View, producer: EventHubProducerClient) -> None:
    batch = batch_of(producer, b"one")
    hub.faults.reject_busy(2)
    with pytest.raises(EventDataSendError, match=r"com\.microsoft:server-busy") as caught:
        producer.send_batch(batch)

    assert "wait 4 seconds" in str(caught.value)
    assert hub.counters() == Counters(accepted=0, rejected=2, dropped=0, events=0)
    producer.send_batch(batch)
    assert bodies(hub.events()) == [b"one"]


def test_a_hub_is_busy_until_switched_back(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.busy = True
    for _ in range(2):
        with pytest.raises(EventDataSendError):
            producer.send_event(EventData(b"one"))
    assert hub.events() == []
    hub.faults.clear()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one"]


def test_a_send_dropped_before_it_is_stored_is_stored_once(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.drop_before_store()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=1, events=1)


def test_a_lost_acknowledgement_makes_the_client_store_twice(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.drop_after_store()
    producer.send_event(EventData(b"one"))

    assert bodies(hub.events()) == [b"one", b"one"]
    assert hub.counters() == Counters(accepted=1, rejected=0, dropped=1, events=2)


def test_faults_strike_in_the_order_they_were_asked_for(hub: View, producer: EventHubProducerClient) -> None:
    hub.faults.reject_busy(2)
    hub.faults.drop_after_store()
    with pytest.raises(EventDataSendError):
        producer.send_event(EventData(b"busy"))
    assert hub.events() == []
    producer.send_event(EventData(b"lost"))

    assert hub.counters() == Counters(accepted=1, rejected=2, dropped=1, events=2)


def test_a_slow_acknowledgement_keeps_the_sender_waiting_for_a_stored_event(
    hub: View, producer: EventHubProducerClient, receiver: Receiver
) -> None:
    producer.send_event(EventData(b"first"))
    receiver.got(hub.events()[0])  # it has attached by now
    batch = batch_of(producer, b"slow", partition=str(hub.events()[0].partition))
    hub.faults.ack_delay = 2.0
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(producer.send_batch, batch)
        assert receiver.wait_for(lambda: len(hub.events()) == 2)
        receiver.got(hub.events()[1])
        assert not sending.done()
        sending.result(DEADLINE)

    assert hub.counters() == Counters(accepted=2, rejected=0, dropped=0, events=2)
