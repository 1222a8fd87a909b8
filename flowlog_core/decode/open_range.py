"""What a scanner has begun and not ended: an object that may become a record, or bytes that are none."""

import zlib

from flowlog_core.decode.items import MAX_RECORD_BYTES, MalformedRange
from flowlog_core.decode.object_walk import ObjectWalk
from flowlog_core.decode.scan_buffer import ScanBuffer


class OpenRange:
    """A range from a start on, which is malformed for a reason unless an object ends before anything else begins.

    Attributes:
        start: Its offset.
        reason: Why it is malformed, if it comes to that.
        walk: The way through the object that begins at the start; None where none does.

    """

    def __init__(self, start: int, reason: str, walk: ObjectWalk | None) -> None:
        self.start = start
        self.reason = reason
        self.walk = walk
        self._crc = 0  # of the bytes from the start to `_crc_end`, which are dropped or about to be
        self._crc_end = start

    @property
    def kept_from(self) -> int:
        """Offset of the first byte that was not let go of."""
        return self._crc_end

    def let_go(self, buffer: ScanBuffer, end: int) -> None:
        """Take the checksum of the bytes up to `end`, which are about to be dropped."""
        if end > self._crc_end:
            self._crc = zlib.crc32(buffer.copy(self._crc_end, end), self._crc)
            self._crc_end = end

    def close(self, buffer: ScanBuffer, end: int) -> MalformedRange:
        """End the range; its bytes come along unless they are too many."""
        kept = self._crc_end == self.start and end - self.start <= MAX_RECORD_BYTES
        raw = buffer.copy(self.start, end) if kept else None
        self.let_go(buffer, end)
        return MalformedRange(self.start, end, self._crc, raw, self.reason)
