"""A forwarder over the in-memory adapters, and the audit of what it did."""

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.operations.audit.audit import AuditOptions, audit
from flowlog_core.operations.audit.report import AuditReport, Finding, Kind
from flowlog_core.operations.ports import RetainedFrom
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange, SourceBlob
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup
from tests.support.memory import MemoryQuarantineStore

HOUR = timedelta(hours=1)
MINUTE = 60.0
ELEVEN = datetime(2026, 11, 20, 23, tzinfo=UTC)
LATER = SourceBlob(VNET.account, VNET.container, VNET.name.replace("00155D123456", "00155D999999"))

type Read = list[ReceivedEvent]


class Hub:
    """Reads a list of events, as it was dealt out to partitions."""

    def __init__(self, events: Read, *retained: RetainedFrom) -> None:
        self.since: datetime | str = "not read"
        self._events = events
        self._retained = {each.partition: each for each in retained}

    def read(self, since: datetime | Literal["earliest", "latest"], *, follow: bool) -> Generator[ReceivedEvent]:
        assert not follow
        self.since = since
        yield from self._events

    def retained(self) -> dict[str, RetainedFrom]:
        return self._retained


class Site(Setup):
    """A forwarder of small events, and the audit of what it did; the clock begins at 2026-11-20T23:30."""

    def __init__(self, **options: Any) -> None:
        events = EventOptions(max_bytes=16_384, **options)
        super().__init__(options=ForwardOptions(start="all", events=events))

    def put(self, *records: bytes, blob: SourceBlob = VNET) -> None:
        self.blobs.put(blob, document(list(records)))

    def put_and_forward(self, records: int, *, blob: SourceBlob = VNET, first: int = 0) -> None:
        """Write a blob with so many records, of which each fills about an event, and forward it."""
        self.put(*(vnet_record(20, number=first + number) for number in range(records)), blob=blob)
        self.forwarder.forward(blob)

    def received(self, partitions: int = 1) -> Read:
        """Give what the hub holds, dealt out to partitions in turn, taken one each second from 23:30 on."""
        return [
            ReceivedEvent(
                partition=str(number % partitions),
                sequence=number // partitions,
                enqueued=self.clock.began + timedelta(seconds=number),
                body=event.body,
                content_type=event.content_type,
                content_encoding=event.content_encoding,
                properties=EventProperties.read(event.properties),
            )
            for number, (event, _) in enumerate(self.sink.events)
        ]

    def audit(self, hub: "Read | Hub | None" = None, *, keyed: bool = True, **more: Any) -> AuditReport:
        events = self.received() if hub is None else hub
        reader = events if isinstance(events, Hub) else Hub(events)
        report = audit(
            listing=more.get("listing", self.blobs),
            checkpoints=self.checkpoints,
            reader=reader,
            quarantine=MemoryQuarantineStore(self.quarantine),
            options=AuditOptions(
                selection=Selection(((VNET.account, VNET.container),), ELEVEN, ELEVEN + HOUR),
                first_hour=more.get("first_hour"),
                now=self.clock.now(),
                max_lag=timedelta(minutes=10),
                keyed=keyed,
            ),
            tell=more.get("tell", lambda *_: None),
            source=more.get("source"),
        )
        assert reader.since == ELEVEN
        return report


def found(report: AuditReport) -> list[tuple[Kind, str]]:
    assert report.proven == (not list(report.findings))
    return [(finding.kind, finding.blob) for finding in report.findings]


def only(report: AuditReport) -> Finding:
    (finding,) = report.findings
    return finding


def byte_range_of(event: ReceivedEvent) -> ByteRange:
    assert event.properties is not None
    return event.properties.byte_range


def shortened(event: ReceivedEvent, flows: int) -> ReceivedEvent:
    """Return an event with the first flows alone, as it says of itself."""
    return sliced(event, 0, flows)


def sliced(event: ReceivedEvent, first: int, end: int) -> ReceivedEvent:
    """Return an event with some of its flows alone, as it says of itself."""
    lines = event.body.split(b"\n")[first:end]
    first_id, last_id = (json.loads(line)["id"] for line in (lines[0], lines[-1]))
    return replace(
        changed(event, flows=len(lines), first_id=first_id, last_id=last_id),
        body=b"\n".join(lines),
    )


def changed(event: ReceivedEvent, **properties: Any) -> ReceivedEvent:
    """Return an event that says something else of itself."""
    assert event.properties is not None
    return replace(event, properties=replace(event.properties, **properties))
