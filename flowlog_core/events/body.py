"""The body of an event while it is open: lines of JSON in, bytes of a limited size out, compressed or not.

A compressed body never overshoots its limit and nothing is compressed twice: lines wait until they are, uncompressed,
about as many bytes as are surely left, then they are compressed and flushed, and so it is known what is left now. Each
such piece is a fraction of the one before, as flows compress well; the cost is some 5 per cent of the bytes.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""Limit of a body before it is compressed, so that readers can limit what they unpack."""

MOST_FLOW_BYTES: Final = 1024 * 1024
"""Limit of a flow, so that readers can limit the search for its end."""

GZIP_BITS: Final = 31
"""wbits that stand for gzip (RFC 1952)."""

_NEARLY_FULL: Final = 0.92  # of the limit: the pieces for what is left would be too small
_LEVEL: Final = 1  # of compression: the fastest, and for flows as good as any but the slowest
_GZIP_BYTES: Final = 64  # header, trailer, last block
_FLUSH_BYTES: Final = 16  # that a flush adds


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands around and between the lines of a body.

    Attributes:
        prefix: Before the first.
        separator: Between two.
        suffix: Behind the last.
        content_type: AMQP property of such a body.
        most_flows: Lines at most, or None.

    """

    prefix: str
    separator: str
    suffix: str
    content_type: str
    most_flows: int | None = None


class Body(Protocol):
    """An open body.

    Attributes:
        flows: Lines in it.

    """

    flows: int

    @property
    def room(self) -> int:
        """Bytes, separators included, that fit in any case, before the next `settle`."""
        ...

    @property
    def filled(self) -> float:
        """How much of the limit is used, about; 1 is all of it."""
        ...

    def add(self, lines: Sequence[str], size: int) -> None:
        """Add lines of ASCII of so many bytes, each with a separator; no more than there is room for."""
        ...

    def settle(self) -> bool:
        """Find out how much room there really is; say whether there is any more than before."""
        ...

    def close(self) -> bytes:
        """Give the bytes."""
        ...


class Compressor(Protocol):
    """A stream that compresses, as `zlib.compressobj` makes."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes, and give what is compressed so far."""
        ...

    def flush(self, mode: int = zlib.Z_FINISH, /) -> bytes:
        """Give what was held back."""
        ...


class PlainBody:
    """A body as it is; see `Body`."""

    def __init__(self, framing: Framing, limit: int) -> None:
        """Open one of at most `limit` bytes."""
        self.flows = 0
        self._framing = framing
        self._lines: list[str] = []
        self._limit = limit
        self._size = len(framing.prefix) + len(framing.suffix)

    @property
    def room(self) -> int:
        """See `Body.room`."""
        # The last line needs no separator.
        return self._limit - self._size + len(self._framing.separator)

    @property
    def filled(self) -> float:
        """See `Body.filled`."""
        return self._size / self._limit

    def add(self, lines: Sequence[str], size: int) -> None:
        """See `Body.add`."""
        self._lines += lines
        self._size += size
        self.flows += len(lines)

    def settle(self) -> bool:
        """See `Body.settle`."""
        return False

    def close(self) -> bytes:
        """See `Body.close`."""
        framing = self._framing
        return f"{framing.prefix}{framing.separator.join(self._lines)}{framing.suffix}".encode("ascii")


class GzipBody:
    """A compressed body; see `Body`. At any time ``written + pending`` fits, even if nothing more compresses."""

    def __init__(self, framing: Framing, limit: int, compressor: Compressor) -> None:
        """Open one of at most `limit` bytes, compressed by this compressor, to gzip."""
        self.flows = 0
        self._framing = framing
        self._limit = limit
        self._written: list[bytes] = []
        self._written_size = 0
        self._taken_size = 0  # uncompressed
        self._pending = [framing.prefix]
        self._pending_size = len(framing.prefix)
        self._compressor = compressor

    @property
    def room(self) -> int:
        """See `Body.room`."""
        most = min(incompressible(self._left), MOST_BODY_BYTES - self._taken_size)
        return max(0, most - self._pending_size - len(self._framing.suffix))

    @property
    def filled(self) -> float:
        """See `Body.filled`: what waits is taken to shrink as what came before it; what came first, to nothing."""
        shrinking = self._written_size / self._taken_size if self._taken_size else 0.0
        return (self._written_size + self._pending_size * shrinking) / self._limit

    def add(self, lines: Sequence[str], size: int) -> None:
        """See `Body.add`."""
        separator = self._framing.separator
        self._pending.append((separator if self.flows else "") + separator.join(lines))
        self._pending_size += size
        self.flows += len(lines)

    def settle(self) -> bool:
        """See `Body.settle`: compress what waits."""
        before = self.room
        if self._written_size >= self._limit * _NEARLY_FULL or not self._pending_size:
            return False
        self._write(self._compressor.compress(self._taken()))
        self._write(self._compressor.flush(zlib.Z_SYNC_FLUSH))
        return self.room > before

    def close(self) -> bytes:
        """See `Body.close`."""
        self._pending.append(self._framing.suffix)
        self._write(self._compressor.compress(self._taken()))
        self._write(self._compressor.flush())
        return b"".join(self._written)

    @property
    def _left(self) -> int:
        return self._limit - self._written_size

    def _taken(self) -> bytes:
        text, self._pending, self._pending_size = "".join(self._pending), [], 0
        self._taken_size += len(text)
        return text.encode("ascii")

    def _write(self, data: bytes) -> None:
        self._written.append(data)
        self._written_size += len(data)


def incompressible(size: int) -> int:
    """Give how many bytes surely take no more than `size` when compressed and flushed."""
    # Stored blocks add 5 bytes each (RFC 1951, section 3.2.4); neither library makes them smaller than 1 KiB.
    return max(0, size - size // 128 - _GZIP_BYTES - _FLUSH_BYTES)


def fastest_compressor() -> Compressor:
    """Make a compressor to gzip: ISA-L's is some five times as fast, and has no wheel for a few platforms."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 # only who compresses needs it
    except ModuleNotFoundError:
        return zlib.compressobj(_LEVEL, zlib.DEFLATED, GZIP_BITS)
    return isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, GZIP_BITS)
