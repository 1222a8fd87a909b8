"""One fixture, two worlds."""

from collections.abc import Iterator

import pytest

from tests.conformance.world import AzureWorld, MemoryWorld, World


@pytest.fixture(params=["memory", "azure"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made: World = MemoryWorld() if request.param == "memory" else AzureWorld(request.getfixturevalue("azurite"))
    yield made
    made.close()
