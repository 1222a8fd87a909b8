"""The audit at its limits, over the in-memory adapters: what the hub let go of by age, and memory."""

import tracemalloc
from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Literal

import pytest

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import EventFormat
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.ports import ListedBlob
from flowlog_core.operations.audit.audit import AuditOptions, audit
from flowlog_core.operations.audit.report import Kind
from flowlog_core.operations.ports import RetainedFrom
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange, SourceBlob
from tests.support.flow_logs import VNET
from tests.support.memory import MemoryQuarantineStore
from tests.unit.operations.audit.site import ELEVEN, HOUR, Hub, Site, byte_range_of, found


@pytest.mark.parametrize("shape", ["ndjson", "json"])
def test_what_the_hub_let_go_of_at_the_front_is_not_provable_and_no_gap(shape: EventFormat) -> None:
    site = Site(format=shape)
    site.put_and_forward(6)
    kept = site.received()[-45:] if shape == "json" else site.received()[-2:]  # of JSON, within a record's events
    by_age = RetainedFrom("0", dropped=True, enqueued=kept[0].enqueued)

    report = site.audit(Hub(kept, by_age))

    assert {finding.kind for finding in report.findings} == {Kind.NOT_PROVABLE}
    first = next(iter(report.findings))
    assert first.byte_ranges[0].start == 0
    held = f"{kept[0].enqueued:%Y-%m-%dT%H:%M:%SZ}"
    assert f"any more: the hub holds only what it took since {held}" in first.text
    assert (report.total.gaps, report.total.not_provable, report.total.complete) == (0, 1 + (shape == "json"), 0)


def test_behind_the_first_event_that_the_hub_holds_a_gap_is_a_gap() -> None:
    site = Site()
    site.put_and_forward(6)
    kept = site.received()[2:]
    lost = kept.pop(1)
    by_age = RetainedFrom("0", dropped=True, enqueued=kept[0].enqueued)
    elsewhere = RetainedFrom("1", dropped=True, enqueued=None)

    report = site.audit(Hub(kept, by_age, elsewhere))

    kinds = {finding.kind: finding.byte_ranges for finding in report.findings}
    assert kinds == {Kind.GAP: (byte_range_of(lost),), Kind.NOT_PROVABLE: (ByteRange(0, byte_range_of(kept[0]).start),)}


def test_what_another_partition_let_go_of_does_not_excuse_a_gap() -> None:
    site = Site()
    site.put_and_forward(3)
    by_age = RetainedFrom("1", dropped=True, enqueued=None)

    assert [kind for kind, _ in found(site.audit(Hub(site.received()[1:], by_age)))] == [Kind.GAP]
    assert [kind for kind, _ in found(site.audit(Hub([], by_age)))] == [Kind.NOT_PROVABLE]


def test_what_the_hub_dropped_before_the_blobs_hour_does_not_excuse_a_gap() -> None:
    site = Site()
    site.put_and_forward(3)
    lossy = site.received()[1:]
    by_age = RetainedFrom("0", dropped=True, enqueued=ELEVEN - HOUR)
    nothing = RetainedFrom("0", dropped=False, enqueued=lossy[0].enqueued)

    assert [kind for kind, _ in found(site.audit(Hub(lossy, by_age)))] == [Kind.GAP]
    assert [kind for kind, _ in found(site.audit(Hub(lossy, nothing)))] == [Kind.GAP]


def test_in_turn_among_partitions_a_gap_is_excused_only_before_the_time_that_all_of_them_hold() -> None:
    site = Site()
    site.put_and_forward(9)
    events = site.received(3)
    kept = [event for event in events if event.partition != "1" or event.sequence > 0]  # one of them dropped its first
    by_age = RetainedFrom("1", dropped=True, enqueued=events[4].enqueued)
    lost = next(event for event in kept if event.sequence == 2)
    kept.remove(lost)

    report = site.audit(Hub(kept, by_age), keyed=False)

    kinds = {finding.kind: finding.byte_ranges for finding in report.findings}
    assert kinds == {Kind.NOT_PROVABLE: (byte_range_of(events[1]),), Kind.GAP: (byte_range_of(lost),)}


BODY = b'{"srcIp":"10.0.0.4"}\n{"srcIp":"10.0.0.5"}'


class Endless:
    """So many blobs, and for each of them so many events, none of which is in memory before it is asked for."""

    def __init__(self, blobs: int, ranges: int) -> None:
        self.blobs_there = blobs
        self.ranges = ranges
        self.bytes_at: list[int] = []

    def prefixes(self, account: str, container: str, under: str) -> Iterator[str]:
        yield from {"": ["net/"], "net/": ["net/y=2026/"]}[under]

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        for number in range(self.blobs_there):
            blob = SourceBlob(account, container, f"{under}m=00/macAddress={number:012d}/PT1H.json")
            yield ListedBlob(blob, '"1"', 100_000, ELEVEN)

    def read(self, since: datetime | Literal["earliest", "latest"], *, follow: bool) -> Generator[ReceivedEvent]:
        hour = f"net/{ELEVEN:y=%Y/m=%m/d=%d/h=%H}/"
        for at in range(self.ranges):
            self.bytes_at.append(tracemalloc.get_traced_memory()[0])
            for number, listed in enumerate(self.blobs(VNET.account, VNET.container, hour)):
                properties = EventProperties(
                    blob=listed.blob.path,
                    generation=0,
                    byte_range=ByteRange(at * 1000, at * 1000 + 1000),
                    part=0,
                    parts=1,
                    flows=2,
                    quarantined=0,
                    first_id=f"{listed.blob.key}-{at * 1000}-00000000-0",
                    last_id=f"{listed.blob.key}-{at * 1000}-00000000-1",
                    fields=("srcIp",),
                )
                sequence = 10**6 + at * self.blobs_there + number
                yield ReceivedEvent("0", sequence, ELEVEN, BODY, "application/x-ndjson", None, properties)

    def retained(self) -> dict[str, RetainedFrom]:
        return {}


def test_memory_depends_on_the_number_of_blobs_and_not_on_that_of_events() -> None:
    endless = Endless(blobs=300, ranges=20)
    site = Site()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        report = audit(
            listing=endless,
            checkpoints=site.checkpoints,
            reader=endless,
            quarantine=MemoryQuarantineStore(site.quarantine),
            options=AuditOptions(
                Selection(((VNET.account, VNET.container),), ELEVEN, ELEVEN + HOUR), None, ELEVEN, HOUR, keyed=True
            ),
            tell=lambda *_: None,
        )
    finally:
        tracemalloc.stop()

    assert (report.total.blobs, report.total.events) == (300, 6000)
    assert (endless.bytes_at[3] - before) / 300 < 1600
    assert (endless.bytes_at[-1] - endless.bytes_at[3]) / 300 < 50
