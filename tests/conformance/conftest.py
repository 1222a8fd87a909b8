"""One fixture, two worlds."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.conformance.world import AzureWorld, MemoryWorld, World


@pytest.fixture(params=["memory", "azure"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made: World
    if request.param == "memory":
        made = MemoryWorld()
    else:
        azurite: Azurite = request.getfixturevalue("azurite")
        made = AzureWorld(azurite)
    yield made
    made.close()
