"""The checkpoint: how far a blob was forwarded to a destination, as a value and as blob metadata."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.errors import CheckpointUnreadableError
from flowlog_core.forwarding.metadata import read_flag, read_number, read_text, read_time, write_text, write_time

_SCHEMA: Final = "1"
_LATER_SCHEMA: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{32}")
_FINGERPRINT_OR_NONE: Final = re.compile(r"(?:[0-9a-f]{32})?")
_DELETE: Final = "delete it to forward the blob from its start: its flows come again, with the same ids"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one blob was forwarded to one destination.

    Attributes:
        offset: End of the last record forwarded or put in quarantine; never the blob's length.
        range_end: End of the last event's range; records after it gave no flow.
        pending_quarantined: Tuples between `range_end` and `offset`, see `TupleCounts`. None of them gave a flow, so
            all of them are in quarantine, and their number is stored once.
        fingerprint: Of the up to 512 bytes before `offset`, see `fingerprint_of`.
        generation: How often the blob was found rewritten.
        etag: The source blob's ETag when last read, or "" before that.
        length: Its length then, in bytes.
        complete: Whether all of it was forwarded then.
        records: Records forwarded of this generation.
        flows: Flows sent of this generation.
        events: Events sent of this generation.
        quarantined: Tuples of this generation that are in quarantine, see `TupleCounts`.
        items: Items that this generation has in quarantine. Version 0.1.0 drops it and `overflow`: it has no ceiling,
            and after it the count begins anew.
        overflow: Offset of what the overflow item begins with, or None where this generation has none.
        time: When this was committed, or None.
        unknown: What a later version wrote beside these, by name: it is kept as it is.

    """

    offset: int = 0
    range_end: int = 0
    pending_quarantined: int = 0
    fingerprint: str = ""
    generation: int = 0
    etag: str = ""
    length: int = 0
    complete: bool = False
    records: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0
    items: int = 0
    overflow: int | None = None
    time: datetime | None = None
    unknown: tuple[tuple[str, str], ...] = ()

    def to_metadata(self) -> dict[str, str]:
        """Write as blob metadata: ASCII, percent-encoded where need be; empty values, which get lost, are left out."""
        return dict(self.unknown) | {key: value for key, value in self._metadata().items() if value}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Checkpoint":
        """Read back what `to_metadata` wrote; no metadata at all is a checkpoint at the blob's start.

        Raises:
            CheckpointUnreadableError: It was written by something else, or by a later version. The error's text goes
                on after the checkpoint's name.

        """
        if not metadata:
            return cls()
        values = {key.lower(): value for key, value in metadata.items()}  # storage may return names in any case
        if values.get("schema") != _SCHEMA:
            raise CheckpointUnreadableError(_of_other_schema(values.get("schema", "")))
        try:
            checkpoint = cls(
                offset=read_number(values, "offset"),
                range_end=read_number(values, "rangeend"),
                pending_quarantined=read_number(values, "pendingquarantined"),
                fingerprint=values.get("fingerprint", ""),
                generation=read_number(values, "generation"),
                etag=read_text(values, "etag") if "etag" in values else "",
                length=read_number(values, "length"),
                complete=read_flag(values, "complete"),
                records=read_number(values, "records"),
                flows=read_number(values, "flows"),
                events=read_number(values, "events"),
                quarantined=read_number(values, "quarantined"),
                items=read_number(values, "items") if "items" in values else 0,
                overflow=read_number(values, "overflow") if "overflow" in values else None,
                time=read_time(values, "time") if "time" in values else None,
                unknown=tuple(sorted((key, value) for key, value in values.items() if key not in _KEYS)),
            )
            checkpoint._check()
        except ValueError as error:
            raise CheckpointUnreadableError(f"{error}; {_DELETE}") from None
        return checkpoint

    def _metadata(self) -> dict[str, str]:
        """Write all parts that this version knows."""
        return {
            "schema": _SCHEMA,
            "offset": str(self.offset),
            "rangeend": str(self.range_end),
            "pendingquarantined": str(self.pending_quarantined),
            "fingerprint": self.fingerprint,
            "generation": str(self.generation),
            "etag": write_text(self.etag),
            "length": str(self.length),
            "complete": "true" if self.complete else "false",
            "records": str(self.records),
            "flows": str(self.flows),
            "events": str(self.events),
            "quarantined": str(self.quarantined),
            "items": str(self.items) if self.items else "",
            "overflow": "" if self.overflow is None else str(self.overflow),
            "time": write_time(self.time) if self.time else "",
        }

    def _check(self) -> None:
        """Raise ValueError where the parts can't belong together: no run would have committed them."""
        if not self.range_end <= self.offset <= self.length:
            ends = f"rangeend is {self.range_end}, offset {self.offset} and length {self.length}"
            raise ValueError(f"{ends}, where none may be greater than the next")
        if self.pending_quarantined > self.quarantined:
            raise ValueError(f"pendingquarantined is {self.pending_quarantined}, of {self.quarantined} quarantined")
        if not (_FINGERPRINT if self.offset else _FINGERPRINT_OR_NONE).fullmatch(self.fingerprint):
            raise ValueError("fingerprint is not of 32 hex digits")

    def is_complete(self, etag: str) -> bool:
        """Say whether all of the blob was forwarded, of the snapshot with this ETag."""
        return self.complete and self.etag == etag

    @property
    def verify_from(self) -> int:
        """Where to begin reading, so that the bytes before `offset` come along and can be verified."""
        return max(0, self.offset - PRECEDING_BYTES)

    def rewritten(self, length: int, preceding: bytes) -> str | None:
        """Say why the blob is not the one that was read so far, or None if it is.

        Args:
            length: The blob's length now.
            preceding: Its bytes from `verify_from` to `offset`.

        """
        if length < self.offset:
            return f"it has {length} bytes, and {self.offset} were forwarded"
        if self.offset and fingerprint_of(preceding) != self.fingerprint:
            return f"its bytes before offset {self.offset} are others"
        return None

    def next_generation(self) -> "Checkpoint":
        """Begin again at the blob's start."""
        return Checkpoint(generation=self.generation + 1, unknown=self.unknown)


_KEYS: Final = frozenset(Checkpoint()._metadata())  # noqa: SLF001 # this module's own


def _of_other_schema(schema: str) -> str:
    if _LATER_SCHEMA.fullmatch(schema):
        later = f"a later version wrote it (schema {schema}, where this one reads {_SCHEMA})"
        return f"{later}; deploy that version again, or {_DELETE}"
    return f"something else wrote it, as it has no known schema; {_DELETE}"


def fingerprint_of(preceding: bytes) -> str:
    """Hash the bytes before an offset: BLAKE2b with 16 bytes, in hex."""
    return hashlib.blake2b(preceding, digest_size=16).hexdigest()
