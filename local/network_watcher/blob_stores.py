"""The stores of simulated flow logs: a storage account, or plain files."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobServiceClient

from local.network_watcher.block_blob import Append, BlockBlob


class BlobStore(Protocol):
    """Keeps blobs."""

    @property
    def account(self) -> str:
        """Name of the storage account."""

    def open(self, container: str, name: str) -> BlockBlob:
        """Return the blob as it is, or a new one where there is none."""

    def write(self, container: str, name: str, append: Append) -> None:
        """Make one append; readers see it completely or not at all."""


class StorageAccount:
    """A storage account, or Azurite; containers are created when first needed.

    Raises:
        azure.core.exceptions.AzureError: from any method, when the service refuses or can't be reached.

    """

    def __init__(self, client: BlobServiceClient) -> None:
        self._client = client
        self._containers: set[str] = set()

    @property
    def account(self) -> str:
        """Name of the storage account."""
        return str(self._client.account_name)

    def open(self, container: str, name: str) -> BlockBlob:
        """Return the blob as it was committed last, so that a second run goes on where the first ended."""
        self._create_container(container)
        try:
            committed, _ = self._client.get_blob_client(container, name).get_block_list("committed")
        except ResourceNotFoundError:
            return BlockBlob()
        return BlockBlob([str(block.id) for block in committed], sum(block.size for block in committed))

    def write(self, container: str, name: str, append: Append) -> None:
        """Put the new blocks, then the block list, as Network Watcher does."""
        blob = self._client.get_blob_client(container, name)
        for block in append.blocks:
            blob.stage_block(block.id, block.data)
        blob.commit_block_list(_make_block_list(append.block_ids))

    def _create_container(self, container: str) -> None:
        if container not in self._containers:
            with contextlib.suppress(ResourceExistsError):
                self._client.create_container(container)
            self._containers.add(container)


class Folder:
    """A folder with a file for each blob, at `container/name`.

    Raises:
        OSError: from any method.

    """

    def __init__(self, path: Path, account: str = "local") -> None:
        self.path = path
        self._account = account

    @property
    def account(self) -> str:
        """The name that stands for the storage account's."""
        return self._account

    def open(self, container: str, name: str) -> BlockBlob:
        """Return the file as it is; a file has no blocks, so their ids start anew."""
        file = self.path / container / name
        return BlockBlob((), file.stat().st_size) if file.exists() else BlockBlob()

    def write(self, container: str, name: str, append: Append) -> None:
        """Write the new bytes over the file's closer."""
        file = self.path / container / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("r+b" if append.start else "wb") as stream:
            stream.seek(append.start)
            stream.write(append.tail)


def _make_block_list(ids: Sequence[str]) -> list[BlobBlock]:
    return [BlobBlock(block_id) for block_id in ids]
