"""Bytes of a blob by their offsets, and where in them a record may begin."""

import re
from typing import Final

from flowlog_core.decode.items import MARKER_BYTES

PRECEDING_BYTES: Final = 512
"""So many bytes before the end of the last item are kept, for the checkpoint's fingerprint."""


class ScanBuffer:
    """The bytes of a blob that a scanner still needs.

    Attributes:
        data: The bytes.
        base: Offset of the first of them.

    """

    def __init__(self, base: int, data: bytes) -> None:
        self.data = bytearray(data)
        self.base = base

    @property
    def limit(self) -> int:
        """The end of the bytes fed so far."""
        return self.base + len(self.data)

    def append(self, data: bytes) -> None:
        """Add the bytes that follow."""
        self.data += data

    def drop_before(self, offset: int) -> None:
        """Drop what is more than `PRECEDING_BYTES` before an offset."""
        drop = offset - PRECEDING_BYTES - self.base
        if drop > 0:
            del self.data[:drop]
            self.base += drop

    def copy(self, start: int, end: int) -> bytes:
        """Return the bytes from one offset to another, as far as they are there."""
        with memoryview(self.data) as view:
            return bytes(view[max(0, start - self.base) : end - self.base])

    def skip(self, pattern: re.Pattern[bytes], offset: int) -> int:
        """Return the offset after what a pattern matches at `offset`; `offset` itself where it matches nothing."""
        match = pattern.match(self.data, offset - self.base)
        return offset if match is None else self.base + match.end()

    def find(self, pattern: re.Pattern[bytes], offset: int) -> int | None:
        """Return the offset at which a pattern first matches from `offset` on, or None."""
        match = pattern.search(self.data, offset - self.base)
        return None if match is None else self.base + match.start()

    def find_last(self, byte: bytes, start: int, end: int) -> int | None:
        """Return the offset after the last such byte from one offset to another, or None."""
        index = self.data.rfind(byte, max(0, start - self.base), end - self.base)
        return None if index < 0 else self.base + index + 1


class MarkerSearch:
    """Finds record markers, from the first one that is not done with. No byte is looked at twice, but for a marker's.

    Attributes:
        floor: Markers before it are done with.
        looked: How far markers were looked for.

    """

    def __init__(self, pattern: re.Pattern[bytes], offset: int) -> None:
        self.floor = self.looked = offset
        self._pattern = pattern
        self._found: int | None = None  # the last one found

    def next(self, buffer: ScanBuffer) -> int | None:
        """Return the offset of the first marker from `floor` on, or None if none has come."""
        if self._found is not None and self._found >= self.floor:
            return self._found
        search = max(self.floor, self.looked)
        self._found = buffer.find(self._pattern, search)
        self.looked = max(search, buffer.limit - MARKER_BYTES) if self._found is None else self._found
        return self._found
