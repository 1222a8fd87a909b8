"""What goes to quarantine: an item as a value, its name, and the JSON document that it becomes."""

import base64
from dataclasses import dataclass
from datetime import datetime

import orjson

from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import item_name


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
        return item_name(self.blob, self.offset, self.crc)

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


def _tuples_written(item: QuarantineItem) -> list[dict[str, object]]:
    return [{"ordinal": ordinal, "reason": reason} for ordinal, reason in item.tuples]
