"""What goes to quarantine: an item as a value, and the JSON document that it becomes, written and read."""

import base64
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import orjson

from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import ItemName, item_name

MOST_MERGED: Final = 10_000
"""So many neighbouring records and malformed ranges are one item; more are another one."""

UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a document raises where something else wrote it."""

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
        tuples: The tuples in question, in order, where those of the record can be counted.
        remains: Where its bytes are more than a record, and some of them could be decoded since: the items within it
            that could not. Stored without bytes of their own. Empty where that is all of it.
        merged: Where it is neighbouring records or malformed ranges, none of which can be read: how many of them there
            are for each reason, in the order in which reasons came; `reason` is the first. Empty where it is one.

    """

    blob: SourceBlob
    offset: int
    length: int
    crc: int
    reason: str
    raw: bytes | None
    tuples: tuple[RejectedTuple, ...] = ()
    remains: tuple["QuarantineItem", ...] = ()
    merged: tuple[tuple[str, int], ...] = ()

    @property
    def count(self) -> int:
        """How many tuples it stands for; what can't be counted is one."""
        if self.remains:
            return sum(piece.count for piece in self.remains)
        return sum(count for _, count in self.merged) or len(self.tuples) or 1

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, for each tuple that it stands for."""
        if self.remains:
            return tuple(reason for piece in self.remains for reason in piece.reasons)
        if self.merged:
            return tuple(reason for reason, count in self.merged for _ in range(count))
        return tuple(each.reason for each in self.tuples) or (self.reason,)

    @property
    def name(self) -> str:
        """Name of its blob; the same bytes at the same place always have the same."""
        return item_name(self.blob, self.offset, self.crc)

    def document(self, time: datetime) -> bytes:
        """Write it as a JSON object, with the time at which it was found; `StoredItem.read` reads it."""
        raw, encoding = _written(self.raw)
        fields = {
            "reason": self.reason,
            "blob": self.blob.path,
            "offset": self.offset,
            "length": self.length,
            "crc": f"{self.crc:08x}",
            "raw": raw,
            "rawEncoding": encoding,
            "tuples": self.tuples,
            "time": time.isoformat(timespec="milliseconds"),
        }
        if self.merged:
            fields["merged"] = dict(self.merged)
        if self.remains:
            fields["remains"] = [
                {
                    "reason": piece.reason,
                    "offset": piece.offset,
                    "length": piece.length,
                    "crc": f"{piece.crc:08x}",
                    "tuples": piece.tuples,
                }
                for piece in self.remains
            ]
        return orjson.dumps(fields, default=_fields_of, option=orjson.OPT_PASSTHROUGH_DATACLASS)


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

    @property
    def blob(self) -> SourceBlob:
        """The source blob."""
        return self.item.blob

    @property
    def reason_counts(self) -> dict[str, int]:
        """How many tuples it stands for, for each reason."""
        return dict(Counter(self.item.reasons))

    @property
    def disagreement(self) -> str | None:
        """Say in what its name and its content disagree; None where they agree.

        Anybody who may write to the container can put a document there under any name, so nothing is sent,
        overwritten or deleted on account of one that disagrees.
        """
        item = self.item
        if self.name != item.name or ItemName.read(self.name) is None:
            return f"the content is that of {item.name}"
        if item.raw is not None and (len(item.raw), zlib.crc32(item.raw)) != (item.length, item.crc):
            return "the bytes in it are not those of its length and checksum"
        if item.length < 0:
            return "its length is none"
        end = item.offset
        for piece in item.remains:
            if piece.offset < end or piece.length < 0:
                return "what remains of it is not in order"
            end = piece.offset + piece.length
        return None if end <= item.offset + item.length else "what remains of it is beyond its end"

    @classmethod
    def read(cls, name: str, document: bytes) -> Self:
        """Read the document that `QuarantineItem.document` wrote, of this version or an earlier one.

        Raises:
            QuarantineUnreadableError: Something else wrote it, or a later version did.

        """
        try:
            fields = orjson.loads(document)
            raw, encoding = fields["raw"], fields["rawEncoding"]
            blob = SourceBlob.from_path(fields["blob"])
            item = _item(blob, fields, None if raw is None else _DECODERS[encoding](raw))
            return cls(name, item, read_document_time(fields["time"]))
        except UNREADABLE as error:
            raise QuarantineUnreadableError(
                f"{name}: not an item that this version's forwarder put in quarantine ({type(error).__name__})"
            ) from error


def read_document_time(text: str) -> datetime:
    """Read the time of a document, in UTC.

    Raises:
        ValueError: It has no time zone, or is outside of the calendar once it is UTC.

    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside of the calendar") from None


def _written(raw: bytes | None) -> tuple[str | None, str | None]:
    """Write bytes as text, and say how: as they are where they are UTF-8."""
    if raw is None:
        return None, None
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"


def _fields_of(rejected: RejectedTuple) -> dict[str, object]:
    """Write one of an item's tuples; `orjson` asks for one after the other, so that there is never a list of these."""
    fields: dict[str, object] = {"ordinal": rejected.ordinal, "reason": rejected.reason}
    return fields if rejected.pointer is None else {**fields, "pointer": rejected.pointer}


def _rejected(fields: Mapping[str, Any]) -> RejectedTuple:
    """Read what `_fields_of` wrote."""
    ordinal, pointer = fields["ordinal"], fields.get("pointer")
    if ordinal is None and pointer is None:
        raise ValueError("neither a tuple nor a level")
    return RejectedTuple(
        None if ordinal is None else int(ordinal), str(fields["reason"]), None if pointer is None else str(pointer)
    )


def _item(blob: SourceBlob, fields: Mapping[str, Any], raw: bytes | None) -> QuarantineItem:
    """Read an item's fields, or those of a piece of its remains."""
    return QuarantineItem(
        blob=blob,
        offset=int(fields["offset"]),
        length=int(fields["length"]),
        crc=int(fields["crc"], 16),
        reason=str(fields["reason"]),
        raw=raw,
        tuples=tuple(map(_rejected, fields["tuples"])),
        remains=tuple(_item(blob, piece, None) for piece in fields.get("remains", ())),
        merged=tuple((reason, _positive(count)) for reason, count in fields.get("merged", {}).items()),
    )


def _positive(count: object) -> int:
    """Read how many things an item is; what is written there decides how much memory its reasons take."""
    if type(count) is not int or not 1 <= count <= MOST_MERGED:
        raise ValueError("no number of merged records")
    return count
