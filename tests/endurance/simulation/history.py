"""A history: a writer, any number of runs and sweeps, and chance, from one seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from greenlet import getcurrent

from flowlog_core.decode.overflow import OverflowLimits
from flowlog_core.errors import FlowLogError
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.forwarding.announced_batch import BatchForwarder
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions, QuarantineLimits, SweepOptions
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate
from tests.endurance.simulation.foreign import CONTENT, elsewhere, foreign_name
from tests.endurance.simulation.oracle import judge, strangers
from tests.endurance.simulation.ports import Background, Checkpoints, Clock, QuarantineStore, Sink, Source
from tests.endurance.simulation.scheduler import Actor, Odds, Simulation
from tests.endurance.simulation.writer import CONTAINERS, LOOK_BACK, REFUSING, Writer
from tests.support.announcements import created
from tests.support.memory import AtOnce

GENTLE = Odds()
LOSSY = Odds(lose_event=0.3)
ROUGH = Odds(fail=0.06, crash=0.02, stall=0.02, lose_event=0.2)
FAILING = Odds(fail=0.12, lose_event=0.1)
UNLIMITED = QuarantineLimits()
ENOUGH_SWEEPS = 100  # for a round, of sweeps that have time for little


@dataclass(slots=True)
class Result:
    """How a history ended.

    Attributes:
        seed: Its seed.
        wrong: What is wrong, in words; nothing if all is well.
        calls: Port calls made.
        runs: Runs and sweeps begun.
        flows: Flows received.
        crashes: Actors whose process died.
    """

    seed: int
    wrong: list[str]
    calls: int = 0
    runs: int = 0
    flows: int = 0
    crashes: int = 0


class History:
    """Plays one history."""

    def __init__(self, seed: int) -> None:
        sim = self.sim = Simulation(seed, GENTLE)
        self.seed = seed
        chance = self._random = sim.random
        sim.odds = chance.choice([GENTLE, LOSSY, ROUGH, ROUGH, FAILING, REFUSING])
        # Leases are held for shorter or longer than what makes their owner look at the source again.
        sim.call_seconds = chance.choice([0.2, 1.0, 4.0])
        # Ranges of several batches with little time would be cut off in their middle, and that repeats a part.
        hurried = chance.random() < 0.2  # one in five
        sim.batch_events = 100 if hurried else chance.randint(1, 4)
        # One in six each: more to sweep than a sweep has time for, late appends, and archived blobs.
        crowded, self._late, self._archives = (chance.random() < 1 / 6 for _ in range(3))
        # In one of three a blob soon has more in quarantine than may be single items, or than is listed exactly.
        few = chance.random() < 1 / 3
        # In one of three announcements come in batches, as an event hub delivers them.
        self._by_hub = seed % 3 == 0  # no draw, so that the others are as they were
        self._every_run_ends = not (hurried and self._by_hub)  # the blobs of a batch share its time
        limits = QuarantineLimits(chance.randint(0, 2), OverflowLimits(chance.randint(1, 3), 10)) if few else UNLIMITED
        self._most_items = limits.items
        self.writer = Writer(
            sim, crowded=crowded, archives=self._archives, late=self._late, unreadable=0.4 if few else 0.1
        )
        for log in self.writer.logs:
            sim.put(elsewhere(log.blob), CONTENT)
        ports = ForwardPorts(
            gate=Gate(frozenset(CONTAINERS)),
            source=Source(sim),
            sink=Sink(sim),
            quarantine=QuarantineStore(sim),
            clock=Clock(sim),
            log=sim.log,
            background=Background(sim),
            stop=StopFlag(),
            large_records=Lock(),  # its records are small
        )
        schemas = list(SCHEMAS.values())
        forwarding = ForwardOptions(
            EventOptions(max_bytes=16_384, schema=schemas[seed % len(schemas)]),  # no draw
            run_seconds=60 * max(1.0, sim.call_seconds) if hurried else 1e9,
            start="all",
            chunk_bytes=chance.choice([700, 2500, 1_000_000]),
            batch_bytes=chance.choice([6_000, 20_000, 40_000, 1_000_000]),
            commit_seconds=chance.choice([0, 2]),
            quarantine=limits,
        )
        self.forwarder = Forwarder(ports, Checkpoints(sim), forwarding)
        self._batch_forwarder = BatchForwarder(
            self.forwarder, executor=AtOnce(), clock=Clock(sim), log=sim.log, run_seconds=forwarding.run_seconds
        )
        options = SweepOptions(
            CONTAINERS,
            run_seconds=chance.uniform(10, 30) * max(1.0, sim.call_seconds) if crowded else 1e9,
            hours=LOOK_BACK,
            grace_seconds=30,
            page_resources=chance.randint(1, 3),
        )
        self._sweepers = [self._sweeper(options) for _ in range(2)]  # one on each instance
        self._actors: list[Actor] = []
        sim.begin = self._actors.append
        self._result = Result(seed, [])

    def _sweeper(self, options: SweepOptions) -> Sweeper:
        return Sweeper(
            listing=Source(self.sim),
            checkpoints=Checkpoints(self.sim),
            forward=self.forwarder.forward,
            first_hour=lambda: None,
            executor=AtOnce(),
            clock=Clock(self.sim),
            log=self.sim.log,
            stop=StopFlag(),
            options=options,
        )

    def play(self) -> Result:
        """Play it to its end, sweep up after it, and judge."""
        sim = self.sim
        for _ in range(self._random.randint(3, 9)):
            self.writer.write()
            if self._random.random() < 0.2:  # now and then somebody else announces something
                self.writer.announced.append(foreign_name(self._random, self._random.choice(self.writer.logs).blob))
            for _ in range(self._random.randint(0, 25)):
                self._step()
            if self._late and self._random.random() < 0.5:
                self._let_time_pass()
        self._come_to_rest()
        if sim.odds == GENTLE and self._every_run_ends and not self._archives and not self._late:
            self._judge("before any sweep: ")
        self.writer.rehydrate_all()
        sim.faults = False
        if self._sweep_round() and self._sweep_round():
            self._result.wrong.append("sweep after sweep finds something behind")
        self._judge("")
        self._result.wrong += sim.violations
        self._result.calls = sim.calls
        self._result.flows = sum(int(event.properties["flows"]) for event, _ in sim.sent)
        return self._result

    # Turns.

    def _step(self) -> bool:
        """Let something happen; say whether there was anything."""
        choices: list[Callable[[], None]] = []
        ready = [actor for actor in self._actors if actor.wake <= self.sim.seconds]
        choices += [lambda: self._resume(self._random.choice(ready))] * (6 if ready else 0)
        choices += [self._deliver] * (2 if self.writer.announced else 0)
        if self._actors and self._random.random() < 0.02:  # now and then, beside the runs
            choices.append(lambda: self._begin_sweep([]))
        waiting = [actor.wake for actor in self._actors if actor.wake > self.sim.seconds]
        if waiting:
            choices.append(lambda: self._advance(min(waiting)))
        if not choices:
            return False
        self._random.choice(choices)()
        return True

    def _deliver(self) -> None:
        under_way = self.writer.announced
        size = self._random.randint(1, len(under_way)) if self._by_hub else 1
        blobs = [under_way.pop(self._random.randrange(len(under_way))) for _ in range(size)]
        if self._by_hub:
            messages = [created(blob) for blob in blobs]
            self._begin(lambda: self._batch_forwarder.forward_announced_batch(messages), blobs, in_batch=True)
        else:
            self._begin(lambda: self.forwarder.forward(blobs[0], announced=True), blobs)

    def _begin(
        self, work: Callable[[], object], announced: Sequence[SourceBlob] = (), *, in_batch: bool = False
    ) -> None:
        self._result.runs += 1
        actor = Actor(work, getcurrent(), began=self.sim.seconds)
        actor.announced, actor.in_batch = announced, in_batch
        self._actors.append(actor)
        self._resume(actor)

    def _resume(self, actor: Actor) -> None:
        actor.switch()
        if not actor.finished:
            return
        self._actors.remove(actor)
        self._result.crashes += actor.died
        if actor.raised is not None and (actor.in_batch or not isinstance(actor.raised, FlowLogError)):
            self._result.wrong.append(f"{type(actor.raised).__name__}: {actor.raised}")
        failed = actor.crashed or actor.raised is not None
        # The platform delivers again what failed, but not for ever.
        if failed and actor.announced and self._random.random() < 0.8:
            self.writer.announced += actor.announced

    def _come_to_rest(self) -> None:
        while self._step():
            pass

    def _advance(self, seconds: float) -> None:
        self.sim.seconds = max(self.sim.seconds, seconds)

    def _begin_sweep(self, behind: list[int]) -> None:
        sweeper = self._random.choice(self._sweepers)
        self._begin(lambda: behind.append(sweeper.sweep().behind))

    def _let_time_pass(self) -> None:
        """Let up to more than an hour go by, with a sweep at its beginning and perhaps one at its end."""
        self._come_to_rest()
        self._begin_sweep([])
        self._come_to_rest()
        self.sim.seconds += self._random.uniform(60, 4200)
        if self._random.random() < 0.5:
            self._begin_sweep([])

    def _sweep_round(self) -> int:
        """Sweep until a round is complete that begins now; return how many blobs were behind."""
        behind: list[int] = []
        began = self.sim.now()
        for _ in range(ENOUGH_SWEEPS):
            self.sim.seconds += 100
            self._begin_sweep(behind)
            self._come_to_rest()
            if self.sim.last_sweep.time > began:
                return sum(behind)
        self._result.wrong.append("sweep after sweep, and no round is complete")
        return 0

    def _judge(self, when: str) -> None:
        sim = self.sim
        events = [(event.body, dict(event.properties)) for event, _ in sim.sent]
        known = {log.blob.path: log.truths for log in self.writer.logs}
        offsets = {blob.path: state.offsets for blob, state in sim.states.items()}
        wrong = strangers(events=events, known=known, offsets=offsets) or judge(
            events=events,
            quarantined=sim.quarantined,
            most_items=self._most_items,
            known=known,
            present={log.blob.path: log.truths[-1] for log in self.writer.logs if log.exists and not log.archived},
            may_repeat=sim.may_repeat,
            may_exceed=sim.may_exceed,
            committed={blob.path: state.range_ends for blob, state in sim.states.items()},
            offsets=offsets,
        )
        self._result.wrong += [when + each for each in wrong]
