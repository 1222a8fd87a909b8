"""Source blobs in storage accounts; see `ports.BlobSource`."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobPrefix, BlobServiceClient, ContainerClient, StandardBlobTier

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.adapters.storage.entries import list_entries
from flowlog_core.errors import BlobArchivedError, StorageError
from flowlog_core.forwarding.ports import Chunk, ListedBlob
from flowlog_core.source.blob import SourceBlob

CLIENTS_KEPT: int = 256
"""Clients of blobs that a process keeps, for each account and each store: making one costs more than its 33 kB."""

_RANGE_NOT_SATISFIABLE: Final = 416
_ARCHIVED: Final = "BlobArchived"  # with status 409


class AzureBlobSource:
    """Reads the blobs of one or several accounts."""

    def __init__(self, accounts: Mapping[str, BlobServiceClient]) -> None:
        """Take a client for each account, by the account's name."""
        self._accounts = accounts
        self._client = lru_cache(CLIENTS_KEPT)(self._make_client)
        self._container = lru_cache(CLIENTS_KEPT)(self._make_container)

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        """See `ports.BlobSource.read`; a second request where the blob ends before `start`."""
        client = self._client(blob)
        # Left out where there is none: the client passes an empty one on to the HTTP library, which refuses it.
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        with storage_errors(f"reading {blob} from offset {start}"):
            try:
                download = client.download_blob(offset=start, length=size, **condition)
                data = download.readall()
            except HttpResponseError as error:
                if getattr(error, "error_code", None) == _ARCHIVED:
                    raise _archived(blob) from error
                if error.status_code != _RANGE_NOT_SATISFIABLE:
                    raise
                properties = client.get_blob_properties()
                return Chunk(b"", properties.etag, properties.size)
            # Of a range the client's `size` is the range's; the snapshot's length stands in Content-Range.
            length = int((download.properties.content_range or "/0").rpartition("/")[2])
            return Chunk(data, download.properties.etag, length)

    def etag(self, blob: SourceBlob) -> str:
        """See `ports.BlobSource.etag`."""
        with storage_errors(f"looking at {blob}"):
            properties = self._client(blob).get_blob_properties()
        if properties.blob_tier == StandardBlobTier.ARCHIVE:
            raise _archived(blob)
        return properties.etag

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        """See `ports.BlobListing.prefixes`."""
        with storage_errors(f"listing {account}/{container} under {under!r}"):
            try:
                for entry in self._container(account, container).walk_blobs(under, delimiter="/"):
                    if isinstance(entry, BlobPrefix):
                        yield str(entry.name)
            except ResourceNotFoundError:
                return

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        """See `ports.BlobListing.blobs`."""
        with storage_errors(f"listing {account}/{container} under {under!r}"):
            try:
                for entry in list_entries(self._container(account, container), under):
                    blob = SourceBlob(account, container, entry.name)
                    yield ListedBlob(blob, entry.etag, entry.length, entry.modified, entry.archived)
            except ResourceNotFoundError:
                return

    def _make_container(self, account: str, container: str) -> ContainerClient:
        return self._accounts[account].get_container_client(container)

    def _make_client(self, blob: SourceBlob) -> BlobClient:
        account = self._accounts.get(blob.account)
        if account is None:
            raise StorageError(f"{blob}: no connection of FLOWLOG_SOURCES leads to this storage account")
        return account.get_blob_client(blob.container, blob.name)


def _archived(blob: SourceBlob) -> BlobArchivedError:
    remedy = "rehydrate it (az storage blob set-tier --tier Hot; it takes hours)"
    return BlobArchivedError(f"{blob} is in the archive tier; {remedy}")
