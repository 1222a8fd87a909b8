"""Real servers for tests: one Azurite for the whole run, and hubs as asked for."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.event_hub.server import EventHub


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as server:
        yield server


@pytest.fixture
def hub() -> Iterator[EventHub]:
    with EventHub() as server:
        yield server
