"""A simulation in which runs and sweeps take turns at every port call; any call can fail, stall, or be the last.

Each actor is a greenlet. A port call hands control to the history, which decides who goes on and what goes wrong.
All choices come from one seeded generator, so that a seed is a history.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from greenlet import greenlet

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.source.blob import SourceBlob

if TYPE_CHECKING:
    from flowlog_core.events.packer import Event
    from tests.endurance.simulation.ports import Lease

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
        announced: The blobs whose events began it, if any.
        in_batch: Whether they came in a batch, which is delivered again only where its process died.
        began: When it began, by the simulation's clock.
        wake: When it goes on.
        lease: The lease that it holds, or believes to hold.
        raised: What its work raised.
        of: The actor whose background it is; one process, which dies as a whole.
    """

    def __init__(
        self, work: Callable[[], object], history: greenlet, of: "Actor | None" = None, *, began: float = 0.0
    ) -> None:
        super().__init__(self._work, history)
        self.of = of
        self.died = False
        self.stalled = False
        self.wake = 0.0
        self.began = began
        self.finished = False
        self.announced: Sequence[SourceBlob] = ()
        self.in_batch = False
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
    archived_at: float | None = None


@dataclass(slots=True)
class State:
    """A checkpoint as it is, with its lease."""

    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    version: int = 0
    owner: object = None
    expires: float = 0.0
    range_ends: set[tuple[int, int]] = field(default_factory=lambda: {(0, 0)})  # generation and end of each commit
    offsets: set[int] = field(default_factory=lambda: {0})


def storage_error() -> Exception:
    return StorageError("simulated")


class Simulation:
    """What the ports share: storage, hub, clock and chance, for any number of actors."""

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
        self.quarantined: dict[str, bytes] = {}  # documents by name
        self.overflow_etags: dict[str, str] = {}
        self.may_repeat: set[str] = set()
        self.may_exceed: set[str] = set()
        self.violations: list[str] = []
        self.calls = 0
        self.last_sweep = LastSweep(self.now())  # the app has been running for a while
        self.silence = b""
        self._version = 0
        self.batch_events = batch_events
        self.call_seconds = 1.0  # that a port call takes at most, where nothing goes wrong
        self.begin: Callable[[Actor], None] = lambda _: None
        self._history = greenlet.getcurrent()

    # Time.

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 22, 30, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def server_second(self) -> int:
        """Return the time by the clock of one of storage's servers, which differ by a second, in complete seconds."""
        return math.floor(self.seconds + self.random.random())

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

    def call[T](self, effect: Callable[[], T], error: Callable[[], Exception] = storage_error) -> T:
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
        return self.random.uniform(0, self.call_seconds)

    def _fault(self) -> Fault:
        if not self.faults:
            return Fault.NONE
        draw = self.random.random()
        if draw < self.odds.fail:
            return self.random.choice([Fault.FAIL_BEFORE, Fault.FAIL_AFTER])
        if draw < self.odds.fail + self.odds.crash:
            return self.random.choice([Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
        return Fault.NONE

    # What must not happen.

    def log(self, event: str, fields: Mapping[str, object], *, level: int = 0) -> None:
        """See `flowlog_core.forwarding.ports.Log`."""
        if event == "flowlog.fault" and fields["error"] == "BlobArchivedError":
            self.violations.append(f"{fields.get('blob')} is archived, and a fault")

    def watch_for_archived(self, blob: SourceBlob) -> None:
        """Take note of a sweep that takes up a blob which was archived before it began."""
        process, stored = self.actor().of or self.actor(), self.blobs.get(blob)
        if not process.announced and stored is not None and (stored.archived_at or math.inf) < process.began:
            self.violations.append(f"{blob} is archived, and a sweep takes it up")

    # The writer's hand.

    def put(self, blob: SourceBlob, data: bytes) -> None:
        self._version += 1
        self.blobs[blob] = Stored(data, f'"{self._version}"', self.now())

    def delete(self, blob: SourceBlob) -> None:
        del self.blobs[blob]
