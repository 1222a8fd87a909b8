"""Source blobs in storage accounts; see `ports.BlobSource`."""

from collections.abc import Mapping
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, BlobServiceClient

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.blob import SourceBlob
from flowlog_core.errors import BlobGoneError
from flowlog_core.ports import Chunk

_RANGE_NOT_SATISFIABLE = 416


class AzureBlobSource:
    """Reads the blobs of one or several accounts."""

    def __init__(self, accounts: Mapping[str, BlobServiceClient]) -> None:
        """Take a client for each account, by the account's name."""
        self._accounts = accounts

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
            return self._client(blob).get_blob_properties().etag

    def _client(self, blob: SourceBlob) -> BlobClient:
        account = self._accounts.get(blob.account)
        if account is None:
            raise BlobGoneError(f"{blob}: no connection leads to this storage account")
        return account.get_blob_client(blob.container, blob.name)
