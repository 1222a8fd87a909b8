"""The two sets of services that the conformance suite runs in: in memory, and Azurite with the local hub."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobServiceClient, StandardBlobTier

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.adapters.storage.blobs import AzureBlobSource
from flowlog_core.adapters.storage.checkpoints import CONTAINER, AzureCheckpointStore
from flowlog_core.adapters.storage.quarantine import CONTAINER as QUARANTINE_CONTAINER
from flowlog_core.adapters.storage.quarantine_store import AzureQuarantineStore
from flowlog_core.connections import EventHubConnection
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.forwarding.ports import BlobListing, BlobSource, CheckpointStore, EventSink, Quarantine
from flowlog_core.operations.ports import QuarantineStore
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.memory import (
    ManualClock,
    MemoryBlobs,
    MemoryCheckpoints,
    MemoryQuarantine,
    MemoryQuarantineStore,
    MemorySink,
)

Sent = tuple[bytes, str, str | None, Mapping[str, object], str | None]


class Services(ABC):
    """The ports, and the other side of them."""

    account: str
    source: BlobSource
    listing: BlobListing
    checkpoints: CheckpointStore
    other_checkpoints: CheckpointStore
    sink: EventSink
    quarantine: Quarantine
    quarantine_store: QuarantineStore

    @abstractmethod
    def put(self, blob: SourceBlob, data: bytes) -> None: ...

    @abstractmethod
    def delete(self, blob: SourceBlob) -> None: ...

    @abstractmethod
    def archive(self, blob: SourceBlob) -> None: ...

    @abstractmethod
    def break_lease(self, blob: SourceBlob) -> None: ...

    @abstractmethod
    def write_checkpoint(self, blob: SourceBlob, metadata: Mapping[str, str]) -> None: ...

    @abstractmethod
    def checkpoint_metadata(self, blob: SourceBlob) -> Mapping[str, str]: ...

    @abstractmethod
    def write_first_run(self, metadata: Mapping[str, str]) -> None: ...

    @abstractmethod
    def write_last_sweep(self, metadata: Mapping[str, str]) -> None: ...

    @abstractmethod
    def write_silence(self, document: bytes) -> None: ...

    @abstractmethod
    def sent(self) -> list[Sent]: ...

    @abstractmethod
    def refuse_next_send(self) -> None: ...

    @abstractmethod
    def quarantined(self, item: QuarantineItem) -> bytes: ...

    @abstractmethod
    def close(self) -> None: ...


class MemoryServices(Services):
    def __init__(self) -> None:
        self.account = "memory"
        clock = ManualClock()
        self.source = self.listing = self._blobs = MemoryBlobs(clock)
        self.checkpoints = self._checkpoints = MemoryCheckpoints(clock)
        self.other_checkpoints = MemoryCheckpoints(clock)
        self.sink = self._sink = MemorySink()
        self.quarantine = self._quarantine = MemoryQuarantine()
        self.quarantine_store = MemoryQuarantineStore(self._quarantine)

    def put(self, blob: SourceBlob, data: bytes) -> None:
        self._blobs.put(blob, data)

    def delete(self, blob: SourceBlob) -> None:
        self._blobs.delete(blob)

    def archive(self, blob: SourceBlob) -> None:
        self._blobs.archive(blob)

    def break_lease(self, blob: SourceBlob) -> None:
        self._checkpoints.lapse(blob)

    def write_checkpoint(self, blob: SourceBlob, metadata: Mapping[str, str]) -> None:
        self._checkpoints.write(blob, metadata)

    def checkpoint_metadata(self, blob: SourceBlob) -> Mapping[str, str]:
        return self._checkpoints.metadata(blob)

    def write_first_run(self, metadata: Mapping[str, str]) -> None:
        self._checkpoints.first_run_metadata = metadata

    def write_last_sweep(self, metadata: Mapping[str, str]) -> None:
        self._checkpoints.last_sweep_metadata = metadata

    def write_silence(self, document: bytes) -> None:
        self._checkpoints.silence_document = document

    def sent(self) -> list[Sent]:
        return [
            (event.body, event.content_type, event.content_encoding, event.properties, key)
            for event, key in self._sink.events
        ]

    def refuse_next_send(self) -> None:
        refused = self._sink.sends + 1
        self._sink.busy = lambda send: send == refused

    def quarantined(self, item: QuarantineItem) -> bytes:
        return self._quarantine.documents[item.name]

    def close(self) -> None:
        pass


class AzureServices(Services):
    def __init__(self, azurite: Azurite, hub: EventHub) -> None:
        self._service = BlobServiceClient.from_connection_string(azurite.connection_string)
        self.account = "devstoreaccount1"
        self._hub = hub
        self.source = self.listing = AzureBlobSource({self.account: self._service})
        self._destination = f"test.servicebus/{uuid.uuid4().hex}"
        self.checkpoints = AzureCheckpointStore(self._service, self._destination)
        self.other_checkpoints = AzureCheckpointStore(self._service, f"{self._destination}-other")
        self.sink = self._sink = EventHubSink(EventHubConnection("localhost", "flowlogs", self._hub.connection_string))
        self.quarantine = self.quarantine_store = AzureQuarantineStore(self._service)

    def put(self, blob: SourceBlob, data: bytes) -> None:
        container = self._service.get_container_client(blob.container)
        with suppress(ResourceExistsError):
            container.create_container()
        container.upload_blob(blob.name, data, overwrite=True)

    def delete(self, blob: SourceBlob) -> None:
        self._service.get_blob_client(blob.container, blob.name).delete_blob()

    def archive(self, blob: SourceBlob) -> None:
        self._service.get_blob_client(blob.container, blob.name).set_standard_blob_tier(StandardBlobTier.ARCHIVE)

    def break_lease(self, blob: SourceBlob) -> None:
        BlobLeaseClient(self._checkpoint(blob)).break_lease(lease_break_period=0)

    def write_checkpoint(self, blob: SourceBlob, metadata: Mapping[str, str]) -> None:
        self._upload(self._checkpoint(blob), metadata)

    def checkpoint_metadata(self, blob: SourceBlob) -> Mapping[str, str]:
        metadata: Mapping[str, str] = self._checkpoint(blob).get_blob_properties().metadata
        return metadata

    def write_first_run(self, metadata: Mapping[str, str]) -> None:
        self._upload(self._service.get_blob_client(CONTAINER, CheckpointNames(self._destination).first_run), metadata)

    def write_last_sweep(self, metadata: Mapping[str, str]) -> None:
        self._upload(self._service.get_blob_client(CONTAINER, CheckpointNames(self._destination).last_sweep), metadata)

    def write_silence(self, document: bytes) -> None:
        client = self._service.get_blob_client(CONTAINER, CheckpointNames(self._destination).silence)
        client.upload_blob(document, overwrite=True)

    def _checkpoint(self, blob: SourceBlob) -> BlobClient:
        return self._service.get_blob_client(CONTAINER, CheckpointNames(self._destination).of(blob))

    def _upload(self, client: BlobClient, metadata: Mapping[str, str]) -> None:
        with suppress(ResourceExistsError):
            self._service.create_container(CONTAINER)
        client.upload_blob(b"", overwrite=True, metadata=dict(metadata))

    def sent(self) -> list[Sent]:
        return [
            (event.body, event.content_type or "", event.content_encoding, event.properties, event.partition_key)
            for event in self._hub.events()
        ]

    def refuse_next_send(self) -> None:
        # The client sends a refused message once more at once, by itself.
        self._hub.faults.reject_busy(2)

    def quarantined(self, item: QuarantineItem) -> bytes:
        return self._service.get_blob_client(QUARANTINE_CONTAINER, item.name).download_blob().readall()

    def close(self) -> None:
        self._sink.close()
        self._service.close()
