"""Events from Event Hubs; see `operations.ports.EventReader`.

A thread for each partition receives, through a client of its own, into one inbox, from which the iterator takes. Where
the inbox is full the threads wait, and so does the hub: a link has credit for few events.
"""

import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from azure.eventhub import EventData, PartitionContext
from azure.eventhub.amqp import AmqpMessageBodyType
from azure.eventhub.exceptions import EventHubError

from flowlog_core.adapters.event_hubs.clients import HubClients, PartitionState
from flowlog_core.adapters.event_hubs.inbox import Inbox
from flowlog_core.adapters.event_hubs.transport import remedy
from flowlog_core.connections import EventHubConnection
from flowlog_core.errors import ReceiveError
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.operations.ports import RetainedFrom
from flowlog_core.operations.received_event import ReceivedEvent

DEFAULT_GROUP: Final = "$Default"
"""The consumer group that every hub has."""

_EVENTS_AHEAD: Final = 256  # that all links together have credit for: 64 MiB at 256 KiB each
_MOST_AHEAD: Final = 64  # of one link
_LEAST_AHEAD: Final = 8
_LOOK_UP_SECONDS: Final = 0.2  # how often an idle receiver looks whether it is to end
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0
# By then the connections are closed; the client goes on to wait for a thread of its own that sleeps for a second.
_CLOSE_SECONDS: Final = 0.5
_BEFORE_ALL: Final = "-1"  # the offset before the first event, whatever it is


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a reader waits.

    Attributes:
        answer: For the hub to say what it holds.
        failing: With a connection that keeps failing, before that is an error.
        silent: For a client that says nothing; one that works says five times a second that nothing came.
        quiet: For an event that the hub holds, before asking whether it has dropped it meanwhile.

    """

    answer: float = 60.0
    failing: float = 60.0
    silent: float = 15.0
    quiet: float = 5.0


_USUAL: Final = Patience()


class EventHubReader:
    """Reads one hub as one consumer of several: it takes nothing away from the others of its group."""

    def __init__(
        self, connection: EventHubConnection, consumer_group: str = DEFAULT_GROUP, patience: Patience = _USUAL
    ) -> None:
        """Take the connection; nothing is opened yet."""
        self._patience = patience
        self._hub = HubClients(connection, consumer_group, answer_seconds=patience.answer)

    def read(self, since: datetime | Literal["earliest", "latest"], *, follow: bool) -> Generator[ReceivedEvent]:
        """See `operations.ports.EventReader.read`. Times count in milliseconds."""
        ranges = {state.partition: _reach(state, since, follow=follow) for state in self._hub.states()}
        return self._receive({partition: reach for partition, reach in ranges.items() if reach is not None})

    def retained(self) -> dict[str, RetainedFrom]:
        """See `operations.ports.EventReader.retained`."""
        states = self._hub.states()
        ranges = {state.partition: _Reach(_BEFORE_ALL, end=state.first) for state in states if not state.empty}
        enqueued = {event.partition: event.enqueued for event in self._receive(ranges, ahead=1)}
        return {
            state.partition: RetainedFrom(state.partition, state.first > 0, enqueued.get(state.partition))
            for state in states
        }

    def _receive(self, ranges: Mapping[str, "_Reach"], ahead: int = _MOST_AHEAD) -> Generator[ReceivedEvent]:
        inbox = Inbox(ranges)
        ahead = min(ahead, max(_LEAST_AHEAD, _EVENTS_AHEAD // max(len(ranges), 1)))
        receivers = [
            _Receiver(self._hub, partition, reach, inbox, ahead=ahead, patience=self._patience)
            for partition, reach in ranges.items()
        ]
        threads = [threading.Thread(target=receiver.run, name="receiver", daemon=True) for receiver in receivers]
        try:
            for thread in threads:
                thread.start()
            yield from inbox.events(receivers)
        finally:
            inbox.close()
            for receiver in receivers:
                receiver.stop()
            deadline = time.monotonic() + _CLOSE_SECONDS
            for receiver, thread in zip(receivers, threads, strict=True):
                if not receiver.ended:
                    thread.join(max(deadline - time.monotonic(), 0))


@dataclass(frozen=True, slots=True)
class _Reach:
    """What to read of a partition.

    Attributes:
        position: An offset or a sequence number, and what is after it; or a time, itself included.
        end: Sequence number of the last event wanted; None for no end.

    """

    position: str | int | datetime
    end: int | None


def _reach(state: PartitionState, since: datetime | Literal["earliest", "latest"], *, follow: bool) -> _Reach | None:
    """Say what to read of a partition; None: nothing."""
    end = None if follow else state.last
    if isinstance(since, datetime):
        nothing = state.empty or state.last_enqueued < since
        return None if nothing and not follow else _Reach(since, end)
    if not follow and (state.empty or since == "latest"):
        return None
    # By number rather than "the end": that would be another place after a lost connection.
    return _Reach(_BEFORE_ALL if state.empty or since == "earliest" else state.last, end)


class _Receiver:
    """Receives the events of one partition, over as many connections as it takes.

    Attributes:
        ended: Whether it has all that it is to receive, or has failed.

    """

    def __init__(
        self, hub: HubClients, partition: str, reach: _Reach, inbox: Inbox, *, ahead: int, patience: Patience
    ) -> None:
        self._hub = hub
        self._partition = partition
        self._reach = reach
        self._inbox = inbox
        self._ahead = ahead
        self._patience = patience
        self._client = hub.open(partition)
        self._last = -1  # sequence number of the last event received
        self._last_came = time.monotonic()
        self._alive = time.monotonic()
        self.ended = False
        self._failure: Exception | None = None  # of the present connection
        self._failing_since: float | None = None

    def run(self) -> None:
        """Receive until the range ends, nobody reads any more, or an error stays."""
        try:
            while not (self.ended or self._inbox.closed):
                try:
                    if self._failing_since is not None:
                        self._hub.state(self._partition)  # tells what is wrong, which receiving may not
                    self._receive()
                except EventHubError as error:
                    self._inbox.wait_closed(self._pause(error))
        except Exception as error:  # noqa: BLE001 # raised where events are awaited: it must not look like the end
            self._inbox.fail(error)
        finally:
            self.ended = True
            self._inbox.finish(self._partition)

    def watch(self) -> None:
        """See that the client lives; to be called now and then while events are awaited.

        Where it can't open a connection, it tries again and again without a pause or a word. Where a peer takes the
        connection and says nothing, it waits for ever.

        Raises:
            ReceiveError: It has been dead for long.

        """
        silent = time.monotonic() - self._alive
        if not self.ended and silent > self._patience.silent:
            self.stop()
        if not self.ended and silent > self._patience.failing:
            raise self._hub.failed(TimeoutError(f"no answer in {silent:.0f} s"))

    def stop(self) -> None:
        """End the present connection."""
        self._client.close()

    def _receive(self) -> None:
        """Receive over one connection, until it is enough or the connection fails."""
        position = self._last if self._last >= 0 else self._reach.position
        self._failure = None
        self._alive = time.monotonic()
        self._client = self._hub.open(self._partition)
        try:
            self._client.receive(
                self._on_event,
                on_error=self._on_error,
                partition_id=self._partition,
                starting_position=position,
                starting_position_inclusive=isinstance(position, datetime),
                prefetch=self._ahead,
                max_wait_time=_LOOK_UP_SECONDS,
            )
        except Exception as error:  # noqa: BLE001 # of several private kinds, where a broken connection is closed
            self._failure = self._failure or EventHubError(str(error))
        if not (self.ended or self._inbox.closed):
            raise self._failure or EventHubError("the connection failed")

    def _pause(self, failure: EventHubError) -> float:
        """Say how many seconds to wait before the next connection.

        Raises:
            ReceiveError: There is no hope in one.

        """
        self._alive = now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        failing = now - self._failing_since
        if remedy(failure, "reading") or failing > self._patience.failing:
            raise self._hub.failed(failure) from failure
        return min(max(failing, _SHORTEST_PAUSE), _LONGEST_PAUSE)

    def _on_error(self, _: PartitionContext, error: Exception) -> None:
        self._failure = error
        self._client.close()

    def _on_event(self, _: PartitionContext, event: EventData | None) -> None:
        """Take an event, or None where none has come for a while."""
        if event is not None:
            received = received_event(self._partition, event)
            self._inbox.put(received)
            self._last = received.sequence
            self._last_came = time.monotonic()
        self._failing_since = None
        self._alive = time.monotonic()
        if self._at_end():
            self.ended = True
            self._inbox.finish(self._partition)
        if self.ended or self._inbox.closed:
            self._client.close()

    def _at_end(self) -> bool:
        end = self._reach.end
        if end is None or self._last >= end:
            return end is not None
        if time.monotonic() - self._last_came < self._patience.quiet:
            return False
        self._last_came = time.monotonic()
        state = self._hub.state(self._partition)
        return state.empty or state.first > end


def received_event(partition: str, event: EventData) -> ReceivedEvent:
    """Read an event as the client hands it out; anybody may have sent it."""
    sequence, enqueued = event.sequence_number, event.enqueued_time
    if sequence is None or enqueued is None:
        raise ReceiveError(f"partition {partition}: an event without number and time, which Event Hubs never sends")
    message = event.raw_amqp_message
    # Other producers may send AMQP values or sequences; the forwarder never does.
    sections = message.body if message.body_type == AmqpMessageBodyType.DATA else ()
    return ReceivedEvent(
        partition=partition,
        sequence=sequence,
        enqueued=enqueued,
        body=b"".join(sections),
        content_type=_optional_text(message.properties.content_type if message.properties else None),
        content_encoding=_optional_text(message.properties.content_encoding if message.properties else None),
        properties=EventProperties.read(
            {
                _text(name): value if isinstance(value, int) else _text(value)
                for name, value in (event.properties or {}).items()
            }
        ),
    )


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
