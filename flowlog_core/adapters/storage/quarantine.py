"""Quarantine as JSON blobs; see `ports.Quarantine`."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.decode.overflow import Overflow, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import ItemChangedError

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
            self._upload_into_container(item.name, body, overwrite=True)

    def overflow(self, name: str) -> StoredOverflow | None:
        """See `ports.Quarantine.overflow`."""
        with storage_errors(f"reading {name} from quarantine"):
            try:
                download = self._container.download_blob(name)
                return StoredOverflow.read(name, download.readall(), download.properties.etag)
            except ResourceNotFoundError:
                return None

    def put_overflow(self, overflow: Overflow, time: datetime, etag: str | None) -> str:
        """See `ports.Quarantine.put_overflow`."""
        name, body = overflow.name, overflow.document(time)
        with storage_errors(f"putting {name} in quarantine"):
            try:
                if etag is None:
                    return self._upload_into_container(name, body, overwrite=False)
                return self._upload(name, body, overwrite=True, **unchanged(etag))
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
                raise ItemChangedError(f"{name}: somebody else has written or deleted it since") from error

    def _upload_into_container(self, name: str, body: bytes, *, overwrite: bool) -> str:
        """Upload a blob; the container is created with the first one."""
        try:
            return self._upload(name, body, overwrite=overwrite)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # another run was as quick
                self._container.create_container()
            return self._upload(name, body, overwrite=overwrite)

    def _upload(self, name: str, body: bytes, **conditions: Any) -> str:  # noqa: ANN401 # as the client takes them
        settings = ContentSettings(content_type="application/json")
        client = self._container.get_blob_client(name)
        return str(client.upload_blob(body, content_settings=settings, **conditions)["etag"])


def unchanged(etag: str) -> dict[str, Any]:
    """Return the arguments of a request that does nothing where a blob has another ETag."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
