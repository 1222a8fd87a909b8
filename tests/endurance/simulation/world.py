"""A world in which runs and sweeps take turns at every port call, and any port call can fail, stall, or be the last.

Each actor is a greenlet. A port call hands control to the history, which decides who goes on and what goes wrong.
All choices come from one seeded generator, so that a seed is a history.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from greenlet import greenlet

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import (
    BlobChangedError,
    BlobGoneError,
    CheckpointLostError,
    SendError,
    StorageError,
)
from flowlog_core.events.packer import Event
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.ports import Chunk, ListedBlob
from flowlog_core.source.blob import SourceBlob

LEASE_SECONDS = 60


class CrashError(BaseException):
    """The actor's process has died. No handler of the app can catch it, and nothing that it does has an effect."""


class Fault(Enum):
    """What goes wrong at a port call."""

    NONE = auto()
    FAIL_BEFORE = auto()
    FAIL_AFTER = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


@dataclass(frozen=True, slots=True)
class Odds:
    """How often things go wrong, each at every port call.

    Attributes:
        fail: The call fails, before or after its effect.
        crash: The actor's process dies, before or after the call's effect.
        refuse: The quarantine takes nothing for a while, and nothing else goes wrong.
        stall: The actor stands still for up to several lease times.
        lose_event: An append's event never comes.
    """

    fail: float = 0.0
    crash: float = 0.0
    refuse: float = 0.0
    stall: float = 0.0
    lose_event: float = 0.0


class Actor(greenlet):
    """A run or a sweep under way, or what one of them does in the background.

    Attributes:
        crashed: Whether its process has died.
        stalled: Whether it ever stood still for long.
        finished: Whether it is through, one way or the other.
        blob: The blob whose event began it, if any.
        wake: When it goes on, by the world's clock.
        lease: The lease that it holds, or believes to hold.
        raised: What its work raised.
        of: The actor whose background it is; one process, which dies as a whole.
    """

    def __init__(self, work: Callable[[], object], history: greenlet, of: "Actor | None" = None) -> None:
        super().__init__(self._work, history)
        self.of = of
        self.died = False
        self.stalled = False
        self.wake = 0.0
        self.finished = False
        self.blob: SourceBlob | None = None
        self.lease: Lease | None = None
        self.raised: BaseException | None = None
        self._call = work

    @property
    def crashed(self) -> bool:
        return self.died or (self.of is not None and self.of.crashed)

    def _work(self) -> None:
        try:
            self._call()
        except CrashError:
            pass
        except Exception as error:  # noqa: BLE001 # the history looks at what it was
            self.raised = error
        self.finished = True


@dataclass(slots=True)
class Stored:
    """A source blob as it is."""

    data: bytes
    etag: str
    modified: datetime


@dataclass(slots=True)
class State:
    """A checkpoint as it is, with its lease."""

    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    version: int = 0
    owner: object = None
    expires: float = 0.0
    range_ends: set[tuple[int, int]] = field(default_factory=lambda: {(0, 0)})  # generation and end of each commit
    offsets: set[int] = field(default_factory=lambda: {0})


def _storage_error() -> Exception:
    return StorageError("simulated")


class World:
    """The ports and what is behind them, for any number of actors."""

    no_lease = False
    """A bug to plant: everybody gets the lease."""

    def __init__(self, seed: int, odds: Odds, *, batch_events: int = 2) -> None:
        self.random = random.Random(seed)
        self.odds = odds
        self.seconds = 0.0
        self.faults = True
        self.blobs: dict[SourceBlob, Stored] = {}
        self.states: dict[SourceBlob, State] = {}
        self.sent: list[tuple[Event, str | None]] = []
        self.quarantined: dict[str, QuarantineItem] = {}
        self.may_repeat: set[str] = set()
        self.violations: list[str] = []
        self.calls = 0
        self.swept_at: datetime | None = None
        self._version = 0
        self.batch_events = batch_events
        self.begin: Callable[[Actor], None] = lambda _: None
        self._history = greenlet.getcurrent()

    # Time.

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 22, 30, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pause(seconds)

    def jitter(self) -> float:
        return self.random.random()

    # Turns and faults.

    def pause(self, seconds: float) -> None:
        """Let others go on; come back no sooner than after so many seconds."""
        actor = self.actor()
        actor.wake = self.seconds + seconds
        self._history.switch()
        if actor.crashed:
            raise CrashError

    def call[T](self, effect: Callable[[], T], error: Callable[[], Exception] = _storage_error) -> T:
        """Make a port call: somebody else's turn first, then the effect, and perhaps a fault around it."""
        actor = self.actor()
        if actor.crashed:
            raise CrashError
        self.calls += 1
        self.pause(self._delay(actor))
        fault = self._fault()
        if fault is Fault.CRASH_BEFORE:
            self._crash(actor)
        if fault is Fault.FAIL_BEFORE:
            raise error()
        result = effect()
        if fault is Fault.CRASH_AFTER:
            self._crash(actor)
        if fault is Fault.FAIL_AFTER:
            raise error()
        return result

    def _crash(self, actor: Actor) -> None:
        process = actor.of or actor
        if process.lease is not None:
            self.may_repeat.add(process.lease.blob.path)
        process.died = True
        raise CrashError

    def submit(self, work: Callable[[], None]) -> Actor:
        """Let an actor's process do something in the background."""
        actor = self.actor()
        beside = Actor(work, self._history, actor.of or actor)
        self.begin(beside)
        return beside

    def actor(self) -> Actor:
        actor = greenlet.getcurrent()
        assert isinstance(actor, Actor)
        return actor

    def _delay(self, actor: Actor) -> float:
        if self.faults and self.random.random() < self.odds.stall:
            actor.stalled = True
            return self.random.uniform(20, 200)
        return self.random.uniform(0, 1)

    def _fault(self) -> Fault:
        if not self.faults:
            return Fault.NONE
        draw = self.random.random()
        if draw < self.odds.fail:
            return self.random.choice([Fault.FAIL_BEFORE, Fault.FAIL_AFTER])
        if draw < self.odds.fail + self.odds.crash:
            return self.random.choice([Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
        return Fault.NONE

    # The writer's hand.

    def put(self, blob: SourceBlob, data: bytes) -> None:
        self._version += 1
        self.blobs[blob] = Stored(data, f'"{self._version}"', self.now())

    def delete(self, blob: SourceBlob) -> None:
        del self.blobs[blob]


class Clock:
    """See `flowlog_core.forwarding.ports.Clock`."""

    def __init__(self, world: World) -> None:
        self.now, self.monotonic, self.sleep, self.random = world.now, world.monotonic, world.sleep, world.jitter


class Source:
    """See `flowlog_core.forwarding.ports.BlobSource` and `BlobListing`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, blob: SourceBlob, start: int, size: int, *, etag: str | None = None) -> Chunk:
        def effect() -> Chunk:
            stored = self._stored(blob)
            if etag is not None and etag != stored.etag:
                raise BlobChangedError(str(blob))
            return Chunk(stored.data[start : start + size], stored.etag, len(stored.data))

        return self._world.call(effect)

    def etag(self, blob: SourceBlob) -> str:
        return self._world.call(lambda: self._stored(blob).etag)

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        def effect() -> list[str]:
            names = [blob.name for blob in self._world.blobs if blob.name.startswith(under)]
            return sorted({under + name[len(under) :].partition("/")[0] + "/" for name in names})

        yield from self._world.call(effect)

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        def effect() -> list[ListedBlob]:
            return [
                ListedBlob(blob, stored.etag, len(stored.data), stored.modified)
                for blob, stored in sorted(self._world.blobs.items(), key=lambda item: item[0].name)
                if blob.name.startswith(under)
            ]

        yield from self._world.call(effect)

    def _stored(self, blob: SourceBlob) -> Stored:
        if blob not in self._world.blobs:
            raise BlobGoneError(str(blob))
        return self._world.blobs[blob]


class Checkpoints:
    """See `flowlog_core.forwarding.ports.CheckpointStore`."""

    lease_seconds = LEASE_SECONDS

    def __init__(self, world: World) -> None:
        self._world = world

    def acquire(self, blob: SourceBlob) -> "Lease | None":
        world = self._world

        def effect() -> Lease | None:
            state = world.states.setdefault(blob, State())
            if state.owner is not None and state.expires > world.seconds and not world.no_lease:
                return None
            lease = Lease(world, blob, state)
            state.owner, state.expires = lease, world.seconds + LEASE_SECONDS
            world.actor().lease = lease
            return lease

        return world.call(effect)

    def find(self, blobs: Sequence[SourceBlob], under: str) -> dict[SourceBlob, Checkpoint]:
        states = self._world.states
        return self._world.call(lambda: {blob: states[blob].checkpoint for blob in blobs if blob in states})

    def first_run(self, now: datetime) -> datetime:
        raise AssertionError("histories begin with the first blob")

    def last_sweep(self) -> datetime | None:
        return self._world.call(lambda: self._world.swept_at)

    def swept(self, time: datetime) -> None:
        def effect() -> None:
            self._world.swept_at = time

        self._world.call(effect)


class Lease:
    """See `flowlog_core.forwarding.ports.CheckpointLease`."""

    def __init__(self, world: World, blob: SourceBlob, state: State) -> None:
        self.requests = 1
        self.blob = blob
        self._world = world
        self._state = state
        self._version = -1

    @property
    def holds(self) -> bool:
        return self._world.no_lease or (self._state.owner is self and self._state.expires > self._world.seconds)

    @property
    def expires(self) -> float:
        return self._state.expires if self._state.owner is self else 0.0

    def read(self) -> Checkpoint:
        def effect() -> Checkpoint:
            self._version = self._state.version
            return self._state.checkpoint

        return self._world.call(effect)

    def commit(self, checkpoint: Checkpoint) -> None:
        def effect() -> None:
            if not self.holds or self._version != self._state.version:
                if not self._world.no_lease:
                    self._world.may_repeat.add(self.blob.path)  # it stood still past its lease, and has sent before
                raise CheckpointLostError("lost")
            # As metadata and back: that is what a later owner reads.
            self._state.checkpoint = Checkpoint.from_metadata(checkpoint.to_metadata())
            self._state.range_ends.add((checkpoint.generation, checkpoint.range_end))
            self._state.offsets.add(checkpoint.offset)
            self._state.version += 1
            self._version = self._state.version

        def failed() -> Exception:
            self._world.may_repeat.add(self.blob.path)  # what was sent, and can't be committed, will come again
            return StorageError("simulated")

        self._world.call(effect, failed)

    def renew(self) -> None:
        def effect() -> None:
            if self._world.no_lease:
                return
            if self._state.owner is not self:
                self._world.may_repeat.add(self.blob.path)  # it stood still past its lease, and may have sent before
                raise CheckpointLostError("lost")
            self._state.expires = self._world.seconds + LEASE_SECONDS

        def failed() -> Exception:
            late = self.expires < self._world.seconds + 10
            if late or self._world.actor().stalled:
                self._world.may_repeat.add(self.blob.path)  # it can't tell that its lease holds, and doesn't commit
            return StorageError("simulated")

        self._world.call(effect, failed)

    def release(self) -> None:
        def effect() -> None:
            if self._state.owner is self:
                self._state.owner = None
            self._world.actor().lease = None

        self._world.call(effect)


class Sink:
    """See `flowlog_core.forwarding.ports.EventSink`; it also watches over the rule that a lease outlasts each send."""

    def __init__(self, world: World) -> None:
        self._world = world

    def max_event_bytes(self) -> int:
        return self._world.call(lambda: 1_048_576, lambda: SendError("simulated", busy=False))

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        world = self._world
        process = world.actor().of or world.actor()
        lease = process.lease
        if lease is None:
            world.violations.append("a send begins when its lease has been released")
            raise SendError("too late", busy=False)
        path = lease.blob.path
        if not world.no_lease and lease.expires < world.seconds + within:
            world.violations.append(f"a send of {path} begins that its lease may not outlast")

        def effect() -> int:
            if process.lease is None and not process.crashed:
                world.violations.append(f"a send of {path} is under way when its lease is released")
            if not lease.holds:
                world.may_repeat.add(path)  # it stood still past its lease
            batch = list(events[: world.batch_events])
            world.sent += [(event, partition_key) for event in batch]
            return len(batch)

        def failed() -> Exception:
            if len(world.sent) > before:
                world.may_repeat.add(path)  # the acknowledgement is lost
            return SendError("simulated", busy=world.random.random() < 0.5)  # half of them

        before = len(world.sent)
        return world.call(effect, failed)


class _Awaited[T](Future[T]):
    """A future whose awaiter lets others go on until it is done."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.worker: Actor | None = None

    def result(self, timeout: float | None = None) -> T:
        while not self.done():
            wake = self.worker.wake if self.worker is not None else 0.0
            self.world.pause(max(0.0, wake - self.world.seconds))
        return super().result(timeout)


class Background(Executor):
    """See `concurrent.futures.Executor`: each task is an actor of the process of the one who submits it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        future = _Awaited[T](self._world)

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*arguments, **named)
            except Exception as error:  # noqa: BLE001 # a future keeps whatever was raised
                future.set_exception(error)
            else:
                future.set_result(result)

        future.worker = self._world.submit(work)
        return future


class QuarantineStore:
    """See `flowlog_core.forwarding.ports.Quarantine`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def put(self, item: QuarantineItem, time: datetime) -> None:
        def effect() -> None:
            if self._world.faults and self._world.random.random() < self._world.odds.refuse:
                raise StorageError("simulated")
            self._world.quarantined[item.name] = item

        self._world.call(effect)
