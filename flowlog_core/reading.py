"""Reads flow logs as Python values: the public function `flowlog_core.read_flows`."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from flowlog_core.decode.log_reader import LogReader
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.flow.formatter import Encoder
from flowlog_core.source.blob import SourceBlob

_CHUNK_BYTES: Final = 1024 * 1024
_UNFINISHED: Final = "the log ends inside a record, or in bytes that are none"

type Refuse = Callable[[QuarantineItem], None]
"""Is called with each record, or part of one, that gives no flow; it has offset, length, reason and tuples."""


def read_flows(
    source: Path | BinaryIO | Iterable[bytes], *, blob: str = "", on_refused: Refuse | None = None
) -> Iterator[dict[str, Any]]:
    """Read the flows of a log, one at a time, in memory that does not grow with the log.

    Args:
        source: A file, an open binary stream, or the log's bytes in chunks of any size.
        blob: ``account/container/name`` of the source blob, which the flows' ids are made from: with it they are those
            that the forwarder sends.
        on_refused: Called with what would go to quarantine; without it, each is a Python warning.

    Returns:
        Flows of the schema ``flow/1``: every key, in the documented order, with None where the log carries no value.

    Raises:
        NotAFlowLogError: The source is no flow log.
        OSError: The source can't be read.

    """
    refuse = on_refused or _warn
    origin = SourceBlob.outside(blob)
    log = LogReader(origin, Encoder())
    for decoded in log.read(_chunks(source)):
        if decoded.rejected is not None:
            refuse(decoded.rejected)
        if decoded.encoded is not None:
            yield from map(orjson.loads, decoded.encoded.lines)
    if log.unfinished:
        refuse(QuarantineItem(origin, log.offset, 0, 0, _UNFINISHED, None))


def _chunks(source: Path | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from _chunks(stream)
    elif hasattr(source, "read"):
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk
    else:
        yield from source


def _warn(item: QuarantineItem) -> None:
    reasons = "; ".join(map(str, item.tuples)) or item.reason
    warnings.warn(f"{item.blob.path or 'flow log'}, offset {item.offset}: {reasons}", stacklevel=3)
