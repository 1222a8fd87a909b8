"""The way through one JSON object, brace by brace, as far as its bytes have come."""

import re
from typing import Final

from flowlog_core.decode.scan_buffer import ScanBuffer

# Up to the next brace outside of strings, or to a string that has no end yet.
_TO_BRACE: Final = re.compile(rb'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+', re.DOTALL)
_TO_QUOTE: Final = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)


class ObjectWalk:
    """The way through an object, as far as its bytes have come.

    Attributes:
        start: Offset of its ``{``.
        position: How far the walk has come.

    """

    def __init__(self, start: int) -> None:
        """Begin at the offset of an object's ``{``."""
        self.start = self.position = start
        self._depth = 0
        self._in_string = False

    def to_end(self, buffer: ScanBuffer, limit: int) -> int | None:
        """Go on; return the offset after the object's last brace, or None if that is not before `limit`.

        Args:
            buffer: Bytes of the blob, those from `position` on among them.
            limit: Offset to stop at.

        """
        data, base = buffer.data, buffer.base
        index, stop = self.position - base, limit - base
        end = None
        while end is None and index < stop:
            match = (_TO_QUOTE if self._in_string else _TO_BRACE).match(data, index, stop)
            index = match.end() if match is not None else index
            if index == stop:
                break
            byte = data[index]
            if self._in_string:
                if byte != ord('"'):  # a backslash whose escaped byte has not come yet
                    break
                self._in_string = False
            elif byte == ord('"'):
                self._in_string = True
            else:
                self._depth += 1 if byte == ord("{") else -1
                if self._depth == 0:
                    end = base + index + 1
            index += 1
        self.position = base + index
        return end
