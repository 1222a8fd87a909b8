"""One hub with a producer and a receiver for each module: the client takes a second to open them."""

from collections.abc import Iterator

import pytest
from azure.eventhub import EventHubProducerClient

from local.event_hub.server import EventHub
from tests.local.event_hub.clients import Receiver, View, producing


@pytest.fixture(scope="module")
def running(hub_clients: None) -> Iterator[EventHub]:
    """The hub that most tests share: the client takes half a second to open a producer, a second for a receiver."""
    with EventHub(partitions=2) as hub:
        yield hub


@pytest.fixture(scope="module")
def producer(running: EventHub) -> Iterator[EventHubProducerClient]:
    with producing(running) as producer:
        yield producer


@pytest.fixture
def hub(running: EventHub) -> Iterator[View]:
    yield View(running)
    running.faults.clear()


@pytest.fixture(scope="module")
def receiver(running: EventHub) -> Iterator[Receiver]:
    """Receives everything that the shared hub ever stores."""
    with Receiver(running, starting_position="-1") as receiver:
        yield receiver
