"""The blob trigger's events, found by polling: what is new in a container."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient

from local.functions_host.app_folder import HostError
from local.functions_host.connections import connection_string
from local.functions_host.triggers import BlobTrigger
from local.functions_host.worker import Arguments

# The storage client logs each request. Those of the app are shown as its log; those of the scan are not the app's.
_quiet = logging.getLogger("local.functions_host.blob_scan.requests")
_quiet.setLevel(logging.WARNING)

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class BlobEvent:
    """One change of one blob, for its function.

    Attributes:
        trigger: The function's trigger.
        blob: `container/name`.
        arguments: The function's arguments.

    """

    trigger: BlobTrigger
    blob: str
    arguments: Arguments


class ContainerScan:
    """Finds the blobs of a trigger's container whose ETag it hasn't seen, scan by scan.

    It keeps the ETags in memory only. The host's own scan keeps receipts in storage and goes on with them after a
    restart; here, every blob is new after a restart. Several appends between two scans are one change.
    """

    def __init__(self, trigger: BlobTrigger, settings: Mapping[str, str]) -> None:
        """Prepare; no request is sent.

        Raises:
            HostError: The trigger's connection names no connection string among the settings.

        """
        self._trigger = trigger
        self._container = _open_service(trigger, settings).get_container_client(trigger.container)
        self._etags: dict[str, str] = {}

    @property
    def function(self) -> str:
        """Name of the function that the events are for."""
        return self._trigger.function

    def scan(self) -> list[BlobEvent]:
        """List the container; return what is new or changed since the last call and fits the trigger's path.

        A container that doesn't exist counts as empty.

        Raises:
            azure.core.exceptions.AzureError: The container can't be listed; the next call tries again.

        """
        try:
            blobs = list(self._container.list_blobs(include=["metadata"]))
        except ResourceNotFoundError:
            blobs = []
        changed = [blob for blob in blobs if self._etags.get(blob.name) != blob.etag]
        self._etags = {blob.name: blob.etag for blob in blobs}
        return [event for blob in changed if (event := self._make_event(blob)) is not None]

    def _make_event(self, blob: BlobProperties) -> BlobEvent | None:
        captures = self._trigger.match_name(blob.name)
        if captures is None:
            return None
        uri = self._container.get_blob_client(blob.name).url
        path = f"{self._trigger.container}/{blob.name}"
        return BlobEvent(self._trigger, path, self._trigger.make_arguments(blob, uri, captures))


def _open_service(trigger: BlobTrigger, settings: Mapping[str, str]) -> BlobServiceClient:
    connection = connection_string(trigger, settings)
    try:
        # One attempt: the next scan is the retry, and a failing one is known at once.
        return BlobServiceClient.from_connection_string(
            connection,
            retry_total=0,
            connection_timeout=_TIMEOUT_SECONDS,
            read_timeout=_TIMEOUT_SECONDS,
            logger=_quiet,
        )
    except ValueError as error:
        raise HostError(
            f"function {trigger.function}: {trigger.connection} holds no connection string: {error}"
        ) from error
