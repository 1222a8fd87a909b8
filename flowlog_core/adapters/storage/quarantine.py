"""Quarantine as JSON blobs; see `ports.Quarantine`."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.decode.quarantine import QuarantineItem

CONTAINER: Final = "flowlog-quarantine"


class AzureQuarantine:
    """Quarantine in a storage account."""

    def __init__(self, service: BlobServiceClient) -> None:
        """Take a client of the state account."""
        self._container = service.get_container_client(CONTAINER)

    def put(self, item: QuarantineItem, time: datetime) -> None:
        """See `ports.Quarantine.put`."""
        body = item.document(time)
        with storage_errors(f"putting {item.blob} at offset {item.offset} in quarantine"):
            try:
                self._upload(item.name, body)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # another run was as quick
                    self._container.create_container()
                self._upload(item.name, body)

    def _upload(self, name: str, body: bytes) -> None:
        settings = ContentSettings(content_type="application/json")
        self._container.upload_blob(name, body, overwrite=True, content_settings=settings)
