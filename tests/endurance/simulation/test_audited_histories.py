"""The audit, over the simulation's histories: it finds what there is, in its place, and nothing else."""

import random
from datetime import timedelta

from greenlet import getcurrent

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.forwarding.listing import Selection
from flowlog_core.operations.audit.audit import AuditOptions, audit
from flowlog_core.operations.audit.report import AuditReport, Kind
from flowlog_core.operations.received_event import ReceivedEvent
from tests.endurance.simulation.history import History
from tests.endurance.simulation.ports import Checkpoints, Source
from tests.endurance.simulation.scheduler import Actor
from tests.endurance.simulation.writer import CONTAINERS, HOUR
from tests.support.memory import MemoryQuarantine, MemoryQuarantineStore
from tests.unit.operations.audit.site import Hub, Read

HISTORIES = 200
PARTITIONS = 3


class Ended:
    """A history at its end: what is in storage, and on the hub."""

    def __init__(self, seed: int) -> None:
        history = History(seed)
        assert history.play().wrong == []
        self.sim = history.sim
        self.archived = {log.blob.path for log in history.writer.logs if log.archived}  # too late to be swept
        self.events = [
            ReceivedEvent(
                partition=str(number % PARTITIONS),
                sequence=number,
                enqueued=HOUR,
                body=event.body,
                content_type=event.content_type,
                content_encoding=event.content_encoding,
                properties=EventProperties.read(event.properties),
            )
            for number, (event, _) in enumerate(self.sim.sent)
        ]
        quarantine = MemoryQuarantine()
        quarantine.documents = self.sim.quarantined
        quarantine.etags = self.sim.overflow_etags
        self._quarantine = MemoryQuarantineStore(quarantine)

    def audit(self, events: Read) -> AuditReport:
        """Audit what is in storage with these events."""
        reports: list[AuditReport] = []
        actor = Actor(lambda: reports.append(self._audit(events)), getcurrent())
        while not actor.finished:
            actor.switch()
        (report,) = reports
        return report

    def _audit(self, events: Read) -> AuditReport:
        return audit(
            listing=Source(self.sim),
            checkpoints=Checkpoints(self.sim),
            reader=Hub(events),
            quarantine=self._quarantine,
            options=AuditOptions(
                selection=Selection(CONTAINERS, HOUR, HOUR + timedelta(hours=1)),
                first_hour=None,
                now=self.sim.now(),
                max_lag=timedelta(0),
                keyed=False,
            ),
            tell=lambda *_: None,
            source=Source(self.sim),
        )

    def needed(self) -> list[ReceivedEvent]:
        """Give the events that alone account for what the checkpoints say was sent."""
        reached = {blob.path: state.checkpoint for blob, state in self.sim.states.items() if blob in self.sim.blobs}
        reached = {path: reached[path] for path in reached if path not in self.sim.may_repeat}
        return [
            event
            for event in self.events
            if event.properties is not None
            and (checkpoint := reached.get(event.properties.blob)) is not None
            and event.properties.generation == checkpoint.generation
            and event.properties.byte_range.end <= checkpoint.range_end
        ]


def test_of_any_history_only_repeats_are_found_and_those_only_where_there_may_be_some() -> None:
    repeats = blobs = tuples = 0
    for seed in range(HISTORIES):
        ended = Ended(seed)
        for events in (ended.events, sorted(ended.events, key=lambda event: event.partition)):
            report = ended.audit(events)
            found = [each for each in report.findings if each.blob not in ended.archived]
            assert [str(each) for each in found if each.kind is not Kind.REPEAT] == []
            assert {each.blob for each in found} <= ended.sim.may_repeat
            repeats += len(found)
            blobs += report.total.complete
            tuples += report.recounted

    assert repeats > HISTORIES / 10  # it is worth something only if much happens
    assert blobs > 2 * HISTORIES
    assert tuples > 20 * HISTORIES


def test_of_any_history_an_event_that_is_lost_is_found_in_its_place() -> None:
    lost = 0
    for seed in range(HISTORIES):
        ended = Ended(seed)
        needed = ended.needed()
        if not needed:
            continue
        gone = random.Random(seed).choice(needed)

        report = ended.audit([event for event in ended.events if event != gone])

        gaps = [(each.blob, each.byte_ranges) for each in report.findings if each.kind is Kind.GAP]
        assert gone.properties is not None
        assert gaps == [(gone.properties.blob, (gone.properties.byte_range,))]
        lost += 1

    assert lost > HISTORIES / 2
