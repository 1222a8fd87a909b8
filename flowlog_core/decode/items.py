"""What a scanner finds in a flow log, as values: records, malformed ranges, and what a record begins with."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
"""A record over this is quarantined by reference. Network Watcher cuts its records near 32,270 bytes."""

LARGE_RECORD_BYTES: Final = 1024 * 1024
"""A record over this is large: parsed, it may take 25 times its bytes."""

MARKER_BYTES: Final = 256
"""A record marker matches at most this many bytes."""

_GAP: Final = rb"[ \t\r\n]{0,64}"


@dataclass(frozen=True, slots=True)
class Record:
    """A sound JSON object of the array.

    Attributes:
        start: Offset of its ``{`` in the blob.
        raw: Its bytes.
        value: The same, parsed.

    """

    start: int
    raw: bytes
    value: dict[str, Any]

    @property
    def end(self) -> int:
        """Offset just after its ``}``."""
        return self.start + len(self.raw)

    @property
    def crc(self) -> int:
        """CRC-32 of its bytes."""
        return zlib.crc32(self.raw)


@dataclass(frozen=True, slots=True)
class MalformedRange:
    """A range that holds no sound record.

    Attributes:
        start: Offset of its first byte.
        end: Offset just after its last byte.
        crc: CRC-32 of its bytes.
        raw: Its bytes, or None where they are over `MAX_RECORD_BYTES`.
        reason: Why, without any of its content.

    """

    start: int
    end: int
    crc: int
    raw: bytes | None
    reason: str


Item = Record | MalformedRange


@dataclass(frozen=True)
class RecordMarker:
    """What tells a record from any other object, for finding the way back after malformed framing.

    Attributes:
        keys: A record begins with one of these keys, and none of the objects inside of a record does.
        is_record: Whether a parsed object is a record of a known layout.

    """

    keys: frozenset[str]
    is_record: Callable[[dict[str, Any]], bool]

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The beginning of a record; it matches at most `MARKER_BYTES`."""
        keys = b"|".join(re.escape(key.encode()) for key in sorted(self.keys))
        return re.compile(rb"\{" + _GAP + rb'"(?:' + keys + rb')"' + _GAP + rb":")
