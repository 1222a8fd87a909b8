"""The nodes that a connection serves, as Protocols: a connection knows AMQP, and nothing of Event Hubs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from azure.eventhub._pyamqp.outcomes import Accepted, Rejected


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message.

    Attributes:
        outcome: The answer to the peer; None: no answer, the connection is cut.
        delay: Seconds to hold that answer back.
        response: An encoded message for the receiver at the same address, as request-response nodes send it.

    """

    outcome: Accepted | Rejected | None
    delay: float = 0.0
    response: bytes | None = None


class RefusedError(Exception):
    """A link to an address that the service doesn't have, or with a filter that it can't read.

    Attributes:
        condition: AMQP's name of the error.
        description: The same for a person.

    """

    def __init__(self, condition: bytes, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


type Sink = Callable[[memoryview, int | None], Verdict]
"""Takes an encoded message, to be copied where it is kept, and its message format."""


class Feed(Protocol):
    """The source of a receiver's messages."""

    def take(self) -> bytes | None:
        """Return the next encoded message, or None while there is none."""

    def watch(self, wake: Callable[[], None] | None) -> None:
        """Call `wake` whenever there may be a message again; None ends that."""


class Service(Protocol):
    """The nodes that peers send to and receive from; called from the connections' event loop.

    Attributes:
        max_message_bytes: Size of the largest message that links announce.

    """

    max_message_bytes: int

    def open_sink(self, address: str) -> Sink:
        """Return what takes the messages for `address`. Raises RefusedError."""

    def open_feed(self, address: str, filters: Mapping[bytes, object]) -> Feed | None:
        """Return the source of the messages from `address`; None: only responses come. Raises RefusedError."""
