"""In-memory adapters: the ports' behaviour without a network, held to it by the conformance suite."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flowlog_core.decode.overflow import Overflow, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.errors import (
    BlobArchivedError,
    BlobChangedError,
    BlobGoneError,
    CheckpointLostError,
    CheckpointUnreadableError,
    ItemChangedError,
    ItemGoneError,
    LastSweepUnreadableError,
    SendError,
    StorageError,
)
from flowlog_core.events.packer import Event
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.first_run import read_first_run, write_first_run
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.ports import Chunk, ListedBlob
from flowlog_core.forwarding.silence import Silence
from flowlog_core.operations.ports import ListedItem
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import ItemsUnder


class AtOnce(Executor):
    """Runs what is submitted then and there."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except Exception as error:  # noqa: BLE001 # a future keeps whatever was raised
            future.set_exception(error)
        return future


def _nothing() -> None:
    pass


class ManualClock:
    """A clock that goes on only when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
        self.before_sleep: Callable[[], object] = _nothing

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.before_sleep()
        self.seconds += seconds

    def random(self) -> float:
        return 0.5


@dataclass(slots=True)
class _Stored:
    data: bytes
    etag: str
    modified: datetime
    archived: bool = False


class MemoryBlobs:
    """Source blobs, and the writer's hand on them."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.reads: list[tuple[int, int]] = []
        self.before_read: Callable[[], None] = _nothing
        self.before_etag: Callable[[], None] = _nothing
        self._blobs: dict[SourceBlob, _Stored] = {}
        self._version = 0

    def put(self, blob: SourceBlob, data: bytes) -> None:
        self._version += 1
        self._blobs[blob] = _Stored(data, f'"{self._version}"', self.clock.now())

    def delete(self, blob: SourceBlob) -> None:
        del self._blobs[blob]

    def archive(self, blob: SourceBlob) -> None:
        self._blobs[blob].archived = True

    def rehydrate(self, blob: SourceBlob) -> None:
        self._blobs[blob].archived = False

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        self.before_read()
        stored = self._readable(blob)
        if etag is not None and etag != stored.etag:
            raise BlobChangedError(str(blob))
        data = stored.data[start : start + size]
        self.reads.append((start, len(data)))
        return Chunk(data, stored.etag, len(stored.data))

    def etag(self, blob: SourceBlob) -> str:
        self.before_etag()
        return self._readable(blob).etag

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        names = [blob.name for blob in self._in(account, container) if blob.name.startswith(under)]
        levels = {under + name[len(under) :].partition("/")[0] + "/" for name in names if "/" in name[len(under) :]}
        yield from sorted(levels)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        for blob in sorted(self._in(account, container), key=lambda blob: blob.name):
            if blob.name.startswith(under):
                stored = self._blobs[blob]
                yield ListedBlob(blob, stored.etag, len(stored.data), stored.modified, stored.archived)

    def _in(self, account: str, container: str) -> list[SourceBlob]:
        return [blob for blob in self._blobs if (blob.account, blob.container) == (account, container)]

    def _readable(self, blob: SourceBlob) -> _Stored:
        if blob not in self._blobs:
            raise BlobGoneError(str(blob))
        if self._blobs[blob].archived:
            raise BlobArchivedError(str(blob))
        return self._blobs[blob]


@dataclass(slots=True)
class _State:
    metadata: Mapping[str, str] = field(default_factory=dict)
    committed: Mapping[str, str] | None = None  # by a lease of this store
    version: int = 0
    owner: object = None
    expires: float = 0.0


class MemoryCheckpoints:
    """Checkpoints of one destination, with leases by the clock."""

    lease_seconds = 60

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._states: dict[SourceBlob, _State] = {}
        self.first_run_metadata: Mapping[str, str] = {}
        self.last_sweep_metadata: Mapping[str, str] | None = None
        self.silence_document: bytes | None = None

    def acquire(self, blob: SourceBlob, confirm: Callable[[], object] = _nothing) -> "MemoryLease | None":
        requests = 1 if blob in self._states else 4
        if blob not in self._states:
            confirm()
        state = self._states.setdefault(blob, _State())
        if state.owner is not None and state.expires > self.clock.monotonic():
            return None
        lease = MemoryLease(self, blob, state, requests)
        state.owner, state.expires = lease, self.clock.monotonic() + self.lease_seconds
        return lease

    def first_run(self, now: datetime) -> datetime:
        self.first_run_metadata = self.first_run_metadata or write_first_run(now)
        return read_first_run(self.first_run_metadata, "checkpoints/first-run")

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        assert all(blob.name.startswith(under) for blob in blobs)
        found = {}
        for blob in blobs:
            if blob in self._states:
                with suppress(CheckpointUnreadableError):
                    found[blob] = self.stored(blob)
        return found

    def last_sweep(self) -> LastSweep | None:
        if self.last_sweep_metadata is None:
            return None
        try:
            return LastSweep.from_metadata(self.last_sweep_metadata)
        except LastSweepUnreadableError as error:
            raise LastSweepUnreadableError(f"checkpoints/last-sweep: {error}") from None

    def keep_last_sweep(self, last_sweep: LastSweep) -> None:
        self.last_sweep_metadata = last_sweep.to_metadata()

    def silence(self) -> Silence | None:
        if self.silence_document is None:
            return None
        try:
            return Silence.read(self.silence_document)
        except LastSweepUnreadableError as error:
            raise LastSweepUnreadableError(f"checkpoints/silence: {error}") from None

    def keep_silence(self, silence: Silence) -> None:
        self.silence_document = silence.document()

    @property
    def blobs(self) -> set[SourceBlob]:
        """The blobs that have a checkpoint."""
        return set(self._states)

    def write(self, blob: SourceBlob, metadata: Mapping[str, str]) -> None:
        """Store a checkpoint as somebody else would."""
        self._states.setdefault(blob, _State()).metadata = dict(metadata)

    def metadata(self, blob: SourceBlob) -> Mapping[str, str]:
        """Return a checkpoint as it is stored."""
        return self._states[blob].metadata

    def stored(self, blob: SourceBlob) -> Checkpoint:
        return Checkpoint.from_metadata(self._states[blob].metadata)

    def delete(self, blob: SourceBlob) -> None:
        del self._states[blob]

    def lapse(self, blob: SourceBlob) -> None:
        self._states[blob].expires = self.clock.monotonic()


class MemoryLease:
    def __init__(self, store: MemoryCheckpoints, blob: SourceBlob, state: _State, requests: int) -> None:
        self.requests = requests
        self._blob = blob
        self._store = store
        self._state = state
        self._version = -1
        self._acquired = store.clock.monotonic()

    def read(self) -> Checkpoint:
        self.requests += self._state.committed != self._state.metadata
        self._version = self._state.version
        try:
            return Checkpoint.from_metadata(self._state.metadata)
        except CheckpointUnreadableError as error:
            raise CheckpointUnreadableError(f"checkpoints/{self._blob}: {error}") from None

    def commit(self, checkpoint: Checkpoint) -> None:
        self.requests += 1
        metadata = checkpoint.to_metadata()
        if self._state.metadata != metadata:
            if not self._holds() or self._version != self._state.version:
                raise CheckpointLostError("lost")
            self._state.metadata = metadata
            self._state.version += 1
        self._state.committed = metadata
        self._version = self._state.version

    def renew(self) -> None:
        self.requests += 1
        # A lapsed lease can be renewed as long as nobody else took it (Lease Blob, remarks).
        if self._state.owner is not self:
            raise CheckpointLostError("lost")
        self._state.expires = self._store.clock.monotonic() + self._store.lease_seconds

    def release(self) -> float | None:
        self.requests += 1
        if self._state.owner is not self:
            return None
        self._state.owner = None
        return self._store.clock.monotonic() - self._acquired

    def _holds(self) -> bool:
        return self._state.owner is self and self._state.expires > self._store.clock.monotonic()


class MemorySink:
    """A hub that keeps what it acknowledged; it can be told to refuse."""

    def __init__(self, max_event_bytes: int = 1_048_576, batch_events: int = 1000) -> None:
        self.events: list[tuple[Event, str | None]] = []
        self.sends = 0
        self.before_send: Callable[[], None] = _nothing
        self.after_send: Callable[[], None] = _nothing
        self.busy: Callable[[int], bool] = lambda _: False  # by the number of the send, from 1
        self.lost: Callable[[int], bool] = lambda _: False  # it arrives, and its acknowledgement doesn't
        self._max_event_bytes = max_event_bytes
        self._batch_events = batch_events

    def max_event_bytes(self) -> int:
        return self._max_event_bytes

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        assert events
        assert within > 0
        self.before_send()
        self.sends += 1
        if self.busy(self.sends):
            raise SendError("busy", busy=True)
        batch = events[: self._batch_events]
        self.events += [(event, partition_key) for event in batch]
        self.after_send()
        if self.lost(self.sends):
            raise SendError("connection lost", busy=False)
        return len(batch)


class MemoryQuarantine:
    def __init__(self) -> None:
        self.items: dict[str, QuarantineItem] = {}
        self.documents: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.full = False
        self.before_overflow: Callable[[], None] = _nothing
        self.puts = 0

    def put(self, item: QuarantineItem, time: datetime) -> None:
        if self.full:
            raise StorageError("full")
        self.puts += 1
        self.items[item.name] = item
        self.documents[item.name] = item.document(time)

    def overflow(self, name: str) -> StoredOverflow | None:
        document = self.documents.get(name)
        return None if document is None else StoredOverflow.read(name, document, self.etags[name])

    def put_overflow(self, overflow: Overflow, time: datetime, etag: str | None) -> str:
        self.before_overflow()
        if self.full:
            raise StorageError("full")
        if self.etags.get(overflow.name) != etag:
            raise ItemChangedError(overflow.name)
        self.puts += 1
        self.documents[overflow.name] = overflow.document(time)
        self.etags[overflow.name] = f'"{self.puts}"'
        return self.etags[overflow.name]

    def delete_overflow(self, name: str, etag: str) -> None:
        if self.etags.get(name) != etag:
            raise ItemChangedError(name)
        del self.documents[name], self.etags[name]

    def overflows(self) -> list[StoredOverflow]:
        """Return the overflow items, in the order of their names."""
        return [StoredOverflow.read(name, self.documents[name], etag) for name, etag in sorted(self.etags.items())]


class MemoryQuarantineStore:
    """The reading side of a quarantine in memory, and its writing side."""

    def __init__(self, quarantine: MemoryQuarantine) -> None:
        self.quarantine = quarantine
        self.put, self.overflow, self.put_overflow = quarantine.put, quarantine.overflow, quarantine.put_overflow
        self.delete_overflow = quarantine.delete_overflow

    def items(self, account: str, container: str, under: str) -> Iterator[ListedItem]:
        wanted = ItemsUnder(account, container, under)
        for name, document in sorted(self.quarantine.documents.items()):
            if name in wanted:
                yield ListedItem(name, len(document), datetime(2026, 11, 20, 23, tzinfo=UTC))

    def get(self, name: str) -> StoredItem:
        if name not in self.quarantine.documents:
            raise ItemGoneError(f"{name}: there is no such item in quarantine")
        return StoredItem.read(name, self.quarantine.documents[name])

    def delete(self, name: str) -> None:
        self.quarantine.documents.pop(name, None)
        self.quarantine.items.pop(name, None)


class MemoryLog:
    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []
        self.levels: dict[str, int] = {}

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:
        self.lines.append((event, dict(fields)))
        self.levels[event] = level

    def of(self, event: str) -> list[Mapping[str, object]]:
        return [fields for name, fields in self.lines if name == event]
