"""The audit, over the in-memory adapters: what the forwarder sent is proven, and what is planted is found."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from flowlog_core.events.packer import EventFormat
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.audit.report import Kind
from flowlog_core.operations.ports import RetainedFrom
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange, SourceBlob
from tests.support.flow_logs import VNET, nsg_record, vnet_record
from tests.support.memory import MemoryCheckpoints
from tests.unit.operations.audit.site import (
    ELEVEN,
    HOUR,
    LATER,
    MINUTE,
    Hub,
    Site,
    byte_range_of,
    changed,
    found,
    only,
    shortened,
)


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("shape", ["ndjson", "records", "json"])
def test_what_the_forwarder_sent_is_proven(shape: EventFormat, compression: str, partitions: int) -> None:
    site = Site(format=shape, compression=compression)
    site.put_and_forward(3)
    site.put_and_forward(7)
    site.put_and_forward(2, blob=LATER)

    report = site.audit(site.received(partitions), keyed=partitions == 1)

    assert found(report) == []
    total = report.total
    assert (total.blobs, total.complete, total.under_way) == (2, 2, 0)
    assert (total.events, total.flows) == (len(site.sink.events), 20 * 9)
    assert list(report.rows) == [(VNET.account, VNET.container, ELEVEN)]


@pytest.mark.parametrize("lost", [0, 3, 6])
@pytest.mark.parametrize("shape", ["ndjson", "json"])
def test_an_event_that_is_not_on_the_hub_is_a_gap_with_its_place(shape: EventFormat, lost: int) -> None:
    site = Site(format=shape)
    site.put_and_forward(7)
    events = site.received()
    gone = events.pop(lost)

    report = site.audit(events)

    assert report.total.gaps == 1
    assert report.total.complete == 0
    gap = only(report)
    assert (gap.kind, gap.blob, gap.byte_ranges) == (Kind.GAP, VNET.path, (byte_range_of(gone),))
    if shape == "ndjson":
        beside = [EventPosition("0", number) for number in (lost - 1, lost + 1) if 0 <= number < 7]
        assert list(gap.positions) == beside
    else:
        assert f"of the 20 events of bytes {gap.byte_ranges[0]}, numbered from 0, there is no {lost}; " in gap.text


def test_an_event_that_comes_again_is_a_repeat_with_its_place() -> None:
    site = Site()
    site.put_and_forward(5)
    events = site.received()
    twice = [*events, replace(events[1], sequence=77), replace(events[2], sequence=78)]

    report = site.audit(twice)

    repeat = only(report)
    assert (repeat.kind, repeat.byte_ranges) == (
        Kind.REPEAT,
        (ByteRange(byte_range_of(events[1]).start, byte_range_of(events[2]).end),),
    )
    assert repeat.positions == (EventPosition("0", 77), EventPosition("0", 78))
    assert "2 events with 40 flows" in repeat.text
    assert (report.total.repeats, report.total.complete) == (2, 1)


def test_a_crash_before_the_commit_shows_as_a_repeat_in_whatever_cut() -> None:
    site = Site()
    site.put_and_forward(2)
    committed = site.checkpoints.stored(VNET)
    site.put_and_forward(5)
    lease = site.checkpoints.acquire(VNET)
    assert lease is not None
    lease.read()
    lease.commit(committed)
    lease.release()
    site.new_forwarder(ForwardOptions(start="all")).forward(VNET)  # cuts otherwise

    report = site.audit()

    end = site.checkpoints.stored(VNET).range_end
    assert len(site.sink.events) == 6
    assert (only(report).kind, only(report).byte_ranges) == (Kind.REPEAT, (ByteRange(committed.range_end, end),))
    assert report.total.complete == 1


def test_a_blob_that_nobody_forwarded_is_behind_once_it_waits_too_long() -> None:
    site = Site()
    site.put(vnet_record(2))
    site.clock.seconds += 10 * MINUTE
    in_time = site.audit()
    site.clock.seconds += 1

    report = site.audit()

    assert (found(in_time), in_time.total.under_way) == ([], 1)
    assert found(report) == [(Kind.BEHIND, VNET.path)]
    assert "never forwarded: it has no checkpoint; " in only(report).text
    assert (report.total.behind, report.total.under_way) == (1, 0)


def test_a_blob_without_its_checkpoint_is_told_with_the_events_there_are() -> None:
    site = Site()
    site.put_and_forward(2)
    site.checkpoints = MemoryCheckpoints(site.clock)
    site.clock.seconds += 11 * MINUTE

    assert "no checkpoint, though the hub has 2 events of it; " in only(site.audit()).text


def test_what_was_appended_and_not_forwarded_is_behind_and_the_rest_is_proven_all_the_same() -> None:
    site = Site()
    site.put_and_forward(2)
    events = site.received()
    site.put(*(vnet_record(20, number=number) for number in range(3)))
    fresh = len(vnet_record(20, number=2)) + 1
    site.clock.seconds += 11 * MINUTE

    assert found(site.audit(events)) == [(Kind.BEHIND, VNET.path)]
    assert only(site.audit(events)).text == f"{fresh} bytes to be forwarded since 2026-11-20T23:30:00Z"
    assert [kind for kind, _ in found(site.audit(events[:1]))] == [Kind.GAP, Kind.BEHIND]


def test_what_the_app_forwards_while_the_audit_reads_is_no_fault() -> None:
    site = Site()
    site.put_and_forward(3)

    class AppRuns(Hub):
        """The app goes on between the checkpoints' reading and the hub's."""

        def retained(self) -> dict[str, RetainedFrom]:
            site.put_and_forward(8)
            self._events = [*site.received()[:5], *site.received()[6:]]  # of which the last ones are not to be judged
            return {}

    report = site.audit(AppRuns([]))

    assert found(report) == []
    assert (report.total.blobs, report.total.complete) == (1, 1)
    assert [kind for kind, _ in found(site.audit(site.received()[:-1]))] == [Kind.GAP]


# Generations and replays.


def test_of_a_rewritten_blob_the_present_generation_must_be_complete_and_no_older_one() -> None:
    site = Site()
    site.put_and_forward(3)
    site.put_and_forward(4, first=10)
    events = site.received()

    complete = site.audit(events)
    older = site.audit([*events[:1], *events[2:], events[2]])
    present = site.audit(events[:-1])

    assert site.checkpoints.stored(VNET).generation == 1
    assert (found(complete), complete.total.events, complete.total.flows) == ([], 7, 140)
    assert [(each.kind, each.generation, each.byte_ranges) for each in older.findings] == [
        (Kind.REPEAT, 0, (byte_range_of(events[2]),))
    ]
    assert [(each.kind, each.generation) for each in present.findings] == [(Kind.GAP, 1)]
    assert str(only(present)).startswith(f"gap: {VNET.path}, generation 1: no event accounts for bytes [")


def test_a_replay_is_a_tiling_of_its_own() -> None:
    site = Site()
    site.put_and_forward(4)
    events = site.received()
    again = [changed(replace(event, sequence=100 + event.sequence), replay="monday") for event in events]

    complete = site.audit([*events, *again])
    lost = site.audit([*events, *again[:1], *again[2:], again[3]])

    assert found(complete) == []
    assert (complete.replayed, complete.total.events, complete.total.flows) == (4, 4, 80)
    assert [(each.kind, each.replay, each.byte_ranges) for each in lost.findings] == [
        (Kind.GAP, "monday", (byte_range_of(again[1]),)),
        (Kind.REPEAT, "monday", (byte_range_of(again[3]),)),
    ]
    assert (lost.total.complete, lost.total.gaps, lost.total.repeats) == (1, 1, 1)
    assert ", replay monday: " in str(next(iter(lost.findings)))


# Counts and quarantine.


def test_what_is_in_quarantine_is_accounted_for_by_events_checkpoint_and_items() -> None:
    site = Site()
    site.put(vnet_record(20), nsg_record(["bad", "worse"]), vnet_record(20, number=1), nsg_record(["bad"], version=7))
    site.forwarder.forward(VNET)
    checkpoint = site.checkpoints.stored(VNET)

    report = site.audit()

    assert (checkpoint.quarantined, checkpoint.pending_quarantined) == (3, 1)
    assert (found(report), report.total.complete) == ([], 1)


def test_items_that_were_taken_out_of_quarantine_are_not_provable() -> None:
    site = Site()
    site.put(vnet_record(2), nsg_record(["bad", "worse"]), nsg_record(["bad"]))
    site.forwarder.forward(VNET)
    items = site.quarantine.items
    site.quarantine.documents.pop(max(items, key=lambda name: items[name].count))

    report = site.audit()

    assert found(report) == [(Kind.NOT_PROVABLE, VNET.path)]
    assert "records and tuples put in quarantine: 3, and still there: 1; " in only(report).text
    assert report.total.complete == 0


def test_an_item_with_the_content_of_another_accounts_for_nothing() -> None:
    site = Site()
    site.put(vnet_record(2), nsg_record(["bad", "worse"]), nsg_record(["bad", "worse", "worst"]))
    site.forwarder.forward(VNET)
    documents = site.quarantine.documents
    first, second = documents
    documents[first] = documents[second]

    report = site.audit()

    assert found(report) == [(Kind.NOT_PROVABLE, VNET.path)]
    assert "records and tuples put in quarantine: 5, and still there: 3; " in only(report).text


def test_what_was_recovered_from_quarantine_is_told_and_proves_nothing_of_other_items() -> None:
    site = Site()
    site.put(vnet_record(2), nsg_record(["bad", "worse"]))
    site.forwarder.forward(VNET)
    site.quarantine.documents.clear()
    (event,) = site.received()
    recovery = changed(event, replay="quarantine")
    twice = [recovery, shortened(recovery, 1)]

    report = site.audit([event, *twice])

    assert found(report) == [(Kind.NOT_PROVABLE, VNET.path)]
    assert only(report).text.endswith("; flows recovered from quarantine since: 3")


def test_a_blob_that_was_no_flow_log_at_first_is_proven_once_it_is_one() -> None:
    site = Site()
    for nonsense in (b'{"rows":[]}', b'{"rows":[ ]}'):
        site.blobs.put(VNET, nonsense)
        site.forwarder.forward(VNET)
    no_log = site.audit()
    site.put_and_forward(2)

    assert (found(no_log), no_log.total.complete) == ([], 1)
    assert found(site.audit()) == []
    assert site.checkpoints.stored(VNET).quarantined == 2


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        (partial(shortened, flows=19), "flows in the events: 59; as the checkpoint counts: 60"),
        (
            partial(changed, quarantined=1),
            "records and tuples in quarantine, as the events tell: 3; as the checkpoint counts: 2",
        ),
    ],
)
def test_events_and_checkpoint_must_count_alike(other: Callable[[ReceivedEvent], ReceivedEvent], wrong: str) -> None:
    site = Site()
    site.put(vnet_record(20), vnet_record(20, number=1), nsg_record(["bad", "worse"]), vnet_record(20, number=2))
    site.forwarder.forward(VNET)
    events = site.received()
    events[0] = changed(other(events[0]), tuples=None)

    report = site.audit(events)

    assert (only(report).kind, only(report).text) == (Kind.COUNT, wrong)
    assert report.total.complete == 0


# What else is on the hub and in the containers.


def test_other_events_are_passed_over_and_counted() -> None:
    site = Site()
    site.put_and_forward(2)
    site.put_and_forward(3, blob=LATER)
    site.blobs.delete(LATER)
    foreign = replace(site.received()[0], properties=None)

    report = site.audit([*site.received(), foreign])

    assert found(report) == []
    assert (report.outside, report.foreign, report.total.events) == (3, 1, 2)


def test_old_blobs_that_were_never_forwarded_are_left_alone_but_their_replays_are_judged() -> None:
    site = Site()
    site.put_and_forward(2)
    events = [changed(event, replay="x") for event in site.received()]
    site.checkpoints = MemoryCheckpoints(site.clock)
    site.clock.seconds += 60 * MINUTE

    report = site.audit(events, first_hour=ELEVEN + HOUR)
    torn = site.audit(events[1:], first_hour=ELEVEN + HOUR)

    assert (found(report), report.total.left_alone, report.total.blobs) == ([], 1, 0)
    assert [(each.kind, each.replay) for each in torn.findings] == [(Kind.GAP, "x")]


def test_of_each_kind_the_first_findings_are_kept_and_all_are_counted() -> None:
    site = Site()
    names = [VNET.name.replace("00155D1", f"{each:07d}") for each in range(103)]
    blobs = [SourceBlob(VNET.account, VNET.container, name) for name in names]
    for blob in blobs:
        site.put_and_forward(1, blob=blob)
    site.put(vnet_record(1), blob=blobs[0])
    site.clock.seconds += 11 * MINUTE
    properties: list[tuple[str, int]] = []

    report = site.audit([], tell=lambda stage, count: properties.append((stage, count)))

    assert report.findings.counts == {Kind.GAP: 103, Kind.BEHIND: 1}
    assert len(list(report.findings)) == 101
    assert report.findings.more() == {Kind.GAP: 3}
    assert properties == [
        *(("listed", count) for count in range(104)),
        ("received", 0),
        *(("judged", count + 1) for count in range(103)),
    ]
