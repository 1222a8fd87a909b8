"""Quarantine in a storage account, as an operator has it; see `operations.ports`."""

from collections.abc import Iterator
from contextlib import suppress

from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

from flowlog_core.adapters.credentials import blob_service, storage_errors
from flowlog_core.adapters.storage.quarantine import AzureQuarantine, unchanged
from flowlog_core.connections import StorageConnection
from flowlog_core.decode.quarantine import StoredItem
from flowlog_core.errors import ItemChangedError, ItemGoneError
from flowlog_core.operations.ports import ListedItem
from flowlog_core.source.own_names import ItemsUnder


def quarantine_store(connection: StorageConnection) -> "AzureQuarantineStore":
    """Connect to the quarantine of a state account."""
    return AzureQuarantineStore(blob_service(connection))


class AzureQuarantineStore(AzureQuarantine):
    """What the app put there can be listed, read and taken out, too."""

    def items(self, account: str, container: str, under: str) -> Iterator[ListedItem]:
        """See `QuarantineStore.items`."""
        wanted = ItemsUnder(account, container, under)
        with storage_errors(f"listing quarantine under {wanted.prefix!r}"):
            try:
                for entry in self._container.list_blobs(wanted.prefix):
                    if entry.name in wanted:
                        yield ListedItem(entry.name, entry.size, entry.last_modified)
            except ResourceNotFoundError:  # no container yet
                return

    def get(self, name: str) -> StoredItem:
        """See `QuarantineStore.get`."""
        with storage_errors(f"reading {name} from quarantine"):
            try:
                document = self._container.download_blob(name).readall()
            except ResourceNotFoundError as error:
                raise ItemGoneError(f"{name}: there is no such item in quarantine") from error
        return StoredItem.read(name, document)

    def delete(self, name: str) -> None:
        """See `QuarantineStore.delete`."""
        with storage_errors(f"deleting {name} from quarantine"), suppress(ResourceNotFoundError):
            self._container.delete_blob(name)

    def delete_overflow(self, name: str, etag: str) -> None:
        """See `QuarantineStore.delete_overflow`."""
        with storage_errors(f"deleting {name} from quarantine"):
            try:
                self._container.delete_blob(name, **unchanged(etag))
            except (ResourceModifiedError, ResourceNotFoundError) as error:
                raise ItemChangedError(f"{name}: somebody else has written or deleted it since") from error
