"""What is in quarantine: an item as a value, its name, and the JSON document that it becomes and is read from."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import orjson

from flowlog_core.blob import NAME_LIMIT, SourceBlob
from flowlog_core.errors import QuarantineUnreadableError

_SUFFIX: Final = re.compile(r"/(\d{1,19})-([0-9a-f]{8})\.json\Z", re.ASCII)
_CUT: Final = re.compile(r"~[0-9a-f]{16}\Z", re.ASCII)
_LONGEST_SUFFIX: Final = "/9223372036854775807-ffffffff.json"
_CUT_MARK: Final = "~0123456789abcdef"
_DECODERS: Final[Mapping[str, Callable[[str], bytes]]] = {"utf-8": str.encode, "base64": base64.b64decode}


@dataclass(frozen=True, slots=True)
class QuarantineItem:
    """What could not be decoded.

    Attributes:
        blob: The source blob.
        offset: Where it begins.
        length: Its length in bytes.
        crc: CRC-32 of its bytes.
        reason: Why, without any of its content.
        raw: Its bytes, or None where it is quarantined by reference.
        tuples: Ordinal and reason of the tuples in question, where the record itself is sound.
        remains: Where its bytes are more than a record, and some of them could be decoded since: the items within it
            that could not. Stored without bytes of their own. Empty where that is all of it.

    """

    blob: SourceBlob
    offset: int
    length: int
    crc: int
    reason: str
    raw: bytes | None
    tuples: tuple[tuple[int, str], ...] = ()
    remains: tuple["QuarantineItem", ...] = ()

    @property
    def count(self) -> int:
        """How many records and tuples it stands for."""
        return len(self.reasons)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, for each record and tuple that it stands for."""
        if self.remains:
            return tuple(reason for piece in self.remains for reason in piece.reasons)
        return tuple(reason for _, reason in self.tuples) or (self.reason,)

    @property
    def name(self) -> str:
        """Name of its blob; the same bytes at the same place always have the same."""
        return self.blob.name_under("", suffix=f"/{self.offset}-{self.crc:08x}.json")

    def document(self, time: datetime) -> bytes:
        """Write it as a JSON object, with the time at which it was found."""
        raw: str | None = None
        encoding: str | None = None
        if self.raw is not None:
            try:
                raw, encoding = self.raw.decode(), "utf-8"
            except UnicodeDecodeError:
                raw, encoding = base64.b64encode(self.raw).decode(), "base64"
        fields = {
            "reason": self.reason,
            "blob": self.blob.path,
            "offset": self.offset,
            "length": self.length,
            "crc": f"{self.crc:08x}",
            "raw": raw,
            "rawEncoding": encoding,
            "tuples": _tuples_written(self),
            "time": time.isoformat(timespec="milliseconds"),
        }
        if self.remains:
            fields["remains"] = [
                {
                    "reason": piece.reason,
                    "offset": piece.offset,
                    "length": piece.length,
                    "crc": f"{piece.crc:08x}",
                    "tuples": _tuples_written(piece),
                }
                for piece in self.remains
            ]
        return orjson.dumps(fields)


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


def _tuples_written(item: QuarantineItem) -> list[dict[str, object]]:
    return [{"ordinal": ordinal, "reason": reason} for ordinal, reason in item.tuples]
