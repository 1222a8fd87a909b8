"""The flows of one record as values, and the port by which a decoded record becomes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flowlog_core.decode.formats import FlowRecord
from flowlog_core.decode.items import Record
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.source.blob import SourceBlob


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """The flows of one record.

    Attributes:
        id_prefix: What the ids of its flows have in common; an ordinal makes it an id.
        lines: A JSON object for each flow, in ASCII, without a line's end.
        ordinals: For each line the tuple's position in the record.
        bad: What of it gave no flow.
        denied: How many of the record's sound tuples are of denied flows.
        rules: Name of each rule to how many of them it decided.

    """

    id_prefix: str
    lines: list[str]
    ordinals: Sequence[int]
    bad: tuple[RejectedTuple, ...]
    denied: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How many bytes the flows of one record may take.

    Attributes:
        large: A record whose flows may take more is large: who has many threads forms one at a time.
        most: Tuples whose flows would take more are rejected.

    """

    large: int = 4 * 1024 * 1024
    most: int = 64 * 1024 * 1024


class RecordEncoder(Protocol):
    """Writes the flows of decoded records; see `flow.formatter.Encoder`."""

    def encode(
        self,
        blob: SourceBlob,
        record: Record,
        decoded: FlowRecord,
        *,
        max_flow_bytes: int | None = None,
        before_large: Callable[[], None] | None = None,
    ) -> EncodedRecord:
        """Flatten and encode a record: a flow for each tuple that fits its layout and the limits, in linear memory.

        Args:
            blob: The source blob.
            record: The record as found.
            decoded: The same, decoded.
            max_flow_bytes: A longer flow is rejected; None for no limit.
            before_large: Called before the flows of a large record are formed, see `OutputLimits`.

        """
        ...
