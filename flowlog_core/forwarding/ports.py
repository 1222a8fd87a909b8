"""The ports: what the use cases need from outside, as small Protocols. Each call's storage requests are part of it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.events.packer import Event
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.silence import Silence
from flowlog_core.source.blob import SourceBlob


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a source blob.

    Attributes:
        data: Fewer than asked for where the blob ends; none where it ends before the start.
        etag: ETag of the snapshot that they belong to.
        length: The snapshot's length in bytes.

    """

    data: bytes
    etag: str
    length: int


class BlobSource(Protocol):
    """Reads source blobs. Nothing is ever written to them."""

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        """Read up to `size` bytes from `start` on, of the snapshot `etag` if given. One request.

        Raises:
            BlobGoneError: There is no such blob.
            BlobChangedError: It is another snapshot by now.
            BlobArchivedError: It is in the archive tier.
            StorageError: The request failed.

        """
        ...

    def etag(self, blob: SourceBlob) -> str:
        """Read the ETag that a read would return. One request.

        Raises:
            BlobGoneError: There is no such blob.
            BlobArchivedError: It is in the archive tier.
            StorageError: The request failed.

        """
        ...


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """What a listing says of a source blob.

    Attributes:
        blob: The blob.
        etag: Its ETag, in the form in which reads give it.
        length: Its length in bytes.
        modified: When it was last written.
        archived: Whether it is in the archive tier, where it can't be read before it is rehydrated.

    """

    blob: SourceBlob
    etag: str
    length: int
    modified: datetime
    archived: bool = False


class BlobListing(Protocol):
    """Lists source blobs. A container that does not exist is empty. One request for each 5,000 entries."""

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        """Give the next level below a prefix: the longer prefixes, each up to and with its slash.

        Raises:
            StorageError: The request failed.

        """
        ...

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        """Give all blobs whose names begin with a prefix.

        Raises:
            StorageError: The request failed.

        """
        ...


class CheckpointLease(Protocol):
    """The sole right to move one blob's checkpoint, for `CheckpointStore.lease_seconds` from the last renewal."""

    @property
    def requests(self) -> int:
        """Storage requests made for this lease so far, those to acquire it included."""
        ...

    def read(self) -> Checkpoint:
        """Read the checkpoint. One request.

        Raises:
            CheckpointUnreadableError: It was written by something else, or by a later version.
            StorageError: The request failed.

        """
        ...

    def commit(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, if it is still the one read or committed last. One request.

        Where the answer was lost, committing the same again finds it stored, with one request more.

        Raises:
            CheckpointLostError: The lease has lapsed, or somebody else wrote.
            StorageError: The request failed.

        """
        ...

    def renew(self) -> None:
        """Begin the lease's time anew. One request.

        Raises:
            CheckpointLostError: The lease has lapsed and is another's, or was broken.
            StorageError: The request failed.

        """
        ...

    def release(self) -> None:
        """Give up the lease. One request; a lease that has lapsed is no error.

        Raises:
            StorageError: The request failed.

        """
        ...


class CheckpointStore(Protocol):
    """Keeps the checkpoints of one destination."""

    @property
    def lease_seconds(self) -> int:
        """How long a lease holds."""
        ...

    def acquire(self, blob: SourceBlob, confirm: Callable[[], object]) -> CheckpointLease | None:
        """Take the lease on a blob's checkpoint, or None if another run holds it.

        One request; where there is no checkpoint yet, four, that of `confirm` included.

        Args:
            blob: The source blob.
            confirm: Called where there is no checkpoint yet, before one is made: it raises BlobGoneError where there is
                no such blob, and BlobArchivedError where it can't be read, with one request. So none is made for a blob
                that was never seen, or can't be forwarded.

        Raises:
            BlobGoneError: There is no checkpoint, and no such blob.
            BlobArchivedError: There is no checkpoint, and the blob is in the archive tier.
            StorageError: The request failed.

        """
        ...

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        """Read the checkpoints of blobs of one container whose names begin with `under`, in bulk.

        One request for each 5,000. A blob without a checkpoint, or with one that can't be read, is left out.

        Raises:
            StorageError: The request failed.

        """
        ...

    def last_sweep(self) -> LastSweep | None:
        """Return what `keep_last_sweep` kept last, if anything. One request.

        Raises:
            LastSweepUnreadableError: It was written by something else.
            StorageError: The request failed.

        """
        ...

    def keep_last_sweep(self, last_sweep: LastSweep) -> None:
        """Keep what a sweep leaves to the next one. One request.

        Raises:
            StorageError: The request failed.

        """
        ...

    def silence(self) -> Silence | None:
        """Return what `keep_silence` kept last, if anything. One request.

        Raises:
            LastSweepUnreadableError: It was written by something else.
            StorageError: The request failed.

        """
        ...

    def keep_silence(self, silence: Silence) -> None:
        """Keep what the sweeps have seen of each container. One request.

        Raises:
            StorageError: The request failed.

        """
        ...

    def first_run(self, now: datetime) -> datetime:
        """Give the time of the destination's first run: what is stored, else `now`, which is stored. One or two.

        Raises:
            CheckpointUnreadableError: What is stored is no time.
            StorageError: The request failed.

        """
        ...


class EventSink(Protocol):
    """Sends events to the destination."""

    def max_event_bytes(self) -> int:
        """Give the size of the largest event that the destination takes.

        Raises:
            SendError: The destination can't be reached.

        """
        ...

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        """Send as many of the events, from the first on, as go into one batch: all of them arrive or none does.

        Args:
            events: In order; at least one.
            partition_key: Of all of them, or None for any partition.
            within: Seconds after which this has returned or raised.

        Returns:
            How many were sent, and acknowledged; at least one.

        Raises:
            SendError: They were not acknowledged.

        """
        ...


class Quarantine(Protocol):
    """Keeps what could not be decoded. The same bad bytes at the same place always have the same name."""

    def put(self, item: QuarantineItem, time: datetime) -> None:
        """Store an item, over an earlier one of the same name. One request.

        Raises:
            StorageError: The request failed.

        """
        ...


class Clock(Protocol):
    """Time and chance, so that the use cases have neither of their own."""

    def now(self) -> datetime:
        """Give the time of day, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Give seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def random(self) -> float:
        """Give a number of the interval [0, 1)."""
        ...


class Turn(Protocol):
    """What one thread of a process has at a time; a `threading.Lock` is one."""

    def acquire(self, *, timeout: float) -> bool:
        """Wait for it up to so many seconds; say whether it was had."""
        ...

    def release(self) -> None:
        """Let it go."""
        ...


class Log(Protocol):
    """Takes log events: a name, and fields that are safe to show (no secret, no address, no tuple)."""

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:
        """Write one."""
        ...
