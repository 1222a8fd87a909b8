"""Bad input costs itself only: it goes to quarantine, and its neighbours flow."""

import pytest

from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import StorageError
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.options import ForwardOptions
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.forwarding import Setup, assert_tiles


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
        (mixed, (RejectedTuple(1, "1 columns where nsg version 2 has 13"),)),
        (unknown, ()),
    ]
    assert [event.properties["quarantined"] for event, _ in setup.sink.events] == [2]
    (logged,) = setup.log.of("flowlog.quarantined")
    assert (logged["offset"], logged["items"], logged["count"]) == (items[0].offset, 2, 2)
    assert logged["reasons"] == {item.reason: 1 for item in items}
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


def test_a_record_whose_time_is_none_flows_and_the_lag_is_that_of_the_last_one_with_a_time() -> None:
    setup = Setup()
    odd = vnet_record(2, number=9).replace(b"2026-11-20T23:09:30.1234567Z", b"11/20/2026 11:09:30 PM")
    setup.blobs.put(VNET, document([vnet_record(1, number=5), odd]))

    report = setup.forward()

    assert report.lag_seconds == 1469.877  # the clock stands at 23:30
    assert [flow["recordTime"] for flow in setup.flows()[1:]] == ["11/20/2026 11:09:30 PM"] * 2
