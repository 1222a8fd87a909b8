"""Events to Event Hubs; see `ports.EventSink`."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.eventhub.amqp import AmqpMessageProperties
from azure.eventhub.exceptions import EventHubError

from flowlog_core.adapters.credentials import credential
from flowlog_core.adapters.event_hubs.transport import client_options, remedy, unreached
from flowlog_core.connections import EventHubConnection
from flowlog_core.errors import SendError
from flowlog_core.events.packer import Event
from flowlog_core.source.gate import outside_text

_SOCKET_SECONDS: Final = 3.0  # the client's own 0.2 s is too short for a large batch on a slow link
_SOCKET_WAITS: Final = 4  # so many of them pass unnoticed in a send that times out (measured with 5.15.1)
_LEAST_SECONDS: Final = 1.0  # for the service's answer
_SLOWEST_FAILURE: Final = _SOCKET_WAITS * _SOCKET_SECONDS + 2 * _LEAST_SECONDS
_IDLE_SECONDS: Final = 200.0  # the service drops connections that were idle for 240 s
_EVENT_IN_BATCH: Final = 16  # bytes that a batch adds to an event, at most
_PARTITION_KEY_BYTES: Final = 128
_BUSY: Final = "server-busy"


class EventHubSink:
    """Sends to one hub, through one client that is opened with the first event and kept.

    The client's sends run one after another: it is not promised to be thread-safe, and one connection carries more
    than a worker process can encode.
    """

    def __init__(self, connection: EventHubConnection, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the connection, and a clock for how long it is idle; nothing is opened yet."""
        self._connection = connection
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._client: EventHubProducerClient | None = None
        self._max_event_bytes: int | None = None
        self._last_used = 0.0

    def max_event_bytes(self) -> int:
        """See `ports.EventSink.max_event_bytes`. The first call opens the connection."""
        with self._lock:
            if self._max_event_bytes is None:
                try:
                    batch = self._open().create_batch(partition_key="0" * _PARTITION_KEY_BYTES)
                except EventHubError as error:
                    raise self._failed(error) from error
                room = batch.max_size_in_bytes - batch.size_in_bytes
                self._max_event_bytes = room - _EVENT_IN_BATCH - _PARTITION_KEY_BYTES
            return self._max_event_bytes

    def send(self, events: Sequence[Event], partition_key: str | None, *, within: float) -> int:
        """See `ports.EventSink.send`."""
        deadline = time.monotonic() + within
        if not self._lock.acquire(timeout=max(within - _SLOWEST_FAILURE, 0)):
            raise SendError(f"{self._name}: other sends took all the time", busy=True)
        try:
            batch = self._fill(events, partition_key)
            # The client tries a failed send once more by itself, and notices a time-out only between socket waits.
            left = deadline - time.monotonic() - _SOCKET_WAITS * _SOCKET_SECONDS
            self._open().send_batch(batch, timeout=max(left / 2, _LEAST_SECONDS))
            self._last_used = self._monotonic()
            return len(batch)
        except EventHubError as error:
            raise self._failed(error) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection, if any."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def _name(self) -> str:
        return self._connection.destination

    def _open(self) -> EventHubProducerClient:
        if self._monotonic() - self._last_used > _IDLE_SECONDS:
            self._drop()
        if self._client is None:
            self._last_used = self._monotonic()
            # Retries are the run's: it knows how long it may wait, and whether its lease still holds.
            options: dict[str, Any] = {"retry_total": 0, "socket_timeout": _SOCKET_SECONDS}
            connection = self._connection
            options |= client_options(connection)
            if connection.connection_string is not None:
                self._client = EventHubProducerClient.from_connection_string(
                    connection.connection_string, eventhub_name=connection.hub, **options
                )
            else:
                self._client = EventHubProducerClient(
                    connection.namespace, connection.hub, credential(connection.identity), **options
                )
        return self._client

    def _fill(self, events: Sequence[Event], partition_key: str | None) -> EventDataBatch:
        """Fill a batch with as many events as it takes, at least one."""
        batch = self._open().create_batch(partition_key=partition_key)
        for event in events:
            if len(batch) and batch.size_in_bytes + len(event.body) > batch.max_size_in_bytes:
                break  # it is sure not to fit, and to try would cost as much as to add it
            try:
                batch.add(_event_data(event))
            except ValueError as error:  # it is full
                if not len(batch):
                    message = f"{self._name}: an event of {len(event.body)} bytes does not fit a batch"
                    raise SendError(message, busy=False) from error
                break
        return batch

    def _failed(self, error: EventHubError) -> SendError:
        text = " ".join(str(error).split())
        if _BUSY in text:
            return SendError(f"{self._name}: {outside_text(text)}", busy=True)
        self._drop()  # the next send opens a new connection
        advice = remedy(error, "sending") or unreached(self._connection)
        return SendError(f"{self._name}: {outside_text(text)}; {advice}", busy=False)


def _event_data(event: Event) -> EventData:
    data = EventData(event.body)
    data.raw_amqp_message.properties = AmqpMessageProperties(  # type: ignore[no-untyped-call]  # the client's lack
        content_type=event.content_type, content_encoding=event.content_encoding
    )
    # A bare int would go out as an AMQP int of 32 bits; the client's codec takes this form for a long.
    data.properties = {
        name: {"TYPE": "LONG", "VALUE": value} if isinstance(value, int) else value
        for name, value in event.properties.items()
    }
    return data
