"""Lifecycle rules delete checkpoints of blobs and items of the quarantine, and nothing else of the state account."""

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
from tests.infra.compiler import Compiler
from tests.infra.predictions import account_id, predict
from tests.support.flow_logs import VNET

DESTINATION = "flow-hub.servicebus.windows.net/flowlogs"


@pytest.fixture
def service() -> Iterator[BlobServiceClient]:
    with Azurite() as storage, BlobServiceClient.from_connection_string(storage.connection_string) as client:
        yield client


@pytest.fixture
def prefixes(compiler: Compiler, templates: Path) -> list[str]:
    """The prefixes of what the rules delete, for one destination and one source account."""
    account = account_id("2", VNET.account)
    names = {"eventHubNamespace": "Flow-Hub", "stateAccount": "state"}
    prediction = predict(compiler, templates, {"names": names, "sources": [{"accountId": account}]})
    (policy,) = prediction.of("Microsoft.Storage/storageAccounts/managementPolicies").values()
    rules = policy["properties"]["policy"]["rules"]
    return [prefix for rule in rules for prefix in rule["definition"]["filters"]["prefixMatch"]]


def test_of_the_checkpoints_only_those_of_blobs_are_ever_deleted(
    service: BlobServiceClient, prefixes: list[str]
) -> None:
    store = AzureCheckpointStore(service, DESTINATION)
    now = datetime.now(UTC)
    store.first_run(now)
    store.keep_last_sweep(LastSweep(now))
    store.keep_silence(Silence())
    assert store.acquire(VNET, lambda: None) is not None
    assert store.of_replay("audit-7").acquire(VNET, lambda: None) is not None

    names = list(service.get_container_client(CONTAINER).list_blob_names())
    deleted = [name for name in names if f"{CONTAINER}/{name}".startswith(tuple(prefixes))]

    assert len(names) == 5
    own = CheckpointNames(DESTINATION)
    assert sorted(deleted) == sorted([own.of(VNET), own.of_replay("audit-7").of(VNET)])


def test_the_rules_delete_nothing_but_checkpoints_of_blobs_and_the_quarantine(prefixes: list[str]) -> None:
    own = {f"{CONTAINER}/{DESTINATION}/{VNET.account}/", f"{CONTAINER}/{DESTINATION}/replay="}
    assert sorted(prefixes) == sorted({*own, f"{QUARANTINE}/"})
