"""What every event sink does."""

import pytest

from flowlog_core.errors import SendError
from flowlog_core.events.packer import Event
from tests.conformance.world import World

PROPERTIES: dict[str, str | int] = {
    "schema": "flow/1",
    "blob": "a/c/ü.json",
    "rangeStart": 0,
    "rangeEnd": 2**40,
    "part": 0,
}


def event(body: bytes = b"{}", encoding: str | None = None) -> Event:
    return Event(body, "application/x-ndjson", encoding, PROPERTIES)


def test_events_arrive_in_order_with_their_properties_and_key(world: World) -> None:
    events = [event(b"%d" % number) for number in range(20)]

    assert world.sink.send(events, "00155D123456", within=10) == 20

    sent = world.sent()
    assert [body for body, *_ in sent] == [sent_event.body for sent_event in events]
    assert {(kind, encoding, key) for _, kind, encoding, _, key in sent} == {
        ("application/x-ndjson", None, "00155D123456")
    }
    assert all(dict(properties) == PROPERTIES for _, _, _, properties, _ in sent)


def test_a_compressed_event_says_so(world: World) -> None:
    world.sink.send([event(b"\x1f\x8b", "gzip")], None, within=10)

    (_, _, encoding, _, key) = world.sent()[0]
    assert (encoding, key) == ("gzip", None)


def test_of_more_events_than_a_batch_takes_the_first_arrive_and_are_counted(world: World) -> None:
    events = [event(bytes([number]) * 300_000) for number in range(10)]

    while events:
        sent = world.sink.send(events, "key", within=20)
        assert 1 <= sent <= len(events)
        del events[:sent]

    assert [body[:1] for body, *_ in world.sent()] == [bytes([number]) for number in range(10)]


def test_an_event_of_the_largest_size_arrives(world: World) -> None:
    limit = world.sink.max_event_bytes()
    assert limit > 200_000
    properties = 256  # room for those of this test

    world.sink.send([event(b"x" * (limit - properties))], "0" * 128, within=10)

    assert len(world.sent()) == 1


def test_a_refused_send_raises_and_the_sink_can_be_used_again(world: World) -> None:
    world.sink.max_event_bytes()
    world.refuse_next_send()

    with pytest.raises(SendError) as raised:
        world.sink.send([event(b"1")], "key", within=10)
    assert raised.value.busy

    world.sink.send([event(b"1")], "key", within=10)
    assert [body for body, *_ in world.sent()] == [b"1"]
