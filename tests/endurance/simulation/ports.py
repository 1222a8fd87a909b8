"""The ports of the simulation: each call is a turn, in which anything can go wrong."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime
from typing import Any

from flowlog_core.decode.overflow import Overflow, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import (
    BlobArchivedError,
    BlobChangedError,
    BlobGoneError,
    CheckpointLostError,
    ItemChangedError,
    SendError,
    StorageError,
)
from flowlog_core.events.packer import Event
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.ports import Chunk, ListedBlob
from flowlog_core.forwarding.silence import Silence
from flowlog_core.source.blob import SourceBlob
from tests.endurance.simulation.foreign import resolved
from tests.endurance.simulation.scheduler import (
    LEASE_SECONDS,
    Actor,
    CrashError,
    Simulation,
    State,
    Stored,
)


class Clock:
    """See `flowlog_core.forwarding.ports.Clock`."""

    def __init__(self, sim: Simulation) -> None:
        self.now, self.monotonic, self.sleep, self.random = (
            sim.now,
            sim.monotonic,
            sim.sleep,
            sim.jitter,
        )


class Source:
    """See `flowlog_core.forwarding.ports.BlobSource` and `BlobListing`."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        def effect() -> Chunk:
            stored = self._readable(blob)
            if etag is not None and etag != stored.etag:
                raise BlobChangedError(str(blob))
            return Chunk(stored.data[start : start + size], stored.etag, len(stored.data))

        return self._sim.call(effect)

    def etag(self, blob: SourceBlob) -> str:
        return self._sim.call(lambda: self._readable(blob).etag)

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        def effect() -> list[str]:
            names = [blob.name for blob in self._in(account, container) if blob.name.startswith(under)]
            return sorted({under + name[len(under) :].partition("/")[0] + "/" for name in names})

        yield from self._sim.call(effect)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        def effect() -> list[ListedBlob]:
            found = sorted(blob.name for blob in self._in(account, container) if blob.name.startswith(under))
            return [self._listed(SourceBlob(account, container, name)) for name in found]

        yield from self._sim.call(effect)

    def _in(self, account: str, container: str) -> list[SourceBlob]:
        return [blob for blob in self._sim.blobs if (blob.account, blob.container) == (account, container)]

    def _listed(self, blob: SourceBlob) -> ListedBlob:
        stored = self._sim.blobs[blob]
        return ListedBlob(blob, stored.etag, len(stored.data), stored.modified, stored.archived_at is not None)

    def _readable(self, blob: SourceBlob) -> Stored:
        stored = self._sim.blobs.get(resolved(blob))
        if stored is None:
            raise BlobGoneError(str(blob))
        if stored.archived_at is not None:
            raise BlobArchivedError(str(blob))
        return stored


class Checkpoints:
    """See `flowlog_core.forwarding.ports.CheckpointStore`."""

    lease_seconds = LEASE_SECONDS

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def acquire(self, blob: SourceBlob, confirm: Callable[[], object]) -> "Lease | None":
        sim, name = self._sim, resolved(blob)
        sim.watch_for_archived(name)
        if sim.call(lambda: name not in sim.states):
            confirm()
            sim.call(lambda: sim.states.setdefault(name, State()))

        def effect() -> Lease | None:
            state = sim.states[name]
            if state.owner is not None and state.expires > sim.seconds and not sim.no_lease:
                return None
            lease = Lease(sim, blob, state)
            state.owner, state.expires = lease, sim.seconds + LEASE_SECONDS
            sim.actor().lease = lease
            return lease

        return sim.call(effect)

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        states = self._sim.states
        return self._sim.call(lambda: {blob: states[blob].checkpoint for blob in blobs if blob in states})

    def first_run(self, now: datetime) -> datetime:
        raise AssertionError("histories begin with the first blob")

    def last_sweep(self) -> LastSweep | None:
        return self._sim.call(lambda: self._sim.last_sweep)

    def keep_last_sweep(self, last_sweep: LastSweep) -> None:
        def effect() -> None:
            # As metadata and back: that is what the next sweep reads.
            self._sim.last_sweep = LastSweep.from_metadata(last_sweep.to_metadata())

        self._sim.call(effect)

    def silence(self) -> Silence | None:
        return self._sim.call(lambda: Silence.read(self._sim.silence) if self._sim.silence else None)

    def keep_silence(self, silence: Silence) -> None:
        document = silence.document()

        def effect() -> None:
            self._sim.silence = document

        self._sim.call(effect)


class Lease:
    """See `flowlog_core.forwarding.ports.CheckpointLease`."""

    def __init__(self, sim: Simulation, blob: SourceBlob, state: State) -> None:
        self.requests = 1
        self.blob = blob
        self._sim = sim
        self._state = state
        self._version = -1
        self._acquired = sim.server_second()

    @property
    def holds(self) -> bool:
        return self._sim.no_lease or (self._state.owner is self and self._state.expires > self._sim.seconds)

    @property
    def expires(self) -> float:
        return self._state.expires if self._state.owner is self else 0.0

    def read(self) -> Checkpoint:
        def effect() -> Checkpoint:
            self._version = self._state.version
            return self._state.checkpoint

        return self._sim.call(effect)

    def commit(self, checkpoint: Checkpoint) -> None:
        def effect() -> None:
            # As metadata and back: that is what a later owner reads.
            stored = Checkpoint.from_metadata(checkpoint.to_metadata())
            if self._state.checkpoint == stored:
                self._version = self._state.version
                return
            if not self.holds or self._version != self._state.version:
                if not self._sim.no_lease:
                    self._sim.may_repeat.add(self.blob.path)  # it stood still past its lease, and has sent before
                raise CheckpointLostError("lost")
            self._state.checkpoint = stored
            self._state.range_ends.add((checkpoint.generation, checkpoint.range_end))
            self._state.offsets.add(checkpoint.offset)
            self._state.version += 1
            self._version = self._state.version

        def failed() -> Exception:
            self._sim.may_repeat.add(self.blob.path)  # what was sent, and can't be committed, will come again
            return StorageError("simulated")

        self._sim.call(effect, failed)

    def renew(self) -> None:
        def effect() -> None:
            if self._sim.no_lease:
                return
            if self._state.owner is not self:
                self._sim.may_repeat.add(self.blob.path)  # it stood still past its lease, and may have sent before
                raise CheckpointLostError("lost")
            self._state.expires = self._sim.seconds + LEASE_SECONDS

        def failed() -> Exception:
            late = self.expires < self._sim.seconds + 10
            if late or self._sim.actor().stalled:
                self._sim.may_repeat.add(self.blob.path)  # it can't tell that its lease holds, and doesn't commit
            return StorageError("simulated")

        self._sim.call(effect, failed)

    def release(self) -> float | None:
        def effect() -> float | None:
            owned = self._state.owner is self
            if owned:
                self._state.owner = None
            self._sim.actor().lease = None
            return self._sim.server_second() - self._acquired + 1 if owned else None

        return self._sim.call(effect)


class Sink:
    """See `flowlog_core.forwarding.ports.EventSink`; it also watches over the rule that a lease outlasts each send."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def max_event_bytes(self) -> int:
        return self._sim.call(lambda: 1_048_576, lambda: SendError("simulated", busy=False))

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        sim = self._sim
        process = sim.actor().of or sim.actor()
        lease = process.lease
        if process.crashed:
            raise CrashError  # what was waiting in the background never begins
        if lease is None:
            sim.violations.append("a send begins when its lease has been released")
            raise SendError("too late", busy=False)
        path = lease.blob.path
        if not sim.no_lease and lease.expires < sim.seconds + within:
            sim.violations.append(f"a send of {path} begins that its lease may not outlast")

        def effect() -> int:
            if process.lease is None and not process.crashed:
                sim.violations.append(f"a send of {path} is under way when its lease is released")
            if not lease.holds:
                sim.may_repeat.add(path)  # it stood still past its lease
            batch = list(events[: sim.batch_events])
            sim.sent += [(event, partition_key) for event in batch]
            return len(batch)

        def failed() -> Exception:
            if len(sim.sent) > before:
                sim.may_repeat.add(path)  # the acknowledgement is lost
            return SendError("simulated", busy=sim.random.random() < 0.5)  # half of them

        before = len(sim.sent)
        return sim.call(effect, failed)


class _Awaited[T](Future[T]):
    """A future whose awaiter lets others go on until it is done."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__()
        self.sim = sim
        self.worker: Actor | None = None

    def result(self, timeout: float | None = None) -> T:
        while not self.done():
            wake = self.worker.wake if self.worker is not None else 0.0
            self.sim.pause(max(0.0, wake - self.sim.seconds))
        return super().result(timeout)


class Background(Executor):
    """See `concurrent.futures.Executor`: each task is an actor of the process of the one who submits it."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        future = _Awaited[T](self._sim)

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*arguments, **named)
            except Exception as error:  # noqa: BLE001 # a future keeps whatever was raised
                future.set_exception(error)
            else:
                future.set_result(result)

        future.worker = self._sim.submit(work)
        return future


class QuarantineStore:
    """See `flowlog_core.forwarding.ports.Quarantine`."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def put(self, item: QuarantineItem, time: datetime) -> None:
        def effect() -> None:
            if self._sim.faults and self._sim.random.random() < self._sim.odds.refuse:
                raise StorageError("simulated")
            self._sim.quarantined[item.name] = item.document(time)

        def failed() -> Exception:
            self._sim.may_exceed.add(item.blob.path)  # it may be there, and have more neighbours at the next try
            return StorageError("simulated")

        self._sim.call(effect, failed)

    def overflow(self, name: str) -> StoredOverflow | None:
        def effect() -> StoredOverflow | None:
            document = self._sim.quarantined.get(name)
            return None if document is None else StoredOverflow.read(name, document, self._sim.overflow_etags[name])

        return self._sim.call(effect)

    def put_overflow(self, overflow: Overflow, time: datetime, etag: str | None) -> str:
        def effect() -> str:
            if self._sim.overflow_etags.get(overflow.name) != etag:
                raise ItemChangedError(overflow.name)
            self._sim.quarantined[overflow.name] = overflow.document(time)
            self._sim.overflow_etags[overflow.name] = f'"{self._sim.calls}"'
            return self._sim.overflow_etags[overflow.name]

        return self._sim.call(effect)
