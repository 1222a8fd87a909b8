"""The site for the tests of the command line."""

import uuid
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from tests.integration.cli.site import Site
from tests.support.hubs import OpenHub


@pytest.fixture
def site(
    azurite: Azurite, open_hub: OpenHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    made = Site(azurite, open_hub(f"hub-{uuid.uuid4().hex[:8]}"), monkeypatch, capsys)
    yield made
    made.close()
