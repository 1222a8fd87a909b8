"""Lifecycle rules delete checkpoints of blobs and items of the quarantine, and nothing else of the state account."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.storage.checkpoints import CONTAINER, AzureCheckpointStore
from flowlog_core.adapters.storage.quarantine import CONTAINER as QUARANTINE
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.silence import Silence
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from tests.support.flow_logs import VNET

INFRA = Path(__file__).resolve().parents[2] / "infra"
DESTINATION = "flow-hub.servicebus.windows.net/flowlogs"


@pytest.fixture
def service() -> Iterator[BlobServiceClient]:
    with Azurite() as storage, BlobServiceClient.from_connection_string(storage.connection_string) as client:
        yield client


def prefixes() -> list[str]:
    """Give the prefixes of the rules, for one destination and one source account."""
    text = (INFRA / "lifecycle.bicep").read_text(encoding="utf-8")
    written = re.findall(r"prefixMatch: \['(.*?)'\]", text)
    return [each.replace("${destination}", DESTINATION).replace("${name}", VNET.account) for each in written]


def test_of_the_checkpoints_only_those_of_blobs_are_ever_deleted(service: BlobServiceClient) -> None:
    store = AzureCheckpointStore(service, DESTINATION)
    now = datetime.now(UTC)
    store.first_run(now)
    store.keep_last_sweep(LastSweep(now))
    store.keep_silence(Silence())
    assert store.acquire(VNET, lambda: None) is not None
    assert store.of_replay("audit-7").acquire(VNET, lambda: None) is not None

    names = list(service.get_container_client(CONTAINER).list_blob_names())
    deleted = [name for name in names if f"{CONTAINER}/{name}".startswith(tuple(prefixes()))]

    assert len(names) == 5
    own = CheckpointNames(DESTINATION)
    assert sorted(deleted) == sorted([own.of(VNET), own.of_replay("audit-7").of(VNET)])


def test_the_quarantine_is_deleted_as_a_whole() -> None:
    assert f"{QUARANTINE}/" in prefixes()
    assert len(prefixes()) == 3
