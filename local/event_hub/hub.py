"""One hub of the local namespace: its partitions, which of them a message goes to, and what the hub says of itself."""

import itertools
import time
from collections.abc import Sequence

from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from local.event_hub.partition import Partition


class Hub:
    """A hub; its namespace guards what other threads read of it.

    Attributes:
        name: Its name.
        partitions: By their ids.
        consumer_groups: Through which it can be read.

    """

    def __init__(self, name: str, partitions: int, consumer_groups: Sequence[str], retain_bytes: int | None) -> None:
        self.name = name
        self.partitions = {str(number): Partition(retain_bytes) for number in range(partitions)}
        self.consumer_groups = frozenset(consumer_groups)
        self._turns = itertools.cycle(self.partitions)
        self._created_ms = time.time_ns() // 1_000_000

    def choose_partition(self, key: str | None) -> str:
        """Return the id of the partition for a key; without one, the partitions take turns."""
        if key is None:
            return next(self._turns)
        code: int = generate_hash_code(key)  # type: ignore[no-untyped-call]  # the client has no types for it
        return str(code % len(self.partitions))

    def describe(self) -> dict[str, object]:
        """Describe the hub, as its management node does."""
        return {
            "name": self.name,
            "type": "com.microsoft:eventhub",
            "created_at": {TYPE: AMQPTypes.timestamp, VALUE: self._created_ms},
            "partition_count": len(self.partitions),
            "partition_ids": {TYPE: AMQPTypes.array, VALUE: list(self.partitions)},
        }

    def describe_partition(self, number: str) -> dict[str, object]:
        """Describe a partition, as the hub's management node does."""
        partition = self.partitions[number]
        last = partition.last()
        return {
            "name": self.name,
            "type": "com.microsoft:partition",
            "partition": number,
            "begin_sequence_number": {TYPE: AMQPTypes.long, VALUE: partition.first},
            "last_enqueued_sequence_number": {TYPE: AMQPTypes.long, VALUE: partition.end - 1},
            "last_enqueued_offset": str(last.offset),
            "last_enqueued_time_utc": {TYPE: AMQPTypes.timestamp, VALUE: last.enqueued_ms},
            "is_partition_empty": partition.end == partition.first,
        }
