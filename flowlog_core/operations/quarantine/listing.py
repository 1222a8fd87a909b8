"""Finding what is in quarantine: the items of a selection, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flowlog_core.decode.overflow import StoredOverflow
from flowlog_core.decode.quarantine import StoredItem
from flowlog_core.errors import ItemGoneError, QuarantineUnreadableError
from flowlog_core.operations.ports import ListedItem, QuarantineStore
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import ItemName, is_item_of

type Stored = StoredItem | StoredOverflow
"""What is in quarantine."""


@dataclass(frozen=True, slots=True)
class ItemSelection:
    """Which items somebody asks for.

    Attributes:
        containers: Account and container of the source blobs.
        prefix: What the blobs' names begin with.
        since: The blobs' first hour (UTC), or None for all, those included whose paths name no hour.
        until: The hour after the last one (UTC).
        reason: What one of an item's reasons has in it, in small or capital letters.

    """

    containers: tuple[tuple[str, str], ...]
    prefix: str = ""
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""

    def has_hour_of(self, blob: SourceBlob) -> bool:
        """Say whether a blob is of the hours in question."""
        hour = blob.hour
        if hour is None:
            return self.since is None
        return (self.since is None or hour >= self.since) and (self.until is None or hour < self.until)

    def has(self, stored: Stored) -> bool:
        """Say whether an item is of the selection, as far as its name could not tell."""
        wanted, blob = self.reason.casefold(), stored.blob
        own = (stored.item.reason,) if isinstance(stored, StoredItem) else ()
        return (
            blob.name.startswith(self.prefix)
            and self.has_hour_of(blob)
            and any(wanted in reason.casefold() for reason in (*own, *stored.reason_counts))
        )


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """A blob in quarantine that can't be read as an item, or not as the one that its name says.

    Attributes:
        name: Its name.
        reason: Why, and what it is.
        content: What it holds, where that only disagrees with its name: to be looked at, never to be acted upon.

    """

    name: str
    reason: str
    content: Stored | None = None


def listed_items(store: QuarantineStore, selection: ItemSelection) -> Iterator[ListedItem]:
    """Give what may be of a selection, as far as names tell; nothing is read.

    The whole of each container's quarantine below the prefix is listed, as names tell the hours: one request for each
    5,000 items.

    Raises:
        StorageError: They can't be listed.

    """
    for account, container in selection.containers:
        for listed in store.items(account, container, selection.prefix):
            name = ItemName.read(listed.name)
            if name is None or name.blob is None or selection.has_hour_of(name.blob):
                yield listed


def select_items(store: QuarantineStore, selection: ItemSelection) -> Iterator[Stored | UnreadableItem]:
    """Give the items of a selection. One request for each, beside those of the listing.

    Raises:
        StorageError: They can't be listed or read.

    """
    for listed in listed_items(store, selection):
        try:
            found = read_item(store, listed.name)
        except ItemGoneError:  # since the listing
            continue
        if isinstance(found, UnreadableItem) or selection.has(found):
            yield found


def items_of(store: QuarantineStore, blob: SourceBlob) -> Iterator[Stored | UnreadableItem]:
    """Give the items of one blob.

    Raises:
        StorageError: They can't be listed or read.

    """
    for listed in store.items(blob.account, blob.container, blob.name):
        if is_item_of(listed.name, blob):
            yield read_item(store, listed.name)


def read_item(store: QuarantineStore, name: str) -> Stored | UnreadableItem:
    """Read an item; one that can't be read doesn't stop whoever reads many.

    Raises:
        ItemGoneError: There is none of this name.
        StorageError: It can't be read.

    """
    try:
        stored = get_item(store, name)
    except QuarantineUnreadableError as error:
        return UnreadableItem(name, str(error))
    if stored.disagreement is not None:
        return UnreadableItem(name, f"{name}: name and content disagree: {stored.disagreement}", stored)
    return stored


def get_item(store: QuarantineStore, name: str) -> Stored:
    """Read an item, or an overflow item, as its name says. One request.

    Raises:
        ItemGoneError: There is none of this name.
        QuarantineUnreadableError: It is no item, or one of another version.
        StorageError: The request failed.

    """
    read = ItemName.read(name)
    if read is None or not read.is_overflow:
        return store.get(name)
    stored = store.overflow(name)
    if stored is None:
        raise ItemGoneError(f"{name}: there is no such item in quarantine")
    return stored
