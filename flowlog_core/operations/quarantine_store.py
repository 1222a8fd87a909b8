"""Quarantine as an operator has it: what is in it, as values, and the port by which it is listed, read and emptied."""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, Self

import orjson

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.forwarding.ports import Quarantine
from flowlog_core.source.blob import SourceBlob

_DECODERS: Final[Mapping[str, Callable[[str], bytes]]] = {"utf-8": str.encode, "base64": base64.b64decode}


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as it is in quarantine.

    Attributes:
        name: Name of its blob there.
        item: The item.
        time: When it was found.

    """

    name: str
    item: QuarantineItem
    time: datetime

    @classmethod
    def read(cls, name: str, document: bytes) -> Self:
        """Read the document that `QuarantineItem.document` wrote.

        Raises:
            QuarantineUnreadableError: Something else wrote it, or another version did.

        """
        try:
            fields = orjson.loads(document)
            blob = SourceBlob.from_path(fields["blob"])
            raw, encoding = fields["raw"], fields["rawEncoding"]
            item = _item(blob, fields, None if raw is None else _DECODERS[encoding](raw))
            return cls(name, item, datetime.fromisoformat(fields["time"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuarantineUnreadableError(
                f"{name}: not an item that this version's forwarder put in quarantine ({type(error).__name__})"
            ) from error


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


def _item(blob: SourceBlob, fields: Mapping[str, Any], raw: bytes | None) -> QuarantineItem:
    return QuarantineItem(
        blob=blob,
        offset=int(fields["offset"]),
        length=int(fields["length"]),
        crc=int(fields["crc"], 16),
        reason=str(fields["reason"]),
        raw=raw,
        tuples=tuple((int(each["ordinal"]), str(each["reason"])) for each in fields["tuples"]),
        remains=tuple(_item(blob, piece, None) for piece in fields.get("remains", ())),
    )
