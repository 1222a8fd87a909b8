"""Quarantine as an operator has it: what is in it, as values, and the port by which it is listed, read and emptied."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, Self

import orjson

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.forwarding.ports import Quarantine
from flowlog_core.source.blob import NAME_LIMIT, SourceBlob

_SUFFIX: Final = re.compile(r"/(\d{1,19})-([0-9a-f]{8})\.json\Z", re.ASCII)
_CUT: Final = re.compile(r"~[0-9a-f]{16}\Z", re.ASCII)
_LONGEST_SUFFIX: Final = "/9223372036854775807-ffffffff.json"
_CUT_MARK: Final = "~0123456789abcdef"
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
            blob = _blob_at(fields["blob"])
            raw, encoding = fields["raw"], fields["rawEncoding"]
            item = _item(blob, fields, None if raw is None else _DECODERS[encoding](raw))
            return cls(name, item, datetime.fromisoformat(fields["time"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuarantineUnreadableError(
                f"{name}: not an item that this version's forwarder put in quarantine ({type(error).__name__})"
            ) from error


@dataclass(frozen=True, slots=True)
class ItemName:
    """What the name of an item says.

    Attributes:
        blob: The source blob, or None where its path was too long and is cut: then only the document has it.
        offset: Where the item begins.
        crc: CRC-32 of its bytes.

    """

    blob: SourceBlob | None
    offset: int
    crc: int

    @classmethod
    def read(cls, name: str) -> Self | None:
        """Read a name; None where it is none of an item."""
        match = _SUFFIX.search(name)
        if match is None:
            return None
        path = name[: match.start()]
        try:
            blob = None if _is_cut(name, path) else _blob_at(path)
        except ValueError:
            return None
        return cls(blob, int(match[1]), int(match[2], 16))


def is_item_of(name: str, blob: SourceBlob) -> bool:
    """Say whether a name is one of a blob's items, also where the blob's path is too long for it."""
    match = _SUFFIX.search(name)
    return match is not None and name == blob.name_under("", suffix=match[0])


class ItemsUnder:
    """The names of the items of all blobs whose paths begin with a prefix, as far as names tell.

    Attributes:
        prefix: What all of these names begin with, for a listing.

    """

    def __init__(self, account: str, container: str, under: str) -> None:
        """Take the account, the container, and what the blobs' names begin with."""
        self._path = f"{account}/{container}/{under}"
        # Further on, a name may have been cut.
        self.prefix = self._path[: NAME_LIMIT - len(_LONGEST_SUFFIX) - len(_CUT_MARK)]

    def __contains__(self, name: str) -> bool:
        """Say whether a name is one of them; where it was cut before the prefix ended, it may be one."""
        path = _SUFFIX.sub("", name)
        if _is_cut(name, path) and len(path) - len(_CUT_MARK) < len(self._path):
            return self._path.startswith(path[: -len(_CUT_MARK)])
        return name.startswith(self._path)


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


def _is_cut(name: str, path: str) -> bool:
    """Whether `SourceBlob.name_under` cut the path in an item's name: it cuts to the limit and leaves a mark."""
    return len(name) == NAME_LIMIT and _CUT.search(path) is not None


def _blob_at(path: str) -> SourceBlob:
    account, container, name = path.split("/", 2)
    return SourceBlob(account, container, name)


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
