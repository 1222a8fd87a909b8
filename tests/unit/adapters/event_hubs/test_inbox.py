"""The inbox holds few bytes, so that threads which receive wait for the one that reads."""

import threading
from datetime import UTC, datetime

import pytest

from flowlog_core.adapters.event_hubs.inbox import Inbox
from flowlog_core.errors import ReceiveError
from flowlog_core.operations.received_event import ReceivedEvent

CAPACITY = 16 * 1024 * 1024


def event(sequence: int, size: int = 1) -> ReceivedEvent:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    return ReceivedEvent("0", sequence, now, b"x" * size, content_type=None, content_encoding=None, properties=None)


def test_who_puts_into_a_full_inbox_waits_until_something_is_taken() -> None:
    inbox = Inbox(["0"])
    inbox.put(event(0, CAPACITY))
    putting = threading.Thread(target=inbox.put, args=(event(1),))
    putting.start()
    putting.join(0.3)
    waited = putting.is_alive()

    events = inbox.events([])
    taken = [next(events).sequence, next(events).sequence]
    putting.join()

    assert waited
    assert taken == [0, 1]


def test_who_puts_into_a_full_inbox_that_nobody_reads_any_more_goes_on() -> None:
    inbox = Inbox(["0"])
    inbox.put(event(0, CAPACITY))
    putting = threading.Thread(target=inbox.put, args=(event(1),))
    putting.start()

    inbox.close()
    putting.join(10)

    assert not putting.is_alive()


def test_it_ends_once_all_partitions_have() -> None:
    inbox = Inbox(["0", "1"])
    inbox.put(event(7))
    for partition in "01":
        inbox.finish(partition)

    assert [each.sequence for each in inbox.events([])] == [7]


def test_a_failure_is_raised_before_what_has_not_been_read() -> None:
    inbox = Inbox(["0"])
    inbox.put(event(7))
    inbox.fail(ReceiveError("gone"))

    with pytest.raises(ReceiveError, match="gone"):
        next(inbox.events([]))
