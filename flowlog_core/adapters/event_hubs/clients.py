"""Clients that read from one hub: how they are opened, and what the hub says of itself."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from azure.eventhub import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError

from flowlog_core.adapters.credentials import credential
from flowlog_core.adapters.event_hubs.transport import client_options, remedy, unreached
from flowlog_core.connections import EventHubConnection, Transport
from flowlog_core.errors import ReceiveError

# The client hands on what came once nothing came for so long (measured with 5.15.1). With its own 0.2 s, events that
# follow each other more quickly wait until all the credit is used up. Over WebSockets it is also the time for each step
# of connecting, through a proxy perhaps.
_SOCKET_SECONDS: Final[Mapping[Transport, float]] = {"amqp": 0.05, "websockets": 1.0}
_BALANCING_SECONDS: Final = 2.0  # a thread of the client, with nothing to do here, outlives it by so much
_TOKEN_MARGIN_SECONDS: Final = 600.0  # the client renews a token when a tenth of its life, an hour or so, is left
_TEXT_LENGTH: Final = 200  # of the service's words in a message


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What the hub says of a partition.

    Attributes:
        partition: Its id.
        first: Sequence number of the first event that is kept.
        last: That of the last event that ever came; -1 where none did.
        last_enqueued: When that was.
        empty: Whether none is kept.

    """

    partition: str
    first: int
    last: int
    last_enqueued: datetime
    empty: bool


class HubClients:
    """Opens clients of one hub, asks it, and explains its errors."""

    def __init__(self, connection: EventHubConnection, consumer_group: str, *, answer_seconds: float) -> None:
        """Take the connection, and how long to wait for an answer of the hub; nothing is opened yet."""
        self._connection = connection
        self._consumer_group = consumer_group
        # The client itself waits for ever for a peer that takes the connection and says nothing.
        self._answer_seconds = answer_seconds
        self._token: SharedToken | None = None

    def open(self, *partitions: str) -> EventHubConsumerClient:
        """Make a client that is to receive from these partitions; nothing is connected yet.

        Raises:
            ReceiveError: The connection string lacks something.

        """
        # Retries are the receiver's: the client's own come at once, and hide what they met.
        options: dict[str, Any] = {
            "retry_total": 0,
            "socket_timeout": _SOCKET_SECONDS[self._connection.transport],
            "load_balancing_interval": _BALANCING_SECONDS,
            "partitions": partitions,
            **client_options(self._connection),
        }
        connection, group = self._connection, self._consumer_group
        if connection.connection_string is None:
            self._token = self._token or SharedToken(credential(connection.identity))
            return _Client(connection.namespace, connection.hub, group, self._token, **options)
        try:
            return _Client.from_connection_string(
                connection.connection_string, group, eventhub_name=connection.hub, **options
            )
        except ValueError as error:  # in the client's words, which name parts but show none
            raise ReceiveError(f"{self._name}: FlowLogEventHub won't do: {error}") from error

    def states(self) -> list[PartitionState]:
        """Ask what there is of each partition.

        Raises:
            ReceiveError: The hub can't be asked.

        """
        (partitions,) = self._answers([self.open().get_partition_ids])
        return self._answers([partial(self.state, partition) for partition in partitions])

    def state(self, partition: str) -> PartitionState:
        """Ask what there is of a partition; for as long as it takes.

        Raises:
            EventHubError: The hub can't be asked.

        """
        with self.open() as client:
            described = client.get_partition_properties(partition)
        return PartitionState(
            partition,
            described["beginning_sequence_number"],
            described["last_enqueued_sequence_number"],
            described["last_enqueued_time_utc"],
            described["is_empty"],
        )

    def _answers[T](self, questions: Sequence[Callable[[], T]]) -> list[T]:
        """Ask several things at once; give the answers in their order."""
        asked = [_asked(question) for question in questions]
        deadline = time.monotonic() + self._answer_seconds
        try:
            return [future.result(max(deadline - time.monotonic(), 0)) for future in asked]
        except TimeoutError as error:
            text = f"no answer in {self._answer_seconds:.0f} s; {unreached(self._connection)}"
            raise ReceiveError(f"{self._name}: {text}") from error
        except EventHubError as error:
            raise self.failed(error) from error

    def failed(self, error: Exception) -> ReceiveError:
        """Explain an error in a line."""
        text = (str(error).splitlines() or [type(error).__name__])[0][:_TEXT_LENGTH].rstrip(". ")
        return ReceiveError(f"{self._name}: {text}; {remedy(error, 'reading') or unreached(self._connection)}")

    @property
    def _name(self) -> str:
        return f"{self._connection.destination}, consumer group {self._consumer_group}"


class _Client(EventHubConsumerClient):
    """A client that knows its partitions: else it asks for them while another of its threads waits without a pause."""

    def __init__(self, *arguments: Any, partitions: Sequence[str], **options: Any) -> None:  # noqa: ANN401 # as the client's
        super().__init__(*arguments, **options)
        self._known = list(partitions)

    def get_partition_ids(self) -> list[str]:
        return self._known or super().get_partition_ids()


class SharedToken:
    """A credential that keeps its token: with a person's sign-in each request for one is a process of its own."""

    def __init__(self, source: TokenCredential) -> None:
        """Take the credential that gives tokens."""
        self._source = source
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 # as the source's
        """Give the token, or a new one where it expires soon. All calls must be for the same scope."""
        with self._lock:
            if self._token is None or self._token.expires_on - time.time() < _TOKEN_MARGIN_SECONDS:
                self._token = self._source.get_token(*scopes, **options)
            return self._token


def _asked[T](question: Callable[[], T]) -> Future[T]:
    """Ask on a thread that keeps nobody from leaving."""
    future: Future[T] = Future()

    def ask() -> None:
        try:
            future.set_result(question())
        except Exception as error:  # noqa: BLE001 # raised where the answer is awaited
            future.set_exception(error)

    threading.Thread(target=ask, name="question", daemon=True).start()
    return future
