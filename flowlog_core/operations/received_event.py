"""An event as a consumer receives it, and the flows in its body."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flowlog_core.errors import EventUnreadableError
from flowlog_core.events.body_reader import Flow, read_flows
from flowlog_core.events.event_properties import EventProperties
from flowlog_core.flow.read_back import FlowReader
from flowlog_core.flow.schemas import BY_VERSION
from flowlog_core.flow.schemas.flow_1 import FLOW

_READERS: Final = {name: FlowReader(schema) for name, schema in BY_VERSION.items() if schema is not FLOW}


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One event of the hub.

    Attributes:
        partition: Id of its partition.
        sequence: Its number there.
        enqueued: When the hub took it.
        body: As sent.
        content_type: AMQP property, or None.
        content_encoding: AMQP property, or None.
        properties: What it says of itself, or None where it is no event of the forwarder.

    """

    partition: str
    sequence: int
    enqueued: datetime
    body: bytes
    content_type: str | None
    content_encoding: str | None
    properties: EventProperties | None

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        return f"partition {self.partition}, sequence number {self.sequence}"

    def flows(self) -> Iterator[Flow]:
        """Read the flows in its body, one after the other, in any of the formats that the forwarder writes.

        No more is read than as many flows as it announces.

        Raises:
            EventUnreadableError: It is none of the forwarder's, or of another version's, or does not hold the flows
                that it announces; those before that were read.

        """
        if self.properties is None:
            fault = "not an event of this forwarder, or in a schema of a later version, by its application properties"
            raise EventUnreadableError(f"{self.place}: {fault}")
        announced = self.properties.flows
        count = 0
        try:
            for flow in read_flows(self.body, self.content_type, self.content_encoding):
                count += 1
                if count > announced:
                    break
                yield flow
        except ValueError as error:
            raise EventUnreadableError(f"{self.place}: its body can't be read ({error})") from error
        if count != announced:
            found = f"{count} flows" if count < announced else "more flows"
            raise EventUnreadableError(f"{self.place}: its body holds {found}, where it announces {announced}")

    def read_back(self, flow: Flow) -> Flow:
        """Return the values of one of its flows by their keys in ``flow/1``, whatever its schema.

        Raises:
            EventUnreadableError: The schema that it announces has no such flow.

        """
        reader = self._reader
        try:
            return flow if reader is None else reader.read(flow)
        except ValueError as error:
            raise EventUnreadableError(f"{self.place}: its body can't be read ({error})") from error

    @property
    def keys(self) -> AbstractSet[str]:
        """The keys of ``flow/1`` that its flows may have values for."""
        if self.properties is None:
            return frozenset()
        reader = self._reader
        return frozenset(self.properties.fields) if reader is None else reader.names

    @property
    def _reader(self) -> FlowReader | None:
        """What reads its flows; None where they are as in ``flow/1``."""
        return None if self.properties is None else _READERS.get(self.properties.schema)
