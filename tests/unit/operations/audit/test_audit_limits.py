"""The audit at its limits, over the in-memory adapters: what the hub let go of by age, and memory."""

import sys
import tracemalloc
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Literal

import pytest

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import EventFormat
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.ports import ListedBlob
from flowlog_core.operations.audit.audit import AuditOptions, audit
from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.audit.ledger import Ledger
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


def part(number: int, parts: int, start: int = 0, end: int = 100) -> EventProperties:
    return EventProperties(
        blob=VNET.path,
        generation=0,
        byte_range=ByteRange(start, end),
        part=number,
        parts=parts,
        flows=1,
        quarantined=0,
        first_id="a",
        last_id="a",
    )


def test_events_that_say_they_are_one_of_a_million_cost_no_more_than_others() -> None:
    def peak(parts: int) -> int:
        tracemalloc.start()
        try:
            ledger = Ledger()
            for at in range(200):
                ledger.enter(part(parts - 1, parts, at * 200, at * 200 + 100), EventPosition("0", at), after_all=True)
            assert [(gap.missing_count, gap.missing[:1]) for gap in ledger.gaps() if gap.parts] == [
                (parts - 1, (0,))
            ] * 200
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(1_000_000) < 4 * peak(100)


def test_a_range_that_lacks_many_parts_names_the_first_and_counts_the_others() -> None:
    site = Site()
    site.put_and_forward(1)
    (event,) = site.received()
    assert event.properties is not None
    of_many = replace(event, properties=replace(event.properties, part=7, parts=1_000_000))

    (finding,) = site.audit([of_many]).findings

    assert "of the 1000000 events of bytes" in finding.text
    assert "there is no 0, 1, 2, 3, 4 and 999994 more" in finding.text


def test_many_gaps_between_many_ranges_that_are_begun_are_told_in_linear_time() -> None:
    def steps(count: int) -> int:
        ledger = Ledger()
        for at in range(count):
            ledger.enter(part(0, 1, at * 30, at * 30 + 10), EventPosition("0", at), after_all=True)
            ledger.enter(part(0, 2, at * 30 + 15, at * 30 + 20), EventPosition("1", at), after_all=True)
        made = 0

        def count_calls(*_: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(count_calls)
        try:
            gaps = list(ledger.gaps())
        finally:
            sys.setprofile(None)
        assert len(gaps) == 3 * count - 1
        return made

    assert steps(400) < 2.2 * steps(200)
