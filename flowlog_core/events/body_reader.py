"""The flows in a body that was received, one after the other: whoever made it, in bounded memory and linear time.

A body of kilobytes can unpack to a gigabyte. So it is unpacked and split piece by piece, nothing is kept of what has
been read, and reading ends at the first byte that the forwarder would not have written, or beyond what it writes.
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from flowlog_core.events.body import GZIP_BITS, MOST_BODY_BYTES, MOST_FLOW_BYTES
from flowlog_core.events.packer import FRAMINGS

type Flow = dict[str, Any]

_PACKED_PIECE: Final = 16 * 1024
_PIECE: Final = 256 * 1024

_NDJSON: Final = FRAMINGS["ndjson"].content_type
_OPENER: Final = FRAMINGS["records"].prefix.encode()
_CLOSER: Final = FRAMINGS["records"].suffix.encode()
_HEAD_BYTES: Final = 1024  # in which a body says what it is
_MOST_LEVELS: Final = 32  # of objects and arrays in a flow; ours have few, and JSON is not written at any depth
_KEY: Final = re.compile(rb'\{"[^"\\]{1,256}":')


def read_flows(body: bytes, content_type: str | None, content_encoding: str | None) -> Iterator[Flow]:
    """Read a body in any of the formats that the forwarder writes.

    Args:
        body: As received.
        content_type: AMQP property, or None.
        content_encoding: AMQP property, or None.

    Raises:
        ValueError: The forwarder wrote no such body; the flows before that were read.

    """
    if content_encoding not in {None, "", "gzip"}:
        raise ValueError(f"its encoding is {content_encoding}")
    pieces = _unpack(body) if content_encoding == "gzip" else iter((body,))
    for text in _split(pieces, b"\n") if content_type == _NDJSON else _objects(pieces):
        flow = orjson.loads(text)
        if not isinstance(flow, dict) or "records" in flow:
            raise ValueError("it holds something else than flows")
        if text.count(b"{") + text.count(b"[") > _MOST_LEVELS and _is_too_deep(flow):
            raise ValueError(f"it has a flow of over {_MOST_LEVELS} levels")
        yield flow


def _unpack(body: bytes) -> Iterator[bytes]:
    """Unpack gzip, of one member, to pieces of at most `_PIECE` bytes."""
    unpacker = zlib.decompressobj(GZIP_BITS)
    slices = (body[start : start + _PACKED_PIECE] for start in range(0, len(body), _PACKED_PIECE))
    data, size = b"", 0
    while not unpacker.eof:
        data = data or next(slices, b"")
        try:
            piece = unpacker.decompress(data, _PIECE)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if not (piece or data):
            raise ValueError("its compressed bytes have no end")
        data = unpacker.unconsumed_tail
        size += len(piece)
        if size > MOST_BODY_BYTES:
            raise ValueError(f"it unpacks to over {MOST_BODY_BYTES} bytes")
        yield piece
    if unpacker.unused_data or next(slices, b""):
        raise ValueError("it has bytes after the end of its compressed ones")


def _split(pieces: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    """Split what the pieces are together at each separator."""
    rest = b""
    for piece in pieces:
        *texts, rest = (rest + piece).split(separator)
        yield from texts
        _check_length(len(rest))
    yield rest


def _objects(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Split ``{"records":[…]}`` into its objects; what does not begin so is one object.

    All flows have the same first key, so the next one begins where one ends and ``{"key":`` follows. That can't stand
    inside of a string, where its quotes would be escaped.
    """
    head = b""
    while len(head) < _HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    if not head.startswith(_OPENER):
        for piece in pieces:
            head += piece
            _check_length(len(head))
        yield head
        return
    key = _KEY.match(head, len(_OPENER))
    if key is None:
        if head != _OPENER + _CLOSER:
            raise ValueError("its array of records holds something else than flows")
        return
    begin = key[0]
    texts = _split(itertools.chain((head[key.end() :],), pieces), b"}," + begin)
    text = next(texts)
    for following in texts:
        yield begin + text + b"}"
        text = following
    if not text.endswith(b"}" + _CLOSER):
        raise ValueError("its array of records has no end")
    yield begin + text.removesuffix(_CLOSER)


def _check_length(size: int) -> None:
    if size > MOST_FLOW_BYTES:
        raise ValueError(f"it has a flow of over {MOST_FLOW_BYTES} bytes")


def _is_too_deep(flow: Flow) -> bool:
    """Whether a flow has more than `_MOST_LEVELS` levels of objects and arrays."""
    level: list[Any] = [flow]
    for _ in range(_MOST_LEVELS):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True
