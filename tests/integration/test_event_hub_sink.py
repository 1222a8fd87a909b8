"""What the Event Hubs sink does beyond the conformance suite, against the local hub."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.errors import SendError
from flowlog_core.events.packer import Event
from local.event_hub.server import EventHub

EVENT = Event(b"{}", "application/x-ndjson", None, {"schema": "flow/1", "rangeEnd": 5, "flows": 2**40})


def connection(hub: EventHub) -> EventHubConnection:
    return EventHubConnection("localhost", "flowlogs", hub.connection_string)


@pytest.fixture
def sink(hub: EventHub) -> Iterator[EventHubSink]:
    with closing(EventHubSink(connection(hub))) as made:
        yield made


def test_numbers_go_out_as_longs(hub: EventHub, sink: EventHubSink) -> None:
    sink.send([EVENT], None, within=10)

    (event,) = hub.events()
    assert event.property_types == {"schema": "string", "rangeEnd": "long", "flows": "long"}


def test_a_busy_hub_gets_a_send_and_the_clients_own_second_try_and_no_more(hub: EventHub, sink: EventHubSink) -> None:
    hub.faults.busy = True

    with pytest.raises(SendError) as raised:
        sink.send([EVENT], None, within=10)

    assert raised.value.busy
    assert hub.counters().rejected == 2


def test_a_cut_connection_is_opened_again(hub: EventHub, sink: EventHubSink) -> None:
    sink.send([EVENT], None, within=10)
    hub.close_connections()

    with suppress(SendError):  # the client may notice only now
        sink.send([EVENT], None, within=10)
    sink.send([EVENT], None, within=10)

    assert len(hub.events()) in {2, 3}


def test_a_connection_that_was_idle_for_long_is_not_used_again(hub: EventHub) -> None:
    seconds = [1000.0]
    with closing(EventHubSink(connection(hub), monotonic=lambda: seconds[0])) as sink:
        sink.send([EVENT], None, within=10)
        hub.close_connections()
        seconds[0] += 201

        sink.send([EVENT], None, within=10)

    assert len(hub.events()) == 2


def test_events_whose_acknowledgement_is_lost_are_sent_again(hub: EventHub, sink: EventHubSink) -> None:
    hub.faults.drop_after_store(1)

    sink.send([EVENT], None, within=10)  # the client's own second try

    assert len(hub.events()) == 2


def test_a_slow_acknowledgement_is_waited_for(hub: EventHub, sink: EventHubSink) -> None:
    hub.faults.ack_delay = 1.0  # five times the client's own time limit on its socket

    sink.send([Event(b"x" * 900_000, "application/json", None, {})], None, within=10)

    assert len(hub.events()) == 1


def test_a_send_that_takes_too_long_is_an_error_before_its_time_is_up(hub: EventHub, sink: EventHubSink) -> None:
    sink.max_event_bytes()
    hub.faults.ack_delay = 60.0
    began = time.monotonic()

    with pytest.raises(SendError) as raised:
        sink.send([EVENT], None, within=16)

    assert not raised.value.busy
    assert time.monotonic() - began < 16  # the lease may lapse any moment after


def test_a_hub_that_cannot_be_reached_is_an_error_of_ours(hub: EventHub) -> None:
    hub.stop()
    sink = EventHubSink(connection(hub))

    with pytest.raises(SendError) as raised:
        sink.max_event_bytes()

    assert not raised.value.busy
    assert "SharedAccessKey" not in str(raised.value)
