"""Blobs by their URLs, as a portal or a tool shows them."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.credentials import blob_service
from flowlog_core.adapters.storage.blobs import AzureBlobSource
from flowlog_core.connections import StorageConnection
from flowlog_core.errors import BlobUrlError
from flowlog_core.source.blob import SourceBlob

_RANGE_BYTES: Final = 4 * 1024 * 1024

_EMULATOR_HOST: Final = re.compile(r"localhost|[\d.]+|.*:.*", re.ASCII)  # there the account is in the path
# A token must not go to anybody else's host. Endpoints: learn.microsoft.com, "Storage account overview".
_AZURE_HOST: Final = re.compile(
    r"[a-z0-9]{3,24}(-secondary)?\.((z\d{1,2}\.)?blob\.storage\.azure\.net"
    r"|blob\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net))",
    re.ASCII,
)


class BlobUrl:
    """A blob by its URL, which may bring a shared access signature along.

    Attributes:
        blob: The blob.

    """

    def __init__(self, url: str) -> None:
        """Take a URL: ``https://account.blob.core.windows.net/container/name``, or an emulator's.

        Raises:
            BlobUrlError: It is no blob's.

        """
        parts = _split(url)
        host = parts.hostname or ""
        path = [unquote(part) for part in parts.path.lstrip("/").split("/")]
        in_path = _EMULATOR_HOST.fullmatch(host) is not None
        account = path.pop(0) if in_path else host.partition(".")[0].removesuffix("-secondary")
        container, name = path[:1], "/".join(path[1:])
        self._shown = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))  # the query may be a secret
        if not (account and container and name):
            raise BlobUrlError(f"{self}: no blob's URL, https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME")
        query = parse_qs(parts.query)
        if parts.query and ("sig" not in query or {"snapshot", "versionid"} & set(query)):
            raise BlobUrlError(f"{self}: what follows its ? is not just a shared access signature")
        self.blob = SourceBlob(account, container[0], name)
        self._signature = parts.query
        self._endpoint = f"{parts.scheme}://{parts.netloc}" + (f"/{account}" if in_path else "")
        self._takes_token = parts.scheme == "https" and _AZURE_HOST.fullmatch(parts.netloc) is not None

    def __str__(self) -> str:
        """Give the URL without its signature."""
        return self._shown

    def bytes(self, connections: Iterable[StorageConnection]) -> Iterator[bytes]:
        """Read the blob in ranges, all of one snapshot.

        Args:
            connections: To storage accounts; the one to this account serves where the URL brings no signature along.

        Raises:
            BlobUrlError: Nothing says how to sign in.
            BlobGoneError: There is no such blob.
            BlobChangedError: It was written to meanwhile.
            StorageError: A request failed.

        """
        with self._service(connections) as service:
            source = AzureBlobSource({self.blob.account: service})
            chunk = source.read(self.blob, 0, _RANGE_BYTES)
            position = len(chunk.data)
            while chunk.data:
                yield chunk.data
                if position >= chunk.length:
                    return
                chunk = source.read(self.blob, position, _RANGE_BYTES, etag=chunk.etag)
                position += len(chunk.data)

    def _service(self, connections: Iterable[StorageConnection]) -> BlobServiceClient:
        account = self.blob.account
        if self._signature:
            signed = f"BlobEndpoint={self._endpoint};SharedAccessSignature={self._signature}"
            return blob_service(StorageConnection("URL", account, signed))
        for connection in connections:
            if connection.account == account:
                service = blob_service(connection)
                if service.url.partition("?")[0].rstrip("/") == self._endpoint:
                    return service
        if not self._takes_token:
            raise BlobUrlError(
                f"{self}: no connection of FLOWLOG_SOURCES leads there, and the URL brings no signature along"
            )
        return blob_service(StorageConnection("URL", account, None, self._endpoint))


def _split(url: str) -> SplitResult:
    """Split a URL; where that can't be done, no part of it is shown, as any may be a secret.

    Raises:
        BlobUrlError: It is none.

    """
    try:
        url.encode()
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BlobUrlError("no URL: its host, its port or a character in it can't be read") from error
    return parts
