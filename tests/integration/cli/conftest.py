"""The site for the tests of the command line."""

import gc
import uuid
import warnings
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.integration.cli.site import Site


@pytest.fixture
def site(azurite: Azurite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    with EventHub(f"hub-{uuid.uuid4().hex[:8]}") as hub:
        made = Site(azurite, hub, monkeypatch, capsys)
        yield made
        made.close()
    # azure-eventhub leaves the sockets of connections that were cut to the garbage collector: here they are expected,
    # in whatever test would run by then they are not.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
