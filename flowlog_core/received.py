"""An event as a consumer receives it, and the flows in its body."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from flowlog_core.errors import ReceiveError

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
        properties: Application properties.

    """

    partition: str
    sequence: int
    enqueued: datetime
    body: bytes
    content_type: str | None
    content_encoding: str | None
    properties: Mapping[str, str | int]

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        return f"partition {self.partition}, sequence number {self.sequence}"

    def flows(self) -> list[Flow]:
        """Read the flows in its body, in any of the formats that the forwarder writes.

        Raises:
            ReceiveError: It is none of the forwarder's.

        """
        try:
            body = gzip.decompress(self.body) if self.content_encoding == "gzip" else self.body
            if self.content_type == "application/x-ndjson":
                return [orjson.loads(line) for line in body.splitlines()]
            document = orjson.loads(body)
            flows = document.get("records", [document])
        except (ValueError, OSError, EOFError, AttributeError) as error:
            raise ReceiveError(f"{self.place}: not an event of this forwarder ({error})") from error
        return list(flows)
