"""Servers for the app in its worker process."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite


@pytest.fixture
def storage() -> Iterator[Azurite]:
    """Return storage of a test's own, so that the app forwards no other test's blobs."""
    with Azurite() as server:
        yield server
