"""The checkpoint: how far a blob was forwarded to a destination, as a value and as blob metadata."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.errors import CheckpointUnreadableError

_SCHEMA: Final = "1"
_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far one blob was forwarded to one destination.

    Attributes:
        offset: End of the last record forwarded or put in quarantine; never the blob's length.
        range_end: End of the last event's range; records after it gave no flow.
        pending_quarantined: Records and tuples in quarantine between `range_end` and `offset`.
        fingerprint: Of the up to 512 bytes before `offset`, see `fingerprint_of`.
        generation: How often the blob was found rewritten.
        etag: The source blob's ETag when last read, or "" before that.
        length: Its length then, in bytes.
        complete: Whether all of it was forwarded then.
        records: Records forwarded of this generation.
        flows: Flows sent of this generation.
        events: Events sent of this generation.
        quarantined: Records and tuples of this generation that are in quarantine.
        time: When this was committed, or None.

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
    time: datetime | None = None

    def to_metadata(self) -> dict[str, str]:
        """Write as blob metadata: ASCII, percent-encoded where need be; empty values, which get lost, are left out."""
        metadata = {
            "schema": _SCHEMA,
            "offset": str(self.offset),
            "rangeend": str(self.range_end),
            "pendingquarantined": str(self.pending_quarantined),
            "fingerprint": self.fingerprint,
            "generation": str(self.generation),
            "etag": quote(self.etag, safe=""),
            "length": str(self.length),
            "complete": "true" if self.complete else "false",
            "records": str(self.records),
            "flows": str(self.flows),
            "events": str(self.events),
            "quarantined": str(self.quarantined),
            "time": self.time.isoformat(timespec="milliseconds") if self.time else "",
        }
        return {key: value for key, value in metadata.items() if value}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Checkpoint":
        """Read back what `to_metadata` wrote; no metadata at all is a checkpoint at the blob's start.

        Raises:
            CheckpointUnreadableError: It was written by something else, or by a later version.

        """
        if not metadata:
            return cls()
        if metadata.get("schema") != _SCHEMA:
            raise CheckpointUnreadableError(f"schema {metadata.get('schema')!r}, where this version reads {_SCHEMA!r}")
        try:
            return cls(
                offset=_number(metadata["offset"]),
                range_end=_number(metadata["rangeend"]),
                pending_quarantined=_number(metadata["pendingquarantined"]),
                fingerprint=metadata.get("fingerprint", ""),
                generation=_number(metadata["generation"]),
                etag=unquote(metadata.get("etag", "")),
                length=_number(metadata["length"]),
                complete=_FLAGS[metadata["complete"]],
                records=_number(metadata["records"]),
                flows=_number(metadata["flows"]),
                events=_number(metadata["events"]),
                quarantined=_number(metadata["quarantined"]),
                time=datetime.fromisoformat(metadata["time"]) if "time" in metadata else None,
            )
        except (KeyError, ValueError) as error:
            raise CheckpointUnreadableError(f"{type(error).__name__}: {error}") from error

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
        return Checkpoint(generation=self.generation + 1)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number")
    return int(text)


def fingerprint_of(preceding: bytes) -> str:
    """Hash the bytes before an offset: BLAKE2b with 16 bytes, in hex."""
    return hashlib.blake2b(preceding, digest_size=16).hexdigest()
