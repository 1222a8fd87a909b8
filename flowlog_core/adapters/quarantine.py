"""Quarantine as JSON blobs; see `ports.Quarantine` and `ports.QuarantineStore`."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.errors import ItemGoneError
from flowlog_core.ports import ListedItem
from flowlog_core.quarantine import ItemsUnder, QuarantineItem, StoredItem

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

    def items(self, account: str, container: str, under: str) -> Iterator[ListedItem]:
        """See `ports.QuarantineStore.items`."""
        wanted = ItemsUnder(account, container, under)
        with storage_errors(f"listing quarantine under {wanted.prefix!r}"):
            try:
                for entry in self._container.list_blobs(wanted.prefix):
                    if entry.name in wanted:
                        yield ListedItem(entry.name, entry.size, entry.last_modified)
            except ResourceNotFoundError:  # no container yet
                return

    def get(self, name: str) -> StoredItem:
        """See `ports.QuarantineStore.get`."""
        with storage_errors(f"reading {name} from quarantine"):
            try:
                document = self._container.download_blob(name).readall()
            except ResourceNotFoundError as error:
                raise ItemGoneError(f"{name}: there is no such item in quarantine") from error
        return StoredItem.read(name, document)

    def delete(self, name: str) -> None:
        """See `ports.QuarantineStore.delete`."""
        with storage_errors(f"deleting {name} from quarantine"), suppress(ResourceNotFoundError):
            self._container.delete_blob(name)

    def _upload(self, name: str, body: bytes) -> None:
        settings = ContentSettings(content_type="application/json")
        self._container.upload_blob(name, body, overwrite=True, content_settings=settings)
