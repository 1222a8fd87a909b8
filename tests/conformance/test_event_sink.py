"""What every event sink does."""

import pytest

from flowlog_core.errors import SendError
from flowlog_core.events.packer import Event
from tests.conformance.services import Services

PROPERTIES: dict[str, str | int] = {
    "schema": "flow/1",
    "blob": "a/c/ü.json",
    "rangeStart": 0,
    "rangeEnd": 2**40,
    "part": 0,
}


def event(body: bytes = b"{}", encoding: str | None = None) -> Event:
    return Event(body, "application/x-ndjson", encoding, PROPERTIES)


def test_events_arrive_in_order_with_their_properties_and_key(services: Services) -> None:
    events = [event(b"%d" % number) for number in range(20)]

    assert services.sink.send(events, "00155D123456", within=10) == 20

    sent = services.sent()
    assert [body for body, *_ in sent] == [sent_event.body for sent_event in events]
    assert {(kind, encoding, key) for _, kind, encoding, _, key in sent} == {
        ("application/x-ndjson", None, "00155D123456")
    }
    assert all(dict(properties) == PROPERTIES for _, _, _, properties, _ in sent)


def test_a_compressed_event_says_so(services: Services) -> None:
    services.sink.send([event(b"\x1f\x8b", "gzip")], None, within=10)

    (_, _, encoding, _, key) = services.sent()[0]
    assert (encoding, key) == ("gzip", None)


def test_of_more_events_than_a_batch_takes_the_first_arrive_and_are_counted(services: Services) -> None:
    events = [event(bytes([number]) * 300_000) for number in range(10)]

    while events:
        sent = services.sink.send(events, "key", within=20)
        assert 1 <= sent <= len(events)
        del events[:sent]

    assert [body[:1] for body, *_ in services.sent()] == [bytes([number]) for number in range(10)]


def test_an_event_of_the_largest_size_arrives(services: Services) -> None:
    limit = services.sink.max_event_bytes()
    assert limit > 200_000
    properties = 256  # room for those of this test

    services.sink.send([event(b"x" * (limit - properties))], "0" * 128, within=10)

    assert len(services.sent()) == 1


def test_a_refused_send_raises_and_the_sink_can_be_used_again(services: Services) -> None:
    services.sink.max_event_bytes()
    services.refuse_next_send()

    with pytest.raises(SendError) as raised:
        services.sink.send([event(b"1")], "key", within=10)
    assert raised.value.busy

    services.sink.send([event(b"1")], "key", within=10)
    assert [body for body, *_ in services.sent()] == [b"1"]
