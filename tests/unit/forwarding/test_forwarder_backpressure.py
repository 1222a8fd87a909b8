"""The forwarder, where the hub is busy or can't be reached, or the time is up."""

import pytest

from flowlog_core.errors import SendError
from flowlog_core.events.packer import EventOptions
from flowlog_core.forwarding.options import ForwardOptions
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup, assert_tiles
from tests.support.memory import MemorySink


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
