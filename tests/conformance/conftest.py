"""One fixture, two sets of services."""

from collections.abc import Iterator

import pytest

from tests.conformance.services import AzureServices, MemoryServices, Services


@pytest.fixture(params=["memory", "azure"])
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    servers = request.getfixturevalue
    made: Services = (
        MemoryServices() if request.param == "memory" else AzureServices(servers("azurite"), servers("hub"))
    )
    yield made
    made.close()
