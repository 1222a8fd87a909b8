"""Counts what a source blob holds anew, as far as it was forwarded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flowlog_core.decode.log_reader import LogReader
from flowlog_core.decode.scan_buffer import PRECEDING_BYTES
from flowlog_core.errors import BlobArchivedError, BlobGoneError, NotAFlowLogError
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.forwarding.checkpoint import fingerprint_of
from flowlog_core.forwarding.ports import BlobSource
from flowlog_core.source.blob import SourceBlob

_CHUNK_BYTES: Final = 4 * 1024 * 1024
_ENCODER: Final = Encoder(flow_schema(("id",)))  # nobody reads the flows: the shortest do


@dataclass(frozen=True, slots=True)
class Committed:
    """How far a blob was forwarded; see `Checkpoint`."""

    range_end: int
    offset: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Recount:
    """What a blob holds, counted as `TupleCounts.tuples`.

    Attributes:
        tuples: Before the end of its last range.
        pending: After that, as far as it was forwarded.

    """

    tuples: int
    pending: int

    def difference(self, tuples: int, pending: int) -> str | None:
        """Say in what these differ from what events and checkpoint say, if they do."""
        if self.tuples != tuples:
            return f"tuples of its ranges, counted anew: {self.tuples}; as the events say: {tuples}"
        if self.pending != pending:
            return f"tuples after its last range, counted anew: {self.pending}; as the checkpoint says: {pending}"
        return None


def recount(
    source: BlobSource, blob: SourceBlob, committed: Committed, advance: Callable[[int], None]
) -> Recount | str:
    """Read what was forwarded of a blob, and count it; or say why that can't be done. A request for each 4 MiB.

    Args:
        source: Reads the blob.
        blob: Which.
        committed: How far it was forwarded; what is there now must have its fingerprint.
        advance: Called with each number of bytes that were read.

    Raises:
        StorageError: A request failed.

    """
    log = LogReader(blob, _ENCODER)
    tuples = pending = position = 0
    preceding = b""
    rewritten = f"its bytes before offset {committed.offset} are no longer those that were forwarded"
    try:
        while position < committed.offset:
            data = source.read(blob, position, min(_CHUNK_BYTES, committed.offset - position)).data
            if not data:
                return f"it has {position} bytes, and {committed.offset} were forwarded"
            log.feed(data)
            for decoded in log.items():
                if decoded.end <= committed.range_end:
                    tuples += decoded.counts.tuples
                else:
                    pending += decoded.counts.tuples
            position += len(data)
            preceding = (preceding + data)[-PRECEDING_BYTES:]
            advance(len(data))
    except BlobGoneError:
        return "it is deleted"
    except BlobArchivedError:
        return "it is in the archive tier"
    except NotAFlowLogError:
        return rewritten
    if committed.offset and fingerprint_of(preceding) != committed.fingerprint:
        return rewritten
    return Recount(tuples, pending)
