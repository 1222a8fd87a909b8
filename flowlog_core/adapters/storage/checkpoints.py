"""Checkpoints as metadata of zero-length blobs; see `ports.CheckpointStore`.

Set Blob Metadata, Get Blob Properties and leases are in the cheapest price class; the blob itself is written once.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline import PipelineResponse
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobServiceClient

from flowlog_core.adapters.credentials import storage_errors
from flowlog_core.adapters.storage import blobs
from flowlog_core.adapters.storage.entries import list_entries
from flowlog_core.adapters.storage.latest_checkpoints import LatestCheckpoints
from flowlog_core.errors import (
    BlobGoneError,
    CheckpointLostError,
    CheckpointUnreadableError,
    LastSweepUnreadableError,
    StorageError,
)
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.first_run import read_first_run, write_first_run
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.silence import DOCUMENT_LIMIT, Silence
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames

CONTAINER: Final = "flowlog-checkpoints"
LEASE_SECONDS: Final = 60
"""The longest that a lease can hold without being held for ever."""

MOST_KEPT: int = 4096
"""Checkpoints that a process keeps, of so many blobs: about 6 MB."""

_CONFLICT: Final = 409
_PRECONDITION_FAILED: Final = 412
_RANGE_NOT_SATISFIABLE: Final = 416  # of an empty blob


class AzureCheckpointStore:
    """Checkpoints of one destination in a storage account."""

    lease_seconds: Final = LEASE_SECONDS

    def __init__(self, service: BlobServiceClient, destination: str) -> None:
        """Take a client of the state account, and the destination's name."""
        self._service = service
        self._container = service.get_container_client(CONTAINER)
        self._client = lru_cache(blobs.CLIENTS_KEPT)(self._container.get_blob_client)
        self._names = CheckpointNames(destination)
        self._latest = LatestCheckpoints(MOST_KEPT)

    def of_replay(self, label: str) -> "AzureCheckpointStore":
        """Give the checkpoints of a replay: beside the destination's own, so that neither moves the other's."""
        return AzureCheckpointStore(self._service, self._names.of_replay(label).destination)

    def acquire(self, blob: SourceBlob, confirm: Callable[[], object]) -> "AzureCheckpointLease | None":
        """See `ports.CheckpointStore.acquire`."""
        client = self._client(self._names.of(blob))
        with storage_errors(f"taking the checkpoint of {blob}"):
            try:
                return _acquire(client, blob, self._latest, requests=1)
            except ResourceNotFoundError:
                pass
        confirm()
        try:
            with storage_errors(f"making the checkpoint of {blob}"):
                self._create(client, {})
                return _acquire(client, blob, self._latest, requests=4)
        except BlobGoneError as error:  # of the checkpoint, not of the source
            raise StorageError(f"{blob}: its checkpoint was deleted as soon as it was made") from error

    def first_run(self, now: datetime) -> datetime:
        """See `ports.CheckpointStore.first_run`."""
        client = self._client(self._names.first_run)
        with storage_errors("reading the time of the first run"):
            try:
                return _first_run(client)
            except ResourceNotFoundError:
                self._create(client, write_first_run(now))
                return _first_run(client)

    def began(self) -> datetime | None:
        """Give the time of the destination's first run, if there was one; unlike `first_run`, nothing is stored.

        Raises:
            CheckpointUnreadableError: What is stored is no time.
            StorageError: The request failed.

        """
        with storage_errors("reading the time of the first run"):
            try:
                return _first_run(self._client(self._names.first_run))
            except ResourceNotFoundError:
                return None

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        """See `ports.CheckpointStore.find`."""
        if not blobs:
            return {}
        by_name = {self._names.of(blob): blob for blob in blobs}
        prefix = self._names.beginning(blobs[0].account, blobs[0].container, under)
        found = {}
        with storage_errors(f"listing checkpoints under {prefix}"):
            try:
                for entry in list_entries(self._container, prefix, with_metadata=True):
                    blob = by_name.get(entry.name)
                    if blob is not None:
                        with suppress(CheckpointUnreadableError):  # the run on the blob will say so
                            found[blob] = Checkpoint.from_metadata(entry.metadata)
                            self._latest.keep(blob, entry.etag, found[blob])
            except ResourceNotFoundError:  # no container yet
                return {}
        return found

    def last_sweep(self) -> LastSweep | None:
        """See `ports.CheckpointStore.last_sweep`."""
        client = self._client(self._names.last_sweep)
        with storage_errors("reading what the last sweep left"):
            try:
                metadata = client.get_blob_properties().metadata or {}
            except ResourceNotFoundError:
                return None
        try:
            return LastSweep.from_metadata(metadata)
        except LastSweepUnreadableError as error:
            raise LastSweepUnreadableError(f"{_place(client)}: {error}") from None

    def keep_last_sweep(self, last_sweep: LastSweep) -> None:
        """See `ports.CheckpointStore.keep_last_sweep`; two or three requests the first time."""
        client = self._client(self._names.last_sweep)
        metadata = last_sweep.to_metadata()
        with storage_errors("keeping what a sweep leaves to the next one"):
            try:
                client.set_blob_metadata(metadata)
            except ResourceNotFoundError:
                self._create(client, metadata)

    def silence(self) -> Silence | None:
        """See `ports.CheckpointStore.silence`."""
        client = self._client(self._names.silence)
        with storage_errors("reading what sweeps have seen of each container"):
            try:
                document = client.download_blob(offset=0, length=DOCUMENT_LIMIT).readall()
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if error.status_code != _RANGE_NOT_SATISFIABLE:
                    raise
                document = b""
        try:
            return Silence.read(document)
        except LastSweepUnreadableError as error:
            raise LastSweepUnreadableError(f"{_place(client)}: {error}") from None

    def keep_silence(self, silence: Silence) -> None:
        """See `ports.CheckpointStore.keep_silence`; the container is there, since a sweep keeps `last-sweep` first."""
        client = self._client(self._names.silence)
        with storage_errors("keeping what sweeps have seen of each container"):
            client.upload_blob(silence.document(), overwrite=True)

    def _create(self, client: BlobClient, metadata: dict[str, str]) -> None:
        """Create an empty blob, unless it is there already; the container with the first one."""
        with suppress(ResourceExistsError):  # another run was as quick; either's will do
            try:
                client.upload_blob(b"", overwrite=False, metadata=metadata)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    self._container.create_container()
                client.upload_blob(b"", overwrite=False, metadata=metadata)


def _first_run(client: BlobClient) -> datetime:
    return read_first_run(client.get_blob_properties().metadata or {}, _place(client))


def _place(client: BlobClient) -> str:
    """Return container and name of one of our blobs, for a message."""
    return f"{client.container_name}/{client.blob_name}"


def _acquire(
    client: BlobClient, blob: SourceBlob, latest: LatestCheckpoints, *, requests: int
) -> "AzureCheckpointLease | None":
    lease, dates = BlobLeaseClient(client), _Dates()
    try:
        lease.acquire(lease_duration=LEASE_SECONDS, raw_response_hook=dates.keep)
    except ResourceExistsError as error:
        if error.error_code == "LeaseAlreadyPresent":  # type: ignore[attr-defined]  # storage adds it to every error
            return None
        raise
    return AzureCheckpointLease(client, lease, dates, blob, latest, requests=requests)


class _Dates:
    """The times of answers by the store's clock, in complete seconds."""

    def __init__(self) -> None:
        self._first: datetime | None = None
        self._last: datetime | None = None

    def keep(self, answer: PipelineResponse[Any, Any]) -> None:
        """Keep the time of an answer."""
        self._last = parsedate_to_datetime(answer.http_response.headers["Date"])
        self._first = self._first or self._last

    @property
    def seconds(self) -> float:
        """How many seconds there are at most between the first answer and the last."""
        if self._first is None or self._last is None:
            return math.inf
        return (self._last - self._first).total_seconds() + 1


class AzureCheckpointLease:
    """See `ports.CheckpointLease`."""

    def __init__(
        self,
        client: BlobClient,
        lease: BlobLeaseClient,
        dates: _Dates,
        blob: SourceBlob,
        latest: LatestCheckpoints,
        *,
        requests: int,
    ) -> None:
        """Take a lease, the time of the answer that gave it, and how many requests it took."""
        self.requests = requests
        self._client = client
        self._lease = lease
        self._dates = dates
        self._blob = blob
        self._latest = latest
        self._etag = str(lease.etag)  # the checkpoint's, which a lease leaves as it is

    def read(self) -> Checkpoint:
        """See `ports.CheckpointLease.read`; what this process committed or listed last is not read again."""
        known = self._latest.find(self._blob, self._etag)
        if known is not None:
            return known
        self.requests += 1
        with storage_errors(f"reading the checkpoint of {self._blob}"):
            properties = self._client.get_blob_properties()
        self._etag = properties.etag
        try:
            return Checkpoint.from_metadata(properties.metadata or {})
        except CheckpointUnreadableError as error:
            raise CheckpointUnreadableError(f"{_place(self._client)}: {error}") from None

    def commit(self, checkpoint: Checkpoint) -> None:
        """See `ports.CheckpointLease.commit`."""
        self.requests += 1
        metadata = checkpoint.to_metadata()
        try:
            with self._losing("committing"):
                written = self._client.set_blob_metadata(
                    metadata,
                    lease=self._lease,
                    etag=self._etag,
                    match_condition=MatchConditions.IfNotModified,
                )
        except CheckpointLostError:
            # Where only the answer was lost, the client asks again, and meets what it wrote itself.
            self._etag = self._etag_where_stored(metadata)
            if not self._etag:
                raise
        else:
            self._etag = str(written["etag"])
        self._latest.keep(self._blob, self._etag, checkpoint)

    def _etag_where_stored(self, metadata: dict[str, str]) -> str:
        """Return the checkpoint's ETag if its metadata are these, else ""."""
        self.requests += 1
        with self._losing("reading"):
            properties = self._client.get_blob_properties()
        return properties.etag if properties.metadata == metadata else ""

    def renew(self) -> None:
        """See `ports.CheckpointLease.renew`."""
        self.requests += 1
        with self._losing("renewing the lease on"):
            self._lease.renew()

    def release(self) -> float | None:
        """See `ports.CheckpointLease.release`."""
        self.requests += 1
        with storage_errors(f"releasing the checkpoint of {self._blob}"):
            try:
                self._lease.release(raw_response_hook=self._dates.keep)
            except HttpResponseError as error:
                if error.status_code != _CONFLICT:  # it lapsed, and nobody waits for it
                    raise
                return None
        return self._dates.seconds

    @contextmanager
    def _losing(self, doing: str) -> Iterator[None]:
        """Tell the loss of the lease, or of the race for the checkpoint, from other faults."""
        try:
            with storage_errors(f"{doing} the checkpoint of {self._blob}"):
                try:
                    yield
                except HttpResponseError as error:
                    if error.status_code not in {_CONFLICT, _PRECONDITION_FAILED}:
                        raise
                    raise CheckpointLostError(f"{self._blob}: its checkpoint is another run's by now") from error
        except BlobGoneError as error:
            raise CheckpointLostError(f"{self._blob}: its checkpoint was deleted") from error
