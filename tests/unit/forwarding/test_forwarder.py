"""The forwarder, over the in-memory adapters: what it forwards, commits and reports of sound blobs."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.forwarding import Setup, assert_tiles


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
    assert report.requests == 3  # acquire, read the source, release
    assert len(setup.flows()) == 3
    assert setup.checkpoints.stored(VNET) == before


def test_a_quiet_append_costs_four_requests() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.forward()
    setup.blobs.put(VNET, document([vnet_record(3), vnet_record(1, number=1)]))

    assert setup.forward().requests == 4  # acquire, read the source, commit, release


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


def test_the_log_line_of_a_run_has_its_fields_and_no_address() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([vnet_record(3)]))
    setup.clock.began = datetime(2026, 11, 20, 23, 1, 30, 123456, tzinfo=UTC)

    setup.forward()

    (fields,) = setup.log.of("flowlog.run")
    assert list(fields) == [
        *("blob", "from", "to", "bytes", "records", "flows", "events", "quarantined"),
        *("denied", "rules", "generation", "complete", "outcome", "lagSeconds", "durationMs", "requests"),
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
    assert report.rules.largest(10) == {"UserRule_x": 2, "DefaultRule_AllowVnetOutBound": 3}


# Which blobs.


def hour(text: str) -> SourceBlob:
    return SourceBlob(VNET.account, VNET.container, VNET.name.replace("d=20/h=23", text))


def test_blobs_of_hours_before_the_first_run_are_left_alone() -> None:
    setup = Setup(ForwardOptions(start="now"))  # the clock says 2026-11-20T23:30
    for text in ("d=20/h=22", "d=20/h=23", "d=21/h=00"):
        setup.blobs.put(hour(text), document([vnet_record(1)]))
        setup.forwarder.forward(hour(text))

    assert len(setup.flows()) == 2
    setup.clock.seconds += 7200
    later = setup.new_forwarder().forward(hour("d=20/h=23"))
    assert later.outcome is Outcome.COMPLETE  # the destination's first run counts, not the process's


def test_a_start_in_time_leaves_earlier_hours_alone() -> None:
    setup = Setup(ForwardOptions(start=datetime(2026, 11, 20, 23, tzinfo=UTC)))
    for text in ("d=20/h=22", "d=20/h=23"):
        setup.blobs.put(hour(text), document([vnet_record(1)]))
        setup.forwarder.forward(hour(text))

    assert len(setup.flows()) == 1
