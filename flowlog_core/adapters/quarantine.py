"""Quarantine as JSON blobs; see `ports.Quarantine`."""

import base64
from contextlib import suppress
from datetime import datetime
from typing import Final

import orjson
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.ports import QuarantineItem

CONTAINER: Final = "flowlog-quarantine"


class AzureQuarantine:
    """Quarantine in a storage account."""

    def __init__(self, service: BlobServiceClient) -> None:
        """Take a client of the state account."""
        self._container = service.get_container_client(CONTAINER)

    def put(self, item: QuarantineItem, time: datetime) -> None:
        """See `ports.Quarantine.put`."""
        name = name_of(item)
        body = document(item, time)
        with storage_errors(f"putting {item.blob} at offset {item.offset} in quarantine"):
            try:
                self._upload(name, body)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # another run was as quick
                    self._container.create_container()
                self._upload(name, body)

    def _upload(self, name: str, body: bytes) -> None:
        settings = ContentSettings(content_type="application/json")
        self._container.upload_blob(name, body, overwrite=True, content_settings=settings)


def name_of(item: QuarantineItem) -> str:
    """Name an item's blob: ``account/container/blob/{offset}-{crc}.json``."""
    return item.blob.name_under("", suffix=f"/{item.offset}-{item.crc:08x}.json")


def document(item: QuarantineItem, time: datetime) -> bytes:
    """Write an item as JSON."""
    raw: str | None = None
    encoding: str | None = None
    if item.raw is not None:
        try:
            raw, encoding = item.raw.decode(), "utf-8"
        except UnicodeDecodeError:
            raw, encoding = base64.b64encode(item.raw).decode(), "base64"
    fields = {
        "reason": item.reason,
        "blob": item.blob.path,
        "offset": item.offset,
        "length": item.length,
        "crc": f"{item.crc:08x}",
        "raw": raw,
        "rawEncoding": encoding,
        "tuples": [{"ordinal": ordinal, "reason": reason} for ordinal, reason in item.tuples],
        "time": time.isoformat(timespec="milliseconds"),
    }
    return orjson.dumps(fields)
