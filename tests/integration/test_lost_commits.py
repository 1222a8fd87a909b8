"""A commit whose answer is lost, or that storage refuses: it holds, and no flow comes again."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from flowlog_core.adapters.storage.checkpoints import CONTAINER, AzureCheckpointStore
from flowlog_core.errors import CheckpointLostError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.ports import CheckpointLease
from local.azurite import Azurite
from tests.support.flow_logs import VNET
from tests.support.storage_proxy import Request, StorageProxy, Trouble

COMMIT = "PUT metadata"
DESTINATION = "namespace/hub"


def at(offset: int) -> Checkpoint:
    return Checkpoint(offset=offset, range_end=offset, fingerprint=f"{offset:032x}", etag="a", length=100, records=1)


@pytest.fixture
def proxy(storage: Azurite) -> Iterator[StorageProxy]:
    with StorageProxy(storage.connection_string) as proxy:
        yield proxy


@pytest.fixture
def lease(proxy: StorageProxy) -> Iterator[CheckpointLease]:
    connection = proxy.connection_string
    with BlobServiceClient.from_connection_string(connection, initial_backoff=0, increment_base=0) as service:
        lease = AzureCheckpointStore(service, DESTINATION).acquire(VNET, lambda: None)
        assert lease is not None
        lease.read()
        yield lease


def meet_once(proxy: StorageProxy, trouble: Trouble) -> None:
    """Let the next commit meet trouble, and none after it."""
    left = [trouble]

    def meet(request: Request) -> Trouble | None:
        return left.pop() if left and request.operation == COMMIT else None

    proxy.trouble = meet


@pytest.mark.parametrize("trouble", [Trouble.FAIL, Trouble.CUT_AFTER])
def test_a_commit_that_took_effect_though_its_answer_was_lost_is_no_conflict(
    proxy: StorageProxy, lease: CheckpointLease, trouble: Trouble
) -> None:
    meet_once(proxy, trouble)

    lease.commit(at(10))
    lease.commit(at(20))

    assert proxy.trouble(Request(COMMIT, "", "", {})) is None
    assert lease.read().offset == 20


def test_a_commit_over_that_of_another_owner_is_a_conflict(
    proxy: StorageProxy, lease: CheckpointLease, storage: Azurite
) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        container = service.get_container_client(CONTAINER)
        (name,) = container.list_blob_names()
        BlobLeaseClient(container.get_blob_client(name)).break_lease(0)
        owner = AzureCheckpointStore(service, DESTINATION).acquire(VNET, lambda: None)
        assert owner is not None
        owner.read()
        owner.commit(at(5))
        meet_once(proxy, Trouble.CUT_AFTER)

        with pytest.raises(CheckpointLostError):
            lease.commit(at(10))

        assert owner.read().offset == 5
