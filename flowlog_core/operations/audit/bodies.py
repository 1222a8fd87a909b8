"""Whether the body of an event holds the flows that its properties announce."""

import re
from typing import Final

from flowlog_core.errors import EventUnreadableError
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.flow.schemas.flow_1 import FLOW
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange

_NUMBER: Final = r"(0|[1-9]\d{0,18})"
_RECORD: Final = re.compile(rf"([0-9a-f]{{16}})-{_NUMBER}-[0-9a-f]{{8}}", re.ASCII)
_ORDINAL: Final = re.compile(_NUMBER, re.ASCII)


def body_fault(event: ReceivedEvent, properties: EventProperties, blob_key: str) -> str | None:
    """Say in what an event's body is not what its properties announce; None where it is.

    Flows are as many as announced, of the schema and with the keys that are, and with ids of this blob and range, each
    once and in order, from `first_id` to `last_id`; where ``FLOWLOG_FIELDS`` leaves out the ids, their number and keys
    must do.

    Args:
        event: Its body is read piece by piece, up to the first fault; nothing is kept of it.
        properties: What it says of itself.
        blob_key: The key of the blob that it names.

    """
    try:
        fault = _fault_in(event, properties, blob_key)
    except EventUnreadableError as error:
        return f"event at {error}"
    return None if fault is None else f"event at {event.place}: {fault}"


def _fault_in(event: ReceivedEvent, properties: EventProperties, blob_key: str) -> str | None:
    announced = _Ids(blob_key, properties.byte_range)
    first, last = properties.first_id, properties.last_id
    if not announced.follows(first) or not (first == last or announced.follows(last)):
        return "it announces ids that are none of its blob and range"
    fields = list(properties.fields) if properties.schema == FLOW.name else None
    ids = _Ids(blob_key, properties.byte_range) if "id" in event.keys else None
    begins = ends = None
    for flow in event.flows():
        if fields is not None and [*flow] != fields:
            return "its body has a flow with other keys than announced"
        values = event.read_back(flow)
        if ids is None:
            continue
        ends = values.get("id")
        begins = begins or ends
        if not ids.follows(ends):
            return "its body has an id that is none of its blob and range, or out of order"
    if ids is not None and (begins, ends) != (first, last):
        return "its body begins or ends with another flow than announced"
    return None


class _Ids:
    """Holds ids to a blob, a range and their order; those of one record have all but their ends in common."""

    def __init__(self, blob_key: str, byte_range: ByteRange) -> None:
        self._blob_key = blob_key
        self._byte_range = byte_range
        self._record: str | None = None
        self._offset = self._ordinal = -1

    def follows(self, text: object) -> bool:
        """Say whether this can be the id of the next flow."""
        record, _, end = str(text).rpartition("-")
        if record != self._record and not self._begins(record):
            return False
        ordinal = int(end) if _ORDINAL.fullmatch(end) else -1
        before, self._ordinal = self._ordinal, ordinal
        return before < ordinal

    def _begins(self, record: str) -> bool:
        match = _RECORD.fullmatch(record)
        if match is None or match[1] != self._blob_key:
            return False
        offset = int(match[2])
        before, self._offset = self._offset, offset
        self._record, self._ordinal = record, -1
        return before < offset and self._byte_range.start <= offset < self._byte_range.end
