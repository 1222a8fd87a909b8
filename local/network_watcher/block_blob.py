"""A PT1H.json as Network Watcher keeps it: a list of blocks that always reads as one complete JSON document.

The first block is `{"records":[`, the last `]}`, and new blocks go before the last one (learn.microsoft.com/azure/
network-watcher/flow-logs-read). So from one state to the next only bytes from the old length - 2 on are new. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

OPENER: Final = b'{"records":['
CLOSER: Final = b"]}"

# Observed on real blobs; ids of one blob must all have the same length.
_OPENER_ID: Final = "A" + "0" * 32
_CLOSER_ID: Final = "Z" + "0" * 32


@dataclass(frozen=True, slots=True)
class Block:
    """A block and its id before base64."""

    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """One step from one state of a blob to the next.

    Attributes:
        blocks: Those that the blob did not have yet, in the document's order.
        block_ids: All blocks of the blob now.
        start: Offset of the first new byte: 0 for a new blob, else the old length - 2.
        tail: The bytes from `start` on.
        offsets: Of each record in the blob.

    """

    blocks: tuple[Block, ...]
    block_ids: tuple[str, ...]
    start: int
    tail: bytes
    offsets: tuple[int, ...]


class BlockBlob:
    """Decides how a blob grows; keeps ids and the length, not the bytes.

    Args:
        block_ids: Those of the state to go on from, opener and closer included; none for a new blob.
        length: Bytes of that state; 0 for a new blob.

    """

    def __init__(self, block_ids: Sequence[str] = (), length: int = 0) -> None:
        self._is_new = length == 0
        self._block_ids = tuple(block_ids) or (_OPENER_ID, _CLOSER_ID)
        self._length = length or len(OPENER) + len(CLOSER)

    @property
    def length(self) -> int:
        """Length in bytes, opener and closer included."""
        return self._length

    def append(self, records: Sequence[bytes]) -> Append:
        """Put at least one record into a block of its own, before the closer."""
        end = self._length - len(CLOSER)
        comma = b"," if end > len(OPENER) else b""
        data = comma + b",".join(records)
        block = Block(f"D{len(self._block_ids):032X}", data)
        offsets = accumulate((len(record) + len(b",") for record in records[:-1]), initial=end + len(comma))
        self._block_ids = (*self._block_ids[:-1], block.id, self._block_ids[-1])
        self._length += len(data)
        if not self._is_new:
            return Append((block,), self._block_ids, end, data + CLOSER, tuple(offsets))
        self._is_new = False
        blocks = (Block(_OPENER_ID, OPENER), block, Block(_CLOSER_ID, CLOSER))
        return Append(blocks, self._block_ids, 0, OPENER + data + CLOSER, tuple(offsets))
