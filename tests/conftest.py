"""Real servers for tests, one Azurite for the whole run and hubs as asked for; and how many examples properties get."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.hubs import OpenHub, clients_of, hubs

# No deadlines: they would judge the machine.
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as server:
        yield server


@pytest.fixture(scope="module")
def hub_clients(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once for a module, since it waits for threads that sleep."""
    with clients_of(request.node):
        yield


@pytest.fixture
def open_hub(hub_clients: None) -> Iterator[OpenHub]:
    """Open hubs; a test closes its clients of them."""
    with hubs() as open_hub:
        yield open_hub


@pytest.fixture
def hub(open_hub: OpenHub) -> EventHub:
    return open_hub()
