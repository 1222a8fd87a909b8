"""Where in a partition a receiver starts, and what it gets there."""

import pytest
from azure.eventhub._pyamqp.message import Message

from local.event_hub.amqp_frames import write_message
from local.event_hub.partition import Partition, Reader, SentEvents


def sent(body: bytes) -> SentEvents:
    return SentEvents.read(write_message(Message(data=[body])), message_format=0)


def filled(*contents: bytes, retain_bytes: int | None = None) -> Partition:
    partition = Partition(retain_bytes)
    for content in contents:
        partition.append(sent(content))
    return partition


@pytest.mark.parametrize(
    ("selector", "first"),
    [
        ("x-opt-offset > '-1'", 0),
        ("x-opt-offset > '@latest'", 3),
        ("x-opt-offset > '{offset}'", 2),
        ("x-opt-offset >= '{offset}'", 1),
        ("x-opt-sequence-number > '-1'", 0),
        ("x-opt-sequence-number > '1'", 2),
        ("x-opt-sequence-number >= '1'", 1),
        ("x-opt-sequence-number > '99'", 3),
        ("x-opt-enqueued-time > '0'", 0),
        ("x-opt-enqueued-time > '9999999999999'", 3),
        ("x-opt-enqueued-time >= '{time}'", 0),
        ("x-opt-enqueued-time > '{last}'", 3),
    ],
)
def test_a_filter_gives_the_first_event_that_it_lets_through(selector: str, first: int) -> None:
    partition = filled(b"a", b"b", b"c")
    wanted = selector.format(
        offset=partition.entry(1).offset, time=partition.entry(0).enqueued_ms, last=partition.entry(2).enqueued_ms
    )

    assert partition.find(f"amqp.annotation.{wanted}".encode()) == first


@pytest.mark.parametrize(
    "selector", [b"", b"amqp.annotation.x-opt-offset > 'x'", b"amqp.annotation.x-opt-offset < '1'", b"colour = 'red'"]
)
def test_another_filter_is_an_error(selector: bytes) -> None:
    with pytest.raises(ValueError, match="not a position in a partition"):
        filled().find(selector)


def test_times_of_events_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([2_000_000_000, 1_000_000_000, 3_000_000_000])
    monkeypatch.setattr("local.event_hub.partition.time.time_ns", lambda: next(clock))
    partition = filled(b"a", b"b", b"c")

    assert [entry.enqueued_ms for entry in partition.entries()] == [2000, 2000, 3000]


def test_a_reader_leaves_out_what_was_let_go_of_before_it_came_there() -> None:
    partition = filled(b"x" * 1000, retain_bytes=2500)
    reader = Reader(partition, partition.first)
    for number in range(1, 5):
        partition.append(sent(bytes([number]) * 1000))
    taken = []
    while (encoded := reader.take()) is not None:
        taken.append(encoded)

    assert (partition.first, partition.end) == (3, 5)
    assert taken == [partition.entry(3).encoded, partition.entry(4).encoded]


def test_the_newest_event_is_kept_whatever_its_size() -> None:
    partition = filled(b"x" * 1000, b"y" * 1000, retain_bytes=10)

    assert [entry.read(0).body for entry in partition.entries()] == [b"y" * 1000]
