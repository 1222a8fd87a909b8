"""A history: a writer, any number of runs and sweeps, and chance, from one seed."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from greenlet import getcurrent

from flowlog_core.errors import FlowLogError
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions, SweepOptions
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate
from tests.endurance.simulation.foreign import CONTENT, elsewhere, foreign_name
from tests.endurance.simulation.oracle import Truth, judge, strangers, truth_of
from tests.endurance.simulation.ports import Background, Checkpoints, Clock, QuarantineStore, Sink, Source
from tests.endurance.simulation.scheduler import Actor, Odds, Simulation
from tests.support.flow_logs import document, vnet_record
from tests.support.memory import AtOnce

ACCOUNT = "logs"
CONTAINER = "insights-logs-flowlogflowevent"
GENTLE = Odds()
LOSSY = Odds(lose_event=0.3)
ROUGH = Odds(fail=0.06, crash=0.02, stall=0.02, lose_event=0.2)
FAILING = Odds(fail=0.12, lose_event=0.1)
REFUSING = Odds(refuse=0.5, lose_event=0.1)


class _Silent:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = 0) -> None:
        self.counts[event] += 1


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


@dataclass(slots=True)
class _Log:
    """One blob as the writer knows it."""

    blob: SourceBlob
    records: list[bytes] = field(default_factory=list)
    exists: bool = False
    truths: list[Truth] = field(default_factory=list)


class History:
    """Plays one history."""

    def __init__(self, seed: int) -> None:
        sim = self.sim = Simulation(seed, GENTLE)
        self.seed = seed
        self._random = sim.random
        sim.odds = self._random.choice([GENTLE, LOSSY, ROUGH, ROUGH, FAILING, REFUSING])
        # Ranges of several batches with little time would be cut off in their middle, and that repeats a part.
        hurried = self._random.random() < 0.2  # one in five
        sim.batch_events = 100 if hurried else self._random.randint(1, 4)
        self._log = _Silent()
        ports = ForwardPorts(
            gate=Gate(frozenset({(ACCOUNT, CONTAINER)})),
            source=Source(sim),
            sink=Sink(sim),
            quarantine=QuarantineStore(sim),
            clock=Clock(sim),
            log=self._log,
            background=Background(sim),
            stop=StopFlag(),
        )
        self.forwarder = Forwarder(
            ports,
            Checkpoints(sim),
            ForwardOptions(
                EventOptions(max_bytes=16_384),
                run_seconds=60 if hurried else 1e9,
                start="all",
                chunk_bytes=self._random.choice([700, 2500, 1_000_000]),
                batch_bytes=self._random.choice([6_000, 20_000, 40_000, 1_000_000]),
            ),
        )
        self.sweeper = Sweeper(
            listing=Source(sim),
            checkpoints=Checkpoints(sim),
            forward=self.forwarder.forward,
            first_hour=lambda: None,
            executor=AtOnce(),
            clock=Clock(sim),
            log=self._log,
            options=SweepOptions(((ACCOUNT, CONTAINER),), hours=2, grace_seconds=30, run_seconds=1e9),
        )
        self._logs = [_Log(self._blob(number)) for number in range(self._random.randint(1, 2))]
        for log in self._logs:
            sim.put(elsewhere(log.blob), CONTENT)
        self._actors: list[Actor] = []
        self._announced: list[SourceBlob] = []
        sim.begin = self._actors.append
        self._number = 0
        self._result = Result(seed, [])

    def play(self) -> Result:
        """Play it to its end, sweep up behind it, and judge."""
        sim = self.sim
        for _ in range(self._random.randint(3, 9)):
            self._write()
            if self._random.random() < 0.2:  # now and then somebody else announces something
                self._announced.append(foreign_name(self._random, self._random.choice(self._logs).blob))
            for _ in range(self._random.randint(0, 25)):
                self._step()
        while self._step():
            pass
        if sim.odds == GENTLE:
            self._judge("before any sweep: ")
        sim.faults = False
        for _ in range(6):
            sim.seconds += 300
            if self._sweep_to_end() == 0:
                break
        else:
            self._result.wrong.append("sweep after sweep finds something behind")
        self._judge("")
        self._result.wrong += sim.violations
        self._result.calls = sim.calls
        self._result.flows = sum(int(event.properties["flows"]) for event, _ in sim.sent)
        return self._result

    # The writer.

    def _blob(self, number: int) -> SourceBlob:
        name = f"flowLogResourceID=/net/y=2026/m=11/d=20/h=22/m=00/macAddress=00155D00000{number}/PT1H.json"
        return SourceBlob(ACCOUNT, CONTAINER, name)

    def _write(self) -> None:
        log = self._random.choice(self._logs)
        draw = self._random.random()
        if log.exists and draw < 0.06:  # chances of the rarer things
            log.exists = False
            self.sim.delete(log.blob)
            return
        if draw < 0.12 and log.records:
            # Another content of the same length. Each record differs in its last 512 bytes: what doesn't can't be
            # told by a fingerprint of so many.
            for old, new in ((b"10.0.0.4", b"10.0.0.5"), (b"AllowVnetOutBound", b"ALLOWVnetOutBound")):
                log.records = [record.replace(old, new) for record in log.records]
        elif draw < 0.2 and log.records:
            log.records = [self._record() for _ in range(self._random.randint(1, 3))]
        elif not log.exists:
            log.records = [self._record()]
        else:
            log.records = [*log.records, *(self._record() for _ in range(self._random.randint(1, 3)))]
        log.exists = True
        log.truths.append(truth_of(log.blob.path, log.records))
        self.sim.put(log.blob, document(log.records))
        if self._random.random() >= self.sim.odds.lose_event:
            self._announced.append(log.blob)
        if self._random.random() < 0.2:  # delivery is at least once
            self._announced.append(log.blob)

    def _record(self) -> bytes:
        self._number += 1
        refusing = self.sim.odds == REFUSING  # then ranges of several batches should meet records that can't be read
        tuples = 30 if refusing else self._random.choice([0, 1, 2, 5, 30])
        # No two records end in the same 512 bytes: what does can't be told apart by a fingerprint of so many.
        record = vnet_record(tuples, number=self._number, rule=f"AllowVnetOutBound{self._number:04d}")
        if self._random.random() < (0.4 if refusing else 0.1):
            record = record.replace(b'"flowLogVersion":4', b'"flowLogVersion":5')
        return record

    # Turns.

    def _step(self) -> bool:
        """Let something happen; say whether there was anything."""
        choices: list[Callable[[], None]] = []
        ready = [actor for actor in self._actors if actor.wake <= self.sim.seconds]
        choices += [lambda: self._resume(self._random.choice(ready))] * (6 if ready else 0)
        choices += [self._deliver] * (2 if self._announced else 0)
        if self._actors and self._random.random() < 0.02:  # now and then, beside the runs
            choices.append(lambda: self._begin(self.sweeper.sweep))
        waiting = [actor.wake for actor in self._actors if actor.wake > self.sim.seconds]
        if waiting:
            choices.append(lambda: self._advance(min(waiting)))
        if not choices:
            return False
        self._random.choice(choices)()
        return True

    def _deliver(self) -> None:
        blob = self._announced.pop(self._random.randrange(len(self._announced)))
        self._begin(lambda: self.forwarder.forward(blob), blob)

    def _begin(self, work: Callable[[], object], blob: SourceBlob | None = None) -> None:
        self._result.runs += 1
        actor = Actor(work, getcurrent())
        actor.blob = blob
        self._actors.append(actor)
        self._resume(actor)

    def _resume(self, actor: Actor) -> None:
        actor.switch()
        if not actor.finished:
            return
        self._actors.remove(actor)
        self._result.crashes += actor.died
        if actor.raised is not None and not isinstance(actor.raised, FlowLogError):
            self._result.wrong.append(f"{type(actor.raised).__name__}: {actor.raised}")
        failed = actor.crashed or actor.raised is not None
        # The platform delivers again what failed, but not for ever.
        if failed and actor.blob is not None and self._random.random() < 0.8:
            self._announced.append(actor.blob)

    def _advance(self, seconds: float) -> None:
        self.sim.seconds = max(self.sim.seconds, seconds)

    def _sweep_to_end(self) -> int:
        behind: list[int] = []
        self._begin(lambda: behind.append(self.sweeper.sweep().behind))
        while self._actors:
            self._step()
        return behind[0]

    def _judge(self, when: str) -> None:
        sim = self.sim
        events = [(event.body, dict(event.properties)) for event, _ in sim.sent]
        known = {log.blob.path: log.truths for log in self._logs}
        offsets = {blob.path: state.offsets for blob, state in sim.states.items()}
        wrong = strangers(events=events, known=known, offsets=offsets) or judge(
            events=events,
            quarantined=set(sim.quarantined),
            known=known,
            present={log.blob.path: log.truths[-1] for log in self._logs if log.exists},
            may_repeat=sim.may_repeat,
            committed={blob.path: state.range_ends for blob, state in sim.states.items()},
            offsets=offsets,
        )
        self._result.wrong += [when + each for each in wrong]
