"""An event as a consumer receives it, and the flows in its body."""

import gzip
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from flowlog_core.errors import ReceiveError
from flowlog_core.events.event_properties import EventProperties

type Flow = dict[str, Any]


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

    def flows(self) -> list[Flow]:
        """Read the flows in its body, in any of the formats that the forwarder writes.

        Raises:
            ReceiveError: It is none of the forwarder's, or of another version's.

        """
        if self.properties is None:
            raise ReceiveError(f"{self.place}: not an event of this forwarder, by its application properties")
        try:
            flows = self._documents()
        except (ValueError, OSError, EOFError, zlib.error, TypeError, AttributeError) as error:
            raise ReceiveError(f"{self.place}: its body can't be read ({error})") from error
        if not all(isinstance(flow, dict) for flow in flows):
            raise ReceiveError(f"{self.place}: its body holds something else than flows")
        return flows

    def _documents(self) -> list[Any]:
        body = gzip.decompress(self.body) if self.content_encoding == "gzip" else self.body
        if self.content_type == "application/x-ndjson":
            return [orjson.loads(line) for line in body.split(b"\n")]
        document = orjson.loads(body)
        return list(document.get("records", [document]))
