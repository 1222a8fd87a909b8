"""The audit holds every range to its sum, and counts at the source anew where it is asked to."""

import json
from dataclasses import replace

import pytest

from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.operations.audit.report import AuditReport, Kind
from flowlog_core.operations.received_event import ReceivedEvent
from tests.support.faulty_records import group, vnet
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.memory import MemoryBlobs
from tests.unit.operations.audit.site import Read, Site, byte_range_of, changed, found, only, shortened, sliced

RECORDS = (vnet_record(20), nsg_record(["bad", "worse"]), vnet_record(20, number=1), nsg_record(["bad"], version=7))
"""Two ranges of 20 and 22 tuples, and a record after them that counts for one."""

LOG = document(list(RECORDS))


def forwarded(*records: bytes) -> tuple[Site, Read]:
    site = Site()
    site.put(*records)
    site.forwarder.forward(VNET)
    return site, site.received()


def store(site: Site, checkpoint: Checkpoint) -> None:
    lease = site.checkpoints.acquire(VNET, lambda: None)
    assert lease is not None
    lease.read()
    lease.commit(checkpoint)


def tuples_of(event: ReceivedEvent) -> int:
    assert event.properties is not None
    assert event.properties.tuples is not None
    return event.properties.tuples


def recounted(site: Site, events: Read | None = None) -> AuditReport:
    return site.audit(events, source=site.blobs)


def test_a_range_whose_flows_and_quarantine_are_not_all_that_it_holds_is_found_in_its_place() -> None:
    site, events = forwarded(*RECORDS)
    tuples = tuples_of(events[1])
    events[1] = changed(events[1], tuples=tuples + 3)

    report = site.audit(events)

    finding = only(report)
    held = f"bytes {byte_range_of(events[1])} hold {tuples + 3} tuples, as their events say"
    assert finding.text == f"{held}; flows: {tuples - 2}, and in quarantine: 2"
    assert (finding.kind, finding.byte_ranges) == (Kind.COUNT, (byte_range_of(events[1]),))
    assert [position.sequence for position in finding.positions] == [1]
    assert report.total.complete == 0


def test_the_flows_of_all_parts_count_and_the_parts_must_say_the_same() -> None:
    site, (event,) = forwarded(vnet_record(4))
    parts = [
        changed(sliced(replace(event, sequence=part), first, end), part=part, parts=3)
        for part, (first, end) in enumerate(((0, 1), (1, 3), (3, 4)))
    ]

    complete = site.audit(parts)
    short = site.audit([parts[0], shortened(parts[1], 1), parts[2]])
    differing = site.audit([parts[0], changed(parts[1], tuples=5), parts[2]])

    assert found(complete) == []
    assert "hold 4 tuples, as their events say; flows: 3, and in quarantine: 0" in str(next(iter(short.findings)))
    assert only(differing).text == f"the events of bytes {byte_range_of(event)} differ in what these hold"


def test_events_of_a_version_that_did_not_say_what_their_range_holds_are_not_held_to_it() -> None:
    site, events = forwarded(*RECORDS)
    older = [changed(event, tuples=None) for event in events]
    assert found(site.audit(older)) == []
    assert found(site.audit([older[0], events[1]])) == []
    parts = [changed(sliced(events[0], 10 * part, 10 * part + 10), part=part, parts=2) for part in range(2)]
    assert found(site.audit([parts[0], changed(parts[1], tuples=None, quarantined=0), events[1]])) == []


def test_the_sum_of_a_replay_is_checked_as_well() -> None:
    site, events = forwarded(*RECORDS)
    again = [changed(replace(event, sequence=9 + event.sequence), replay="monday") for event in events]
    again[0] = changed(again[0], tuples=99)

    (finding,) = site.audit([*events, *again]).findings

    assert (finding.kind, finding.replay) == (Kind.COUNT, "monday")


# At the source.


def test_what_was_forwarded_is_counted_anew_at_the_source_with_progress() -> None:
    site, events = forwarded(*RECORDS)
    told: list[tuple[str, int]] = []

    report = site.audit(events, source=site.blobs, tell=lambda stage, count: told.append((stage, count)))

    assert (found(report), report.total.complete) == ([], 1)
    assert report.recounted == 20 + 2 + 20 + 1
    assert [count for stage, count in told if stage == "recounted"] == [site.checkpoints.stored(VNET).offset]


def test_without_being_asked_for_it_no_source_is_read() -> None:
    site, _ = forwarded(*RECORDS)
    reads = list(site.blobs.reads)
    assert site.audit().recounted == 0
    assert site.blobs.reads == reads


def test_what_was_appended_since_is_not_counted() -> None:
    site, events = forwarded(*RECORDS)
    site.put(*RECORDS, vnet_record(5, number=3))
    assert recounted(site, events).recounted == 43


def test_tuples_that_are_in_the_source_and_in_no_range_are_found() -> None:
    site, events = forwarded(*RECORDS)
    tuples = tuples_of(events[0])
    fewer = changed(shortened(events[0], tuples - 2), tuples=tuples - 2)
    checkpoint = site.checkpoints.stored(VNET)
    store(site, replace(checkpoint, flows=checkpoint.flows - 2))

    report = recounted(site, [fewer, *events[1:]])

    assert only(report).text == "tuples of its ranges, counted anew: 42; as the events say: 40"
    assert (only(report).kind, report.total.complete) == (Kind.COUNT, 0)


def test_tuples_after_the_last_range_are_compared_with_the_checkpoint() -> None:
    site, events = forwarded(*RECORDS)
    checkpoint = site.checkpoints.stored(VNET)
    other = replace(checkpoint, pending_quarantined=0, quarantined=checkpoint.quarantined - 1)
    store(site, other)

    report = recounted(site, events)

    assert only(report).text == "tuples after its last range, counted anew: 1; as the checkpoint says: 0"


def test_what_an_older_version_counted_in_another_way_is_not_provable() -> None:
    withheld = vnet({"aclID": None, "flowGroups": [group("UserRule_x", 3)]})
    site, events = forwarded(vnet_record(20), json.dumps(withheld).encode(), vnet_record(20, number=1))
    (last,) = events[1:]
    checkpoint = site.checkpoints.stored(VNET)
    store(site, replace(checkpoint, quarantined=1))
    older = [changed(events[0], tuples=None), changed(last, quarantined=1, tuples=None)]

    report = recounted(site, older)

    assert only(report).kind is Kind.NOT_PROVABLE
    assert "counted anew: 43; as the events say: 41; version 0.1.0" in only(report).text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "it is deleted"),
        (LOG[:-20], f"it has {len(LOG) - 20} bytes, and {len(LOG) - 2} were forwarded"),
        (
            LOG.replace(b"PROVIDERS", b"providers"),
            f"its bytes before offset {len(LOG) - 2} are no longer those that were",
        ),
        (b"x" * len(LOG), f"its bytes before offset {len(LOG) - 2} are no longer those that were"),
    ],
    ids=["deleted", "shorter", "rewritten", "none"],
)
def test_a_source_that_is_not_what_was_forwarded_is_not_provable(data: bytes | None, reason: str) -> None:
    site, events = forwarded(*RECORDS)
    source = MemoryBlobs(site.clock)
    if data is not None:
        source.put(VNET, data)

    report = site.audit(events, source=source)

    assert only(report).kind is Kind.NOT_PROVABLE
    assert only(report).text.startswith(f"its tuples can't be counted anew: {reason}")
    assert (report.total.complete, report.total.not_provable, report.recounted) == (0, 1, 0)


def test_a_long_source_that_is_no_flow_log_any_more_is_not_provable() -> None:
    site, events = forwarded(*(vnet_record(20, number=number) for number in range(50)))
    source = MemoryBlobs(site.clock)
    source.put(VNET, b"x" * 100_000)
    assert only(site.audit(events, source=source)).text.endswith("are no longer those that were forwarded")


def test_a_source_in_the_archive_tier_is_not_provable() -> None:
    site, events = forwarded(*RECORDS)
    site.blobs.archive(VNET)
    assert only(recounted(site, events)).text == "its tuples can't be counted anew: it is in the archive tier"


def test_a_blob_with_a_gap_is_not_counted_anew() -> None:
    site, events = forwarded(*RECORDS)
    report = recounted(site, events[1:])
    assert [kind for kind, _ in found(report)] == [Kind.GAP]
    assert report.recounted == 0
