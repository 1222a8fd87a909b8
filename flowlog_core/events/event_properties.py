"""The application properties of an event, written and read: which bytes of which blob it accounts for, and how.

So an auditor needs no body, and a consumer knows what a body holds before reading it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from flowlog_core import __version__
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.flow.schemas import BY_VERSION
from flowlog_core.flow.schemas.flow_1 import FLOW
from flowlog_core.source.blob import ByteRange

PRODUCER: Final = f"azure-flow-log-forwarder/{__version__}"
"""The product's name and version, as its events have them."""

QUARANTINE_REPLAY: Final = "quarantine"
"""The label, in the property ``replay``, of events that come from quarantine."""

_MOST_PARTS: Final = 1_000_000
"""More than the flows of the largest record; an event that says more is none of the forwarder's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventProperties:
    """What one event says of itself.

    Attributes:
        blob: ``account/container/name`` of the source blob.
        generation: How often the blob had been found rewritten.
        byte_range: The range of the blob that the event accounts for.
        part: Number of this event among those that share the range, from 0.
        parts: How many share it.
        flows: Flows in the event's body.
        quarantined: What of the range is in quarantine, see `TupleCounts`; the same on every part.
        first_id: Id of the first flow in the body.
        last_id: Id of the last one.
        fields: The keys that flows have; in a schema that leaves out nulls, those that they may have.
        replay: Label of a replay, or None.
        producer: Name and version of the product that made the event; None on those made before events said so.
        schema: Name and version of the flows' schema.
        tuples: What the range holds, see `TupleCounts`; the same on every part. None on events made before 0.2.0.

    """

    blob: str
    generation: int
    byte_range: ByteRange
    part: int
    parts: int
    flows: int
    quarantined: int
    first_id: str
    last_id: str
    fields: tuple[str, ...] = FLOW.keys
    replay: str | None = None
    producer: str | None = PRODUCER
    schema: str = FLOW.name
    tuples: int | None = None

    @classmethod
    def read(cls, properties: Mapping[str, str | int]) -> Self | None:
        """Read an event's application properties; None where they are not the forwarder's, or of another schema."""
        try:
            schema = BY_VERSION[_text(properties["schema"])]
            fields = _optional_text(properties, "fields")
            if fields is not None and schema is not FLOW:
                return None
            read = cls(
                blob=_text(properties["blob"]),
                generation=_number(properties["generation"]),
                byte_range=ByteRange(_number(properties["rangeStart"]), _number(properties["rangeEnd"])),
                part=_number(properties["part"]),
                parts=_number(properties["parts"]),
                flows=_number(properties["flows"]),
                quarantined=_number(properties["quarantined"]),
                first_id=_text(properties["firstId"]),
                last_id=_text(properties["lastId"]),
                fields=schema.keys if fields is None else tuple(fields.split(",")),
                replay=_optional_text(properties, "replay"),
                producer=_optional_text(properties, "producer"),
                schema=schema.name,
                tuples=_number(properties["tuples"]) if "tuples" in properties else None,
            )
        except (KeyError, ValueError):
            return None
        return read if read._is_sound() else None

    def write(self) -> dict[str, str | int]:
        """Write as application properties; what is not said is left out."""
        writer = PropertiesWriter(
            self.blob,
            self.generation,
            schema=self.schema,
            fields=self.fields,
            replay=self.replay,
            producer=self.producer,
        )
        written = writer.write(
            self.byte_range,
            part=self.part,
            parts=self.parts,
            flows=self.flows,
            counts=TupleCounts(self.tuples or 0, self.quarantined),
            first_id=self.first_id,
            last_id=self.last_id,
        )
        if self.tuples is None:
            del written["tuples"]
        return written

    def _is_sound(self) -> bool:
        return self.byte_range.start < self.byte_range.end and self.part < self.parts <= _MOST_PARTS


class PropertiesWriter:
    """Writes the properties of one blob's events; see `EventProperties`.

    In the format ``json`` each flow is an event, so what a blob's events have in common is prepared once.
    """

    def __init__(
        self,
        blob: str,
        generation: int,
        *,
        schema: str = FLOW.name,
        fields: tuple[str, ...] = FLOW.keys,
        replay: str | None = None,
        producer: str | None = PRODUCER,
    ) -> None:
        """Take what the events have in common."""
        self._common: dict[str, str | int] = {"schema": schema}
        if fields != BY_VERSION[schema].keys:
            self._common["fields"] = ",".join(fields)
        if producer is not None:
            self._common["producer"] = producer
        self._common |= {"blob": blob, "generation": generation}
        if replay is not None:
            self._common["replay"] = replay

    def write(
        self,
        byte_range: ByteRange,
        *,
        part: int,
        parts: int,
        flows: int,
        counts: TupleCounts,
        first_id: str,
        last_id: str,
    ) -> dict[str, str | int]:
        """Write the properties of one event; `counts` is what its range holds."""
        return {  # what differs first: a dict of a known size is made faster than a copy that grows
            "rangeStart": byte_range.start,
            "rangeEnd": byte_range.end,
            "part": part,
            "parts": parts,
            "flows": flows,
            "tuples": counts.tuples,
            "quarantined": counts.quarantined,
            "firstId": first_id,
            "lastId": last_id,
            **self._common,
        }

    def most_bytes(self, longest_id: str) -> int:
        """Bound the size of any event's properties as AMQP 1.0 encodes them (part 1, section 1.6).

        Numbers are sent as longs, which take 9 bytes. Texts take up to 5 more than their own, keys 2.

        Args:
            longest_id: As long as any id of a flow.

        """
        longest = self.write(
            ByteRange(0, 0), part=0, parts=0, flows=0, counts=TupleCounts(), first_id=longest_id, last_id=longest_id
        )
        values = sum(9 if isinstance(value, int) else 5 + len(value.encode()) for value in longest.values())
        return values + sum(2 + len(key) for key in longest)


def _number(value: str | int) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number")
    return value


def _text(value: str | int) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 # as of a wrong number
    return value


def _optional_text(properties: Mapping[str, str | int], key: str) -> str | None:
    return _text(properties[key]) if key in properties else None
