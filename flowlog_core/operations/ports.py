"""What operators need from outside, beside the app's own ports, as Protocols; see `flowlog_core.forwarding.ports`."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from flowlog_core.decode.quarantine import StoredItem
from flowlog_core.forwarding.ports import Quarantine
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


@dataclass(frozen=True, slots=True)
class ListedItem:
    """What a listing says of an item in quarantine; `ItemName` reads its name.

    Attributes:
        name: The item's name.
        size: Of its document, in bytes.
        modified: When it was last written.

    """

    name: str
    size: int
    modified: datetime


class QuarantineStore(Quarantine, Protocol):
    """Quarantine as an operator has it: what is in it can be listed, read and taken out, too."""

    def items(self, account: str, container: str, under: str) -> Iterator[ListedItem]:
        """Give the items of the blobs whose names begin with `under`, in the order of their names.

        One request for each 5,000; where there is no quarantine yet, it is empty. Of a blob whose path is too long for
        a name, the item's name has only the beginning: where `under` is longer than that, items are given that may be
        another blob's, which `is_item_of` or the document tells.

        Raises:
            StorageError: The request failed.

        """
        ...

    def get(self, name: str) -> StoredItem:
        """Read an item. One request.

        Raises:
            ItemGoneError: There is none of this name.
            QuarantineUnreadableError: It is no item, or one of another version.
            StorageError: The request failed.

        """
        ...

    def delete(self, name: str) -> None:
        """Take an item out of quarantine for good; one that is gone already is no error. One request.

        Raises:
            StorageError: The request failed.

        """
        ...

    def delete_overflow(self, name: str, etag: str) -> None:
        """Take an overflow item out of quarantine, unless it is another by now. One request.

        Raises:
            ItemChangedError: It is another, or gone.
            StorageError: The request failed.

        """
        ...
