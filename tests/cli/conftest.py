"""The site for the tests of the command line."""

import uuid
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.event_hub import EventHub
from tests.cli.site import Site


@pytest.fixture
def site(azurite: Azurite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    with EventHub(f"hub-{uuid.uuid4().hex[:8]}") as hub:
        made = Site(azurite, hub, monkeypatch, capsys)
        yield made
        made.close()
