"""The use case, over the in-memory adapters."""

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlog_core.errors import SendError, StorageError
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.formatter import EncodedRecord, Encoder
from flowlog_core.forwarding.forwarder import Forwarder, ForwardOptions, RunReport
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.memory import (
    AtOnce,
    ManualClock,
    MemoryBlobs,
    MemoryCheckpoints,
    MemoryLease,
    MemoryLog,
    MemoryQuarantine,
    MemorySink,
)

SMALL_EVENTS = EventOptions(max_bytes=16_384)


@dataclass
class Setup:
    """A forwarder and all that it works on."""

    options: ForwardOptions = field(default_factory=lambda: ForwardOptions(start="all"))
    clock: ManualClock = field(default_factory=ManualClock)
    blobs: MemoryBlobs = field(init=False)
    sink: MemorySink = field(default_factory=MemorySink)
    quarantine: MemoryQuarantine = field(default_factory=MemoryQuarantine)
    log: MemoryLog = field(default_factory=MemoryLog)

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs(self.clock)
        self.checkpoints = MemoryCheckpoints(self.clock)
        self.forwarder = Forwarder(
            source=self.blobs,
            checkpoints=self.checkpoints,
            sink=self.sink,
            quarantine=self.quarantine,
            clock=self.clock,
            log=self.log,
            background=AtOnce(),
            options=self.options,
        )

    def forward(self, blob: SourceBlob = VNET) -> RunReport:
        reports = self.forwarder.forward(blob)
        assert len(reports) == 1
        return reports[0]

    def flows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for event, _ in self.sink.events for line in event.body.splitlines()]

    def ranges(self) -> list[tuple[int, int, int, int]]:
        keys = ("rangeStart", "rangeEnd", "part", "parts")
        return [tuple(event.properties[key] for key in keys) for event, _ in self.sink.events]  # type: ignore[misc]  # four ints


def assert_tiles(ranges: list[tuple[int, int, int, int]], end: int) -> None:
    """Each range begins where the one before ended, and has all of its parts, in order."""
    at, expected_part, open_range = 0, 0, None
    for start, stop, part, parts in ranges:
        if expected_part:
            assert (start, stop, parts) == open_range
        assert (start, part) == (at, expected_part)
        open_range = (start, stop, parts)
        expected_part = part + 1 if part + 1 < parts else 0
        at = at if expected_part else stop
    assert expected_part == 0
    assert at == end


def offsets(flows: list[dict[str, Any]]) -> list[int]:
    return [int(flow["id"].split("-")[1]) for flow in flows]


def test_a_new_blob_is_forwarded_completely_and_its_checkpoint_is_the_end_of_its_last_record() -> None:
    setup = Setup()
    data = document([vnet_record(3), vnet_record(2, number=1)])
    setup.blobs.put(VNET, data)

    report = setup.forward()

    assert (report.records, report.flows, report.events, report.complete) == (2, 5, 1, True)
    assert len(setup.flows()) == 5
    checkpoint = setup.checkpoints.stored(VNET)
    assert checkpoint.offset == checkpoint.range_end == len(data) - len(b"]}")
    assert (checkpoint.records, checkpoint.flows, checkpoint.events) == (2, 5, 1)
    assert_tiles(setup.ranges(), checkpoint.offset)


def test_of_an_append_only_the_fingerprint_and_the_fresh_bytes_are_read() -> None:
    setup = Setup()
    first = document([vnet_record(300)])
    setup.blobs.put(VNET, first)
    setup.forward()
    setup.blobs.reads.clear()
    appended = first[:-2] + b"," + vnet_record(3, number=1) + b"]}"
    setup.blobs.put(VNET, appended)

    report = setup.forward()

    end = len(first) - 2
    assert setup.blobs.reads == [(end - 512, len(appended) - end + 512)]
    assert report.bytes_read == len(appended) - end + 512
    assert (report.records, report.flows) == (1, 3)
    assert len(setup.flows()) == 303


def test_an_event_that_comes_twice_sends_nothing_and_commits_nothing() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.forward()
    before = setup.checkpoints.stored(VNET)

    report = setup.forward()

    assert report.flows == 0
    assert report.requests == 5  # acquire, read the checkpoint, read the source, release, look
    assert len(setup.flows()) == 3
    assert setup.checkpoints.stored(VNET) == before


def test_a_quiet_append_costs_six_requests() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.forward()
    setup.blobs.put(VNET, document([vnet_record(3), vnet_record(1, number=1)]))

    assert setup.forward().requests == 6


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    stops=st.sets(st.integers(0, 12)),
    chunk_bytes=st.integers(600, 6000),
    max_bytes=st.sampled_from([16_384, 262_144]),
)
def test_any_grouping_of_appends_into_runs_and_any_chunk_size_give_the_same_flows(
    sizes: list[int], stops: set[int], chunk_bytes: int, max_bytes: int
) -> None:
    records = [vnet_record(size * 3, number=number) for number, size in enumerate(sizes)]
    complete = Setup()
    complete.blobs.put(VNET, document(records))
    complete.forward()
    events = EventOptions(max_bytes=max_bytes)
    setup = Setup(ForwardOptions(start="all", chunk_bytes=chunk_bytes, events=events))

    for count in range(1, len(records) + 1):
        setup.blobs.put(VNET, document(records[:count]))
        if count in stops or count == len(records):
            setup.forward()

    assert setup.flows() == complete.flows()
    checkpoint = setup.checkpoints.stored(VNET)
    assert checkpoint.offset == len(document(records)) - 2
    assert_tiles(setup.ranges(), checkpoint.range_end)
    assert (checkpoint.flows, checkpoint.records) == (len(setup.flows()), len(records))


def test_a_record_of_many_flows_is_split_over_the_parts_of_one_range() -> None:
    setup = Setup(ForwardOptions(start="all", events=EventOptions(max_bytes=16_384)))
    data = document([vnet_record(100)])
    setup.blobs.put(VNET, data)

    setup.forward()

    assert {(start, end) for start, end, _, _ in setup.ranges()} == {(0, len(data) - 2)}
    assert_tiles(setup.ranges(), len(data) - 2)
    assert len(setup.flows()) == 100


def test_all_events_of_a_blob_have_its_mac_address_as_key_unless_asked_otherwise() -> None:
    for partition_by, key in (("mac", "00155D123456"), ("none", None)):
        setup = Setup(ForwardOptions(start="all", partition_by=partition_by))  # type: ignore[arg-type]  # of the loop's words
        setup.blobs.put(VNET, document([vnet_record(3)]))
        setup.forward()
        assert [sent for _, sent in setup.sink.events] == [key]


# Bad input costs itself only.


def test_bad_tuples_and_unknown_records_go_to_quarantine_and_their_neighbours_flow() -> None:
    setup = Setup()
    good = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
    mixed = nsg_record([good, "rubbish", good])
    unknown = nsg_record([good], version=3)
    setup.blobs.put(VNET, document([vnet_record(2), mixed, unknown, vnet_record(1, number=1)]))

    report = setup.forward()

    assert (report.flows, report.quarantined) == (5, 2)
    items = sorted(setup.quarantine.items.values(), key=lambda item: item.offset)
    assert [(item.raw, item.tuples) for item in items] == [
        (mixed, ((1, "1 columns where nsg version 2 has 13"),)),
        (unknown, ()),
    ]
    assert [event.properties["quarantined"] for event, _ in setup.sink.events] == [2]
    assert [fields["offset"] for fields in setup.log.of("flowlog.quarantined")] == [item.offset for item in items]
    assert "rubbish" not in str(setup.log.lines)


def test_what_was_quarantined_behind_the_last_flow_is_told_by_the_next_event() -> None:
    setup = Setup()
    unknown = nsg_record([], version=9)
    setup.blobs.put(VNET, document([vnet_record(1), unknown]))
    setup.forward()
    checkpoint = setup.checkpoints.stored(VNET)
    assert checkpoint.pending_quarantined == 1
    assert checkpoint.offset > checkpoint.range_end

    setup.blobs.put(VNET, document([vnet_record(1), unknown, vnet_record(2, number=1)]))
    setup.forward()

    assert [event.properties["quarantined"] for event, _ in setup.sink.events] == [0, 1]
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)


def test_a_record_over_four_mebibytes_is_quarantined_by_reference_and_the_rest_flows() -> None:
    setup = Setup()
    giant = vnet_record(1, rule="x" * 5_000_000)
    setup.blobs.put(VNET, document([vnet_record(2), giant, vnet_record(3, number=1)]))

    report = setup.forward()

    assert (report.flows, report.quarantined) == (5, 1)
    (item,) = setup.quarantine.items.values()
    assert (item.length, item.raw) == (len(giant), None)


def test_a_flow_too_large_for_an_event_is_quarantined_and_the_rest_flows() -> None:
    setup = Setup(ForwardOptions(start="all", events=EventOptions(max_bytes=16_384)))
    setup.blobs.put(VNET, document([vnet_record(2), vnet_record(2, number=1, rule="x" * 20_000), vnet_record(1)]))

    report = setup.forward()

    assert (report.flows, report.quarantined) == (3, 2)


def test_a_blob_that_is_no_flow_log_is_quarantined_once_for_each_version_and_read_when_it_becomes_one() -> None:
    setup = Setup()
    setup.blobs.put(VNET, b"hello")
    assert setup.forward().quarantined == 1
    assert setup.forward().quarantined == 0
    (item,) = setup.quarantine.items.values()
    assert (item.offset, item.length, item.raw) == (0, 5, None)
    assert setup.checkpoints.stored(VNET).offset == 0

    setup.blobs.put(VNET, document([vnet_record(2)]))

    assert setup.forward().flows == 2


def test_an_empty_blob_is_nothing_to_do() -> None:
    setup = Setup()
    setup.blobs.put(VNET, b"")

    report = setup.forward()

    assert (report.complete, report.quarantined, setup.sink.sends) == (True, 0, 0)


def test_a_record_that_has_no_end_yet_waits_and_the_run_says_that_it_is_not_complete() -> None:
    setup = Setup()
    data = document([vnet_record(2), vnet_record(3, number=1)])
    setup.blobs.put(VNET, data[:-200])
    assert not setup.forward().complete
    assert len(setup.flows()) == 2

    setup.blobs.put(VNET, data)

    assert setup.forward().complete
    assert len(setup.flows()) == 5


# Rewrites.


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda records: document(records[:1]),  # shorter
        lambda records: document([vnet_record(4, number=9), *records[1:], vnet_record(1, number=10)]),  # other bytes
        lambda _: b"",
    ],
)
def test_a_rewritten_blob_begins_a_new_generation_from_its_start(rewrite: Callable[[list[bytes]], bytes]) -> None:
    setup = Setup()
    records = [vnet_record(3), vnet_record(40, number=1)]
    setup.blobs.put(VNET, document(records))
    setup.forward()
    sent_before = len(setup.sink.events)
    rewritten = rewrite(records)
    setup.blobs.put(VNET, rewritten)

    report = setup.forward()

    assert report.generation == 1
    assert len(setup.log.of("flowlog.rewritten")) == 1
    again = setup.sink.events[sent_before:]
    assert all(event.properties["generation"] == 1 for event, _ in again)
    assert_tiles(setup.ranges()[sent_before:], setup.checkpoints.stored(VNET).range_end)
    assert report.flows == sum(1 for event, _ in again for _ in event.body.splitlines())


def test_a_blob_that_is_gone_is_nothing_to_do() -> None:
    setup = Setup()

    (report,) = setup.forwarder.forward(VNET)

    assert (report.flows, report.complete) == (0, False)
    assert len(setup.log.of("flowlog.gone")) == 1
    assert setup.log.of("flowlog.fault") == []


def test_an_append_while_a_long_read_lasts_is_forwarded_by_the_same_run() -> None:
    setup = Setup(ForwardOptions(start="all", chunk_bytes=2000))
    records = [vnet_record(10, number=number) for number in range(5)]
    setup.blobs.put(VNET, document(records[:4]))
    reads = 0

    def grow_before_the_second_read() -> None:
        nonlocal reads
        reads += 1
        if reads == 2:
            setup.blobs.put(VNET, document(records))

    setup.blobs.before_read = grow_before_the_second_read

    report = setup.forward()

    assert report.complete
    assert len(setup.flows()) == 50
    assert len(set(offsets(setup.flows()))) == 5
    assert_tiles(setup.ranges(), len(document(records)) - 2)


# Which blobs.


def test_other_blobs_of_the_container_are_left_alone() -> None:
    setup = Setup()
    other = SourceBlob("logs", "insights-logs-flowlogflowevent", "some/other.json")
    setup.blobs.put(other, document([vnet_record(1)]))

    assert setup.forwarder.forward(other) == []
    assert setup.blobs.reads == []


def hour(text: str) -> SourceBlob:
    return SourceBlob(VNET.account, VNET.container, VNET.name.replace("d=20/h=23", text))


def test_blobs_of_hours_before_the_first_run_are_left_alone() -> None:
    setup = Setup(ForwardOptions(start="now"))  # the clock says 2026-11-20T23:30
    for text in ("d=20/h=22", "d=20/h=23", "d=21/h=00"):
        setup.blobs.put(hour(text), document([vnet_record(1)]))
        setup.forwarder.forward(hour(text))

    assert len(setup.flows()) == 2
    setup.clock.seconds += 7200
    later = Setup(ForwardOptions(start="now"), clock=setup.clock)
    later.forwarder.source = setup.blobs
    later.forwarder.checkpoints = setup.checkpoints
    assert later.forwarder.forward(hour("d=20/h=23"))  # the destination's first run counts, not the process's


def test_a_start_in_time_leaves_earlier_hours_alone() -> None:
    setup = Setup(ForwardOptions(start=datetime(2026, 11, 20, 23, tzinfo=UTC)))
    for text in ("d=20/h=22", "d=20/h=23"):
        setup.blobs.put(hour(text), document([vnet_record(1)]))
        setup.forwarder.forward(hour(text))

    assert len(setup.flows()) == 1


# Leases, and runs that meet.


def test_a_run_that_finds_the_blob_held_goes_away_and_the_holder_looks_again() -> None:
    setup = Setup()
    records = [vnet_record(2), vnet_record(3, number=1)]
    setup.blobs.put(VNET, document(records[:1]))

    def append_meanwhile() -> None:
        if len(setup.sink.events) == 1:
            setup.blobs.put(VNET, document(records))
            assert setup.forwarder.forward(VNET) == []  # its event would be lost, were there no second look

    setup.sink.after_send = append_meanwhile

    reports = setup.forwarder.forward(VNET)

    assert [report.flows for report in reports] == [2, 3]
    assert len(setup.flows()) == 5


def test_a_run_that_lost_its_lease_commits_nothing_more() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))

    def lose_the_lease() -> None:
        setup.checkpoints.lapse(VNET)
        assert setup.checkpoints.acquire(VNET) is not None

    setup.sink.after_send = lose_the_lease

    assert setup.forwarder.forward(VNET) == []
    assert setup.checkpoints.stored(VNET).offset == 0
    assert len(setup.log.of("flowlog.conflict")) == 1


# Backpressure.


def test_a_busy_hub_is_waited_for() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(2)]))
    setup.sink.busy = lambda send: send <= 4

    report = setup.forward()

    assert report.flows == 2
    assert len(setup.flows()) == 2
    waits = [fields["waitSeconds"] for fields in setup.log.of("flowlog.throttled")]
    assert waits == [4.5, 9.0, 18.0, 22.5]
    assert setup.clock.seconds == pytest.approx(54)


def test_a_hub_that_stays_busy_ends_the_run_in_time_without_a_fault_and_the_next_goes_on() -> None:
    options = ForwardOptions(start="all", run_seconds=60, events=EventOptions(max_bytes=16_384))
    setup = Setup(options, sink=MemorySink(batch_events=3))
    records = [vnet_record(15, number=number) for number in range(200)]
    setup.blobs.put(VNET, document(records))
    setup.sink.busy = lambda send: send > 20

    report = setup.forward()

    assert not report.complete
    assert report.flows > 0
    assert setup.clock.seconds <= 120
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).range_end)

    setup.sink.busy = lambda _: False
    assert setup.forward().complete
    assert len(setup.flows()) == 3000
    assert len({flow["id"] for flow in setup.flows()}) == 3000


def test_events_acknowledged_before_a_refusal_are_not_sent_again() -> None:
    options = ForwardOptions(start="all", events=EventOptions(max_bytes=16_384))
    setup = Setup(options, sink=MemorySink(batch_events=2))
    setup.blobs.put(VNET, document([vnet_record(100)]))
    setup.sink.busy = lambda send: send % 2 == 0

    setup.forward()

    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)
    assert len(setup.flows()) == 100


def test_a_range_of_which_a_part_has_arrived_is_not_given_up_when_the_time_is_up() -> None:
    options = ForwardOptions(start="all", run_seconds=30, events=EventOptions(max_bytes=16_384))
    setup = Setup(options, sink=MemorySink(batch_events=2))
    setup.blobs.put(VNET, document([vnet_record(100)]))
    setup.sink.busy = lambda send: 2 <= send <= 4  # for longer than the run has time

    report = setup.forward()

    assert setup.clock.seconds > 30
    assert report.complete
    assert len(setup.flows()) == 100
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)


def test_flows_whose_acknowledgement_was_lost_come_again_with_the_same_ids() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.sink.lost = lambda send: send == 1

    setup.forward()

    ids = [flow["id"] for flow in setup.flows()]
    assert ids == [*ids[:3], *ids[:3]]


def test_a_destination_that_cannot_be_reached_is_a_fault_once_the_time_is_up() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.sink.lost = lambda _: True

    with pytest.raises(SendError):
        setup.forwarder.forward(VNET)

    assert setup.checkpoints.stored(VNET).offset == 0
    assert len(setup.log.of("flowlog.fault")) == 1


def test_a_run_that_is_out_of_time_commits_and_says_that_it_is_not_complete() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=10, chunk_bytes=3000, batch_bytes=1))
    records = [vnet_record(10, number=number) for number in range(8)]
    setup.blobs.put(VNET, document(records))
    setup.sink.before_send = lambda: setup.clock.sleep(6)

    reports = [setup.forward()]
    while not reports[-1].complete:
        reports.append(setup.forward())

    assert len(reports) > 1
    assert len(setup.flows()) == 80
    assert_tiles(setup.ranges(), len(document(records)) - 2)


class Held(Executor):
    """A background in which nothing happens until somebody waits for it, and which notes what is begun and ended."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.most = 0

    def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        held = self

        class Waited(Future[T]):
            def result(self, timeout: float | None = None) -> T:
                held.under_way.remove(call.__name__)
                return call(*arguments, **named)

        self.under_way.append(call.__name__)
        self.most = max(self.most, len(self.under_way))
        return Waited()


def test_while_a_chunk_is_encoded_the_next_is_read_and_a_batch_is_sent() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", chunk_bytes=3000, batch_bytes=1))
    background = setup.forwarder.background = Held()
    data = document([vnet_record(10, number=number) for number in range(8)])
    setup.blobs.put(VNET, data)

    report = setup.forward()

    assert background.most == 2
    assert background.under_way == []
    assert (report.flows, report.complete) == (80, True)
    assert report.bytes_read == len(data)
    assert_tiles(setup.ranges(), len(data) - 2)


def test_an_interruption_while_a_batch_is_waited_for_does_not_release_the_lease_under_it() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=20_000))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(100)]))
    waits: list[bool] = []

    class Interrupted(Held):
        def submit[T](self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
            future = super().submit(call, *arguments, **named)
            end = future.result

            def result(timeout: float | None = None) -> T:
                waits.append(setup.checkpoints.acquire(VNET) is None)
                if len(waits) == 1:
                    raise KeyboardInterrupt
                return end(timeout)

            future.result = result  # type: ignore[method-assign]  # as an interrupted wait is
            return future

    background = setup.forwarder.background = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        setup.forwarder.forward(VNET)

    assert waits == [True, True]
    assert background.under_way == []
    assert setup.checkpoints.stored(VNET).flows == len(setup.flows()) > 0
    assert setup.checkpoints.acquire(VNET) is not None


def test_a_small_append_is_forwarded_without_a_background() -> None:
    setup = Setup()
    background = setup.forwarder.background = Held()
    setup.blobs.put(VNET, document([vnet_record(200)]))

    assert setup.forward().flows == 200
    assert background.most == 0


def test_what_waits_to_be_sent_is_bounded() -> None:
    class Counting(Encoder):
        flows = 0

        def encode(self, *arguments: Any, **named: Any) -> EncodedRecord:
            encoded = super().encode(*arguments, **named)
            self.flows += len(encoded.lines)
            return encoded

    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", batch_bytes=20_000))
    encoder = setup.forwarder.encoder = Counting()
    setup.forwarder.background = Held()
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(100)]))
    waiting: list[int] = []
    setup.sink.before_send = lambda: waiting.append(encoder.flows - len(setup.flows()))

    assert setup.forward().flows == 1000
    assert max(waiting) <= 150  # four batches of some 25 flows, an open range, and what the last record added


def test_a_lease_is_renewed_while_a_long_run_lasts() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=1000, chunk_bytes=3000, batch_bytes=1))
    setup.blobs.put(VNET, document([vnet_record(10, number=number) for number in range(24)]))

    def slowly() -> None:
        setup.clock.sleep(25)
        assert setup.checkpoints.acquire(VNET) is None

    setup.sink.before_send = slowly

    assert setup.forward().complete
    assert setup.sink.sends * 25 > 3 * setup.checkpoints.lease_seconds


def test_a_lease_that_cannot_be_renewed_does_not_keep_a_commit_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.sink.after_send = lambda: setup.clock.sleep(55)  # of 60

    def fail(_: MemoryLease) -> None:
        raise StorageError("down")

    monkeypatch.setattr(MemoryLease, "renew", fail)

    assert setup.forward().complete
    assert setup.checkpoints.stored(VNET).complete


def test_what_cannot_be_put_in_quarantine_is_not_passed_over() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([nsg_record([], version=9), vnet_record(1)]))
    setup.quarantine.full = True
    with pytest.raises(StorageError):
        setup.forwarder.forward(VNET)
    assert setup.checkpoints.stored(VNET).offset == 0

    setup.quarantine.full = False
    assert setup.forward().quarantined == 1
    assert len(setup.flows()) == 1


def test_the_log_line_of_a_run_has_its_fields_and_no_address() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.clock.began = datetime(2026, 11, 20, 23, 1, 30, 123456, tzinfo=UTC)

    setup.forward()

    (fields,) = setup.log.of("flowlog.run")
    assert list(fields) == [
        *("blob", "from", "to", "bytes", "records", "flows", "events", "quarantined"),
        *("denied", "rules", "generation", "complete", "lagSeconds", "durationMs", "requests"),
    ]
    assert fields["lagSeconds"] == 60
    assert (fields["denied"], fields["rules"]) == (0, {"DefaultRule_AllowVnetOutBound": 3})
    assert "10.0.0.4" not in str(setup.log.lines)


def test_denied_flows_are_counted_in_each_format() -> None:
    setup = Setup()
    times = "1795000000,10.0.0.4,10.1.0.1"
    denied = nsg_record([f"{times},1024,443,T,I,D,B,,,,", f"{times},1024,53,U,O,A,B,,,,"])
    vnet = vnet_record(3).replace(b",O,B,NX", b",I,D,NX", 2)
    setup.blobs.put(VNET, document([denied, vnet]))

    report = setup.forward()

    assert report.denied == 3
    assert report.rules == {"UserRule_x": 2, "DefaultRule_AllowVnetOutBound": 3}
