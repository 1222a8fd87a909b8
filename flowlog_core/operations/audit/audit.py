"""Prove from the events that flow logs were forwarded completely.

Listing and checkpoints are read first, then the hub to its end, then quarantine. So whatever a checkpoint says was
acknowledged must be on the hub, and what the app goes on forwarding meanwhile only comes on top. For each blob the
ranges of its events must cover all bytes up to where the checkpoint's ranges end, without a gap; what lies after that,
up to the checkpoint's offset, gave no flow; and the flows, and what is in quarantine, must be as many as it counts.

An event counts only if its body holds the flows that its properties announce, so what came damaged or by mistake proves
nothing. Whoever may send to the hub is trusted: an event that is made well can't be told from the forwarder's.

Memory: a blob of the selection takes about 1.4 kB, its name of 300 characters included (measured with 100,000 blobs),
and about 0.3 kB more for each gap or incomplete range that is open meanwhile. Events are not kept, and of each kind of
finding `audit_report.MOST_FINDINGS` are.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from flowlog_core.events.event_properties import QUARANTINE_REPLAY, EventProperties
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.ports import BlobListing, BlobSource, CheckpointStore
from flowlog_core.operations.audit.bodies import body_fault
from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.audit.kept_items import KeptItems
from flowlog_core.operations.audit.ledger import Gap, Ledger
from flowlog_core.operations.audit.recount import Committed, recount
from flowlog_core.operations.audit.report import AuditReport, AuditRow, Finding, Kind
from flowlog_core.operations.audit.retention import NEVER, Retention
from flowlog_core.operations.blob_progress import BlobProgress, list_progress
from flowlog_core.operations.ports import EventReader, QuarantineStore
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import SourceBlob

_MOST_LISTED: Final = 5

type Stage = Literal["listed", "received", "judged", "recounted"]
"""What is counted meanwhile: blobs, events, blobs again, and bytes of them."""


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What is audited.

    Attributes:
        selection: Which blobs; the hub is read from the first of their hours on.
        first_hour: Blobs of hours before this are left alone, unless something was forwarded of them.
        now: The time.
        max_lag: A blob may wait so long to be forwarded.
        keyed: Whether all events of a blob are in one partition, as ``FLOWLOG_PARTITION_BY`` says.

    """

    selection: Selection
    first_hour: datetime | None
    now: datetime
    max_lag: timedelta
    keyed: bool


def audit(
    *,
    listing: BlobListing,
    checkpoints: CheckpointStore,
    reader: EventReader,
    quarantine: QuarantineStore,
    options: AuditOptions,
    tell: Callable[[Stage, int], None],
    source: BlobSource | None = None,
) -> AuditReport:
    """Audit a selection of blobs. Nothing is written.

    Args:
        listing: Lists the blobs.
        checkpoints: Of the destination in question.
        reader: Reads the destination.
        quarantine: Where what could not be decoded is.
        options: What is audited.
        tell: Is told now and then how many blobs were listed, events received, and blobs judged.
        source: Reads the blobs, whose tuples are counted anew then.

    Raises:
        StorageError: Blobs, checkpoints or quarantine can't be read.
        ReceiveError: The hub can't be read.

    """
    made = _Audit(options, source, lambda count: tell("recounted", count))
    tell("listed", 0)
    found = list_progress(listing, checkpoints, options.selection, options.first_hour)
    for number, progress in enumerate(found, start=1):
        made.watch(progress)
        tell("listed", number)
    tell("received", 0)
    made.retention = Retention.of(reader.retained().values(), keyed=options.keyed)
    with closing(reader.read(options.selection.since, follow=False)) as events:
        for number, event in enumerate(events, start=1):
            made.receive(event)
            tell("received", number)
    for number, watched in enumerate(made.blobs.values(), start=1):
        made.judge(watched, quarantine)
        tell("judged", number)
    return made.report


@dataclass(slots=True)
class _Watched:
    """What is kept of a blob: what its checkpoint says, and the ledgers of its events.

    Ledgers of other generations than the checkpoint's, and of replays, are rare, and kept apart.
    """

    path: str
    row: AuditRow
    complete: bool
    left_alone: bool
    pending_bytes: int
    modified: datetime
    known: bool  # whether there is a checkpoint
    generation: int
    committed: Committed
    flows: int
    quarantined: int
    pending: int
    ledger: Ledger
    others: dict[tuple[int, str | None], Ledger] | None = None
    recovered: int = 0  # flows of recoveries from quarantine
    balanced: bool = True  # whether every range of its events adds up

    @classmethod
    def of(cls, progress: BlobProgress, row: AuditRow) -> "_Watched":
        checkpoint = progress.checkpoint or Checkpoint()
        return cls(
            path=progress.listed.blob.path,
            row=row,
            complete=progress.complete,
            left_alone=progress.left_alone,
            pending_bytes=progress.pending_bytes,
            modified=progress.listed.modified,
            known=progress.checkpoint is not None,
            generation=checkpoint.generation,
            committed=Committed(checkpoint.range_end, checkpoint.offset, checkpoint.fingerprint),
            flows=checkpoint.flows,
            quarantined=checkpoint.quarantined,
            pending=checkpoint.pending_quarantined,
            ledger=Ledger(checkpoint.range_end),
        )

    @property
    def blob(self) -> SourceBlob:
        """The blob; kept as its path alone."""
        return SourceBlob.from_path(self.path)

    def ledger_of(self, properties: EventProperties) -> Ledger:
        """Give the ledger that an event belongs into."""
        if properties.generation == self.generation and properties.replay is None:
            return self.ledger
        self.others = self.others or {}
        return self.others.setdefault((properties.generation, properties.replay), Ledger())

    def ledgers(self) -> Iterator[tuple[int, str | None, Ledger]]:
        """Give all ledgers, with generation and replay."""
        yield self.generation, None, self.ledger
        for (generation, replay), ledger in (self.others or {}).items():
            yield generation, replay, ledger


class _Audit:
    """One audit under way."""

    def __init__(self, options: AuditOptions, source: BlobSource | None, advance: Callable[[int], None]) -> None:
        self.report = AuditReport()
        self.retention = Retention()
        self.blobs: dict[str, _Watched] = {}
        self._options = options
        self._source = source
        self._advance = advance

    def watch(self, progress: BlobProgress) -> None:
        """Take up a blob."""
        row = self.report.rows.setdefault(progress.hour_key, AuditRow())
        watched = _Watched.of(progress, row)
        self.blobs[watched.path] = watched

    def receive(self, event: ReceivedEvent) -> None:
        """Enter an event of the hub."""
        properties = event.properties
        if properties is None:
            self.report.foreign += 1
            return
        watched = self.blobs.get(properties.blob)
        if watched is None:
            self.report.outside += 1
            return
        fault = body_fault(event, properties, watched.blob.key)
        if fault is not None:
            position = EventPosition(event.partition, event.sequence)
            self.report.findings.add(
                Finding(
                    Kind.BODY,
                    watched.path,
                    f"{fault}; it proves nothing",
                    properties.generation,
                    properties.replay,
                    (properties.byte_range,),
                    (position,),
                )
            )
            return
        self.report.replayed += properties.replay is not None
        if properties.replay == QUARANTINE_REPLAY:  # of single records: they neither tile nor repeat
            watched.recovered += properties.flows
            return
        after_all = self.retention.holds_all_after(event.enqueued)
        imbalance = watched.ledger_of(properties).enter(
            properties, EventPosition(event.partition, event.sequence), after_all=after_all
        )
        if imbalance is not None:
            watched.balanced = False
            places = (imbalance.byte_range,), (imbalance.position,)
            self.report.findings.add(
                Finding(Kind.COUNT, watched.path, str(imbalance), properties.generation, properties.replay, *places)
            )

    def judge(self, watched: _Watched, quarantine: QuarantineStore) -> None:
        """Judge a blob, once all events are entered."""
        row = watched.row
        if watched.left_alone:
            row.left_alone += 1
        else:
            row.blobs += 1
            sound = self._judge_ranges(watched)
            if sound and not watched.ledger.repeats().events:
                sound = self._judge_counts(watched, quarantine) and self._judge_source(watched)
            row.complete += sound and watched.balanced and watched.complete
            self._judge_progress(watched)
        for generation, replay, ledger in watched.ledgers():
            if replay is None:
                row.events += ledger.events
                row.flows += ledger.announced
            else:
                for gap in ledger.gaps():
                    self._find_gap(watched, generation, replay, ledger, gap)
            self._judge_repeats(watched, generation, replay, ledger)

    def _judge_progress(self, watched: _Watched) -> None:
        if watched.complete:
            return
        if self._options.now - watched.modified <= self._options.max_lag:
            watched.row.under_way += 1
            return
        watched.row.behind += 1
        text = f"{_some(watched.pending_bytes, 'byte')} to be forwarded since {_written(watched.modified)}"
        if not watched.known:
            events = watched.ledger.events
            though = f", though the hub has {_some(events, 'event')} of it" if events else ""
            text = f"never forwarded: it has no checkpoint{though}; {text}"
        self._find(watched, Kind.BEHIND, text)

    def _judge_ranges(self, watched: _Watched) -> bool:
        """Say whether all that the checkpoint says was sent is on the hub."""
        gaps = 0
        for gap in watched.ledger.gaps(watched.committed.range_end):
            gaps += 1
            self._find_gap(watched, watched.generation, None, watched.ledger, gap)
        return gaps == 0

    def _find_gap(self, watched: _Watched, generation: int, replay: str | None, ledger: Ledger, gap: Gap) -> None:
        since = self.retention.gone_before(ledger, gap, watched.blob.hour)
        kind = Kind.GAP if since is None else Kind.NOT_PROVABLE
        watched.row.gaps += since is None
        watched.row.not_provable += since is not None
        if gap.parts:
            parts = f"of the {gap.parts} events of bytes {gap.byte_range}, numbered from 0"
            text = f"{parts}, there is no {_listed(gap.missing, gap.missing_count)}"
        else:
            text = f"no event accounts for bytes {gap.byte_range}"
        if since is not None:
            holds = "nothing that old" if since == NEVER else f"only what it took since {_written(since)}"
            text += f" any more: the hub holds {holds}"
        if gap.before is not None:
            text += f"; the one before: {gap.before}"
        if gap.after is not None:
            text += f"; the next one: {gap.after}"
        positions = tuple(position for position in (gap.before, gap.after) if position is not None)
        self.report.findings.add(Finding(kind, watched.path, text, generation, replay, (gap.byte_range,), positions))

    def _judge_repeats(self, watched: _Watched, generation: int, replay: str | None, ledger: Ledger) -> None:
        repeats = ledger.repeats()
        if not repeats.events:
            return
        watched.row.repeats += repeats.events
        byte_ranges, positions = tuple(repeats.byte_ranges), tuple(repeats.byte_ranges.marks)
        again = f"{_some(repeats.events, 'event')} with {_some(repeats.flows, 'flow')}"
        last = f"; the last: {positions[-1]}" if positions[-1] != positions[0] else ""
        text = f"{again} told bytes {_listed(byte_ranges)} again; the first: {positions[0]}{last}"
        self.report.findings.add(Finding(Kind.REPEAT, watched.path, text, generation, replay, byte_ranges, positions))

    def _judge_counts(self, watched: _Watched, quarantine: QuarantineStore) -> bool:
        """Say whether events, checkpoint and quarantine count alike; only where each byte was told once."""
        ledger, sent = watched.ledger, watched.quarantined - watched.pending
        if ledger.flows != watched.flows:
            text = f"flows in the events: {ledger.flows}; as the checkpoint counts: {watched.flows}"
            self._find(watched, Kind.COUNT, text)
            return False
        if ledger.quarantined == watched.quarantined == 0:
            return True
        kept = KeptItems.of(watched.blob, watched.quarantined, quarantine)
        if kept.not_a_flow_log:  # noted once for each version of it, which no event tells, all under one name
            return True
        if kept.count < watched.quarantined:
            watched.row.not_provable += 1
            text = (
                f"records and tuples put in quarantine: {watched.quarantined}, and still there: {kept.count}; the "
                "others were taken out, or deleted by age"
            )
            if watched.recovered:  # a record is one in the counts and many flows, so these can't be set off
                text += f"; flows recovered from quarantine since: {watched.recovered}"
            self._find(watched, Kind.NOT_PROVABLE, text)
            return False
        if ledger.quarantined != sent:
            text = (
                f"records and tuples in quarantine, as the events tell: {ledger.quarantined}; as the checkpoint "
                f"counts: {sent}"
            )
            self._find(watched, Kind.COUNT, text)
            return False
        return True

    def _judge_source(self, watched: _Watched) -> bool:
        """Say whether the blob holds as many tuples as the events say, where that is to be counted anew."""
        if self._source is None:
            return True
        found = recount(self._source, watched.blob, watched.committed, self._advance)
        if isinstance(found, str):
            watched.row.not_provable += 1
            self._find(watched, Kind.NOT_PROVABLE, f"its tuples can't be counted anew: {found}")
            return False
        self.report.recounted += found.tuples + found.pending
        text = found.difference(watched.ledger.tuples, watched.pending)
        if text is None:
            return True
        older = watched.ledger.older or not watched.ledger.events
        if older:
            text += "; version 0.1.0, which may have counted them, took a record that it could not read for one"
        watched.row.not_provable += older
        self._find(watched, Kind.NOT_PROVABLE if older else Kind.COUNT, text)
        return False

    def _find(self, watched: _Watched, kind: Kind, text: str) -> None:
        self.report.findings.add(Finding(kind, watched.path, text, watched.generation))


def _some(count: int, what: str) -> str:
    """Write a number of things for a message."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _written(time: datetime) -> str:
    """Write a time for a message."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _listed(values: Sequence[object], count: int | None = None) -> str:
    """Write some values for a message, the first ones of so many."""
    count = len(values) if count is None else count
    more = f" and {count - _MOST_LISTED} more" if count > _MOST_LISTED else ""
    return ", ".join(map(str, values[:_MOST_LISTED])) + more
