"""What operators need of the hub beside sending, as a Protocol; see `flowlog_core.forwarding.ports`."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from flowlog_core.operations.received_event import ReceivedEvent


@dataclass(frozen=True, slots=True)
class RetainedFrom:
    """Where what a partition still holds begins.

    Attributes:
        partition: Its id.
        dropped: Whether events before that have been dropped.
        enqueued: When the hub took the first event that it holds; None where it holds none.

    """

    partition: str
    dropped: bool
    enqueued: datetime | None


class EventReader(Protocol):
    """Reads the events of the destination, as any consumer of it would."""

    def read(self, since: datetime | Literal["earliest", "latest"], *, follow: bool) -> Generator[ReceivedEvent]:
        """Give the events of all partitions; those of one partition are in order.

        Args:
            since: Those that the hub took at this time or later, all that it still has, or only new ones.
            follow: Whether to wait for more at the end; else it ends with the last one there was at the call.
                Closing the iterator closes the connection.

        Raises:
            ReceiveError: The hub can't be read.

        """
        ...

    def retained(self) -> dict[str, RetainedFrom]:
        """Tell from where on each partition, by its id, still holds its events.

        Raises:
            ReceiveError: The hub can't be read.

        """
        ...
