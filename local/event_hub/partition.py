"""The events of the local hub: as sent, as stored in a partition, and as a receiver reads them.

An event is stored encoded, as a consumer receives it. It is never decoded and encoded again, for the codec loses AMQP
types: its sections stay as they came, and only the message annotations, with its position in the hub, are new.
"""

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from azure.eventhub._pyamqp.message import Message, Properties
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes
from azure.eventhub._pyamqp.utils import CE_ZERO_SECONDS

from local.event_hub.amqp_frames import Section, SectionCode, read_sections, read_typed_map, write_message

_BATCH_FORMAT: Final = 0x8001_3700  # Event Hubs' message format for "each data section is one encoded event"
_NEVER_MS: Final = (
    CE_ZERO_SECONDS * 1000
)  # what the service reports as the last event's time where there was none: year 1
# The filter of a receiver's source, as azure-eventhub writes it: `x-opt-offset > '-1'`.
_SELECTOR: Final = re.compile(
    r"amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) (>=?) '(@latest|-?[0-9]+)'"
)


@dataclass(frozen=True, slots=True)
class SentEvents:
    """The events of one send.

    Attributes:
        partition_key: The key that the client sent, or None.
        events: Each event's sections.

    """

    partition_key: str | None
    events: tuple[list[Section], ...]

    @classmethod
    def read(cls, message: bytes | memoryview, message_format: int | None) -> Self:
        """Read a message of one event, or a batch of them. Raises MalformedError."""
        sections = read_sections(message)
        if message_format == _BATCH_FORMAT:
            events = tuple(read_sections(section.data) for section in sections if section.code == SectionCode.DATA)
        else:
            events = (sections,)
        return cls(_read_partition_key(sections), events)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as the hub stores it.

    Attributes:
        partition: Number of the partition, from 0.
        sequence_number: Counts the partition's events, from 0.
        offset: Its position in the partition; opaque to consumers, and not the sequence number.
        enqueued_time: When the hub stored it, UTC, to the millisecond.
        partition_key: The key it was sent with, or None.
        body: The body's data sections, joined; empty for an AMQP value or sequence.
        properties: Application properties; strings and symbols are str, binary is bytes.
        property_types: Each property's AMQP type as sent: `int`, `long`, `string` and so on.
        content_type: AMQP property, or None.
        content_encoding: AMQP property, or None.

    """

    partition: int
    sequence_number: int
    offset: str
    enqueued_time: datetime
    partition_key: str | None
    body: bytes
    properties: Mapping[str, object]
    property_types: Mapping[str, str]
    content_type: str | None
    content_encoding: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in a partition.

    Attributes:
        offset: Bytes of the events before it.
        enqueued_ms: Milliseconds since 1970; never less than those of the event before it.
        encoded: The event as consumers receive it.

    """

    offset: int
    enqueued_ms: int
    encoded: bytes

    def read(self, partition: int) -> StoredEvent:
        """Decode it."""
        sections = read_sections(self.encoded)
        by_code = {section.code: section for section in sections}
        annotations = by_code[SectionCode.MESSAGE_ANNOTATIONS].value
        named = by_code.get(SectionCode.PROPERTIES)
        properties = Properties(*named.value) if named else Properties()
        custom = by_code.get(SectionCode.APPLICATION_PROPERTIES)
        typed = read_typed_map(custom) if custom else {}
        return StoredEvent(
            partition=partition,
            sequence_number=annotations[b"x-opt-sequence-number"],
            offset=str(self.offset),
            enqueued_time=datetime.fromtimestamp(self.enqueued_ms / 1000, UTC),
            partition_key=_read_partition_key(sections),
            body=b"".join(section.data for section in sections if section.code == SectionCode.DATA),
            properties={name: typed_value.value for name, typed_value in typed.items()},
            property_types={name: typed_value.type_name for name, typed_value in typed.items()},
            content_type=_text(properties.content_type),
            content_encoding=_text(properties.content_encoding),
        )


class Partition:
    """One partition: the events with sequence numbers from `first` up to, not including, `end`.

    Attributes:
        first: Sequence number of the oldest event that is kept.
        end: That of the next event.
        watchers: Functions to call after an append, by their reader.

    """

    def __init__(self, retain_bytes: int | None) -> None:
        """Keep at most `retain_bytes`, and the newest event in any case; None keeps everything."""
        self.first = 0
        self.end = 0
        self.watchers: dict[Reader, Callable[[], None]] = {}
        self._entries: dict[int, Entry] = {}
        self._retain_bytes = retain_bytes
        self._kept_bytes = 0
        self._next_offset = 0

    def append(self, sent: SentEvents) -> None:
        """Store events, and drop the oldest where they are too many."""
        now = max(time.time_ns() // 1_000_000, self.last().enqueued_ms)
        for sections in sent.events:
            encoded = _stamp(sections, self.end, self._next_offset, now, sent.partition_key)
            self._entries[self.end] = Entry(self._next_offset, now, encoded)
            self.end += 1
            self._next_offset += len(encoded)
            self._kept_bytes += len(encoded)
        while self._retain_bytes is not None and self._kept_bytes > self._retain_bytes and self.first < self.end - 1:
            self._kept_bytes -= len(self._entries.pop(self.first).encoded)
            self.first += 1

    def entry(self, sequence_number: int) -> Entry:
        """Return the event with that number, from `first` up to `end`."""
        return self._entries[sequence_number]

    def entries(self) -> list[Entry]:
        """Return all events, oldest first."""
        return list(self._entries.values())

    def last(self) -> Entry:
        """Return the newest event; where there is none, what the service reports then."""
        return self._entries.get(self.end - 1, Entry(-1, _NEVER_MS, b""))

    def find(self, selector: bytes) -> int:
        """Return the sequence number of the first event that a source's filter accepts. Raises ValueError."""
        match = _SELECTOR.fullmatch(selector.decode())
        if match is None:
            raise ValueError(f"not a position in a partition: {selector.decode()}")
        what, operator, value = match.groups()
        if value == "@latest":
            return self.end
        keys: Mapping[str, Callable[[int], int]] = {
            "offset": lambda number: self._entries[number].offset,
            "sequence-number": lambda number: number,
            "enqueued-time": lambda number: self._entries[number].enqueued_ms,
        }
        bisect = bisect_left if operator == ">=" else bisect_right
        return self.first + bisect(range(self.first, self.end), int(value), key=keys[what])


class Reader:
    """Reads a partition for one receiver. Events that were dropped before it reached them are left out."""

    def __init__(self, partition: Partition, start: int) -> None:
        self._partition = partition
        self._next = start

    def take(self) -> bytes | None:
        """Return the next event, encoded, or None while there is none."""
        number = max(self._next, self._partition.first)
        if number >= self._partition.end:
            return None
        self._next = number + 1
        return self._partition.entry(number).encoded

    def watch(self, wake: Callable[[], None] | None) -> None:
        """Call `wake` after each append; None ends that."""
        if wake is None:
            self._partition.watchers.pop(self, None)
        else:
            self._partition.watchers[self] = wake


def _stamp(sections: list[Section], number: int, offset: int, enqueued_ms: int, key: str | None) -> bytes:
    annotations: dict[str | bytes, object] = {
        b"x-opt-sequence-number": {TYPE: AMQPTypes.long, VALUE: number},
        b"x-opt-offset": {TYPE: AMQPTypes.string, VALUE: str(offset)},
        b"x-opt-enqueued-time": {TYPE: AMQPTypes.timestamp, VALUE: enqueued_ms},
    }
    if key is not None:
        annotations[b"x-opt-partition-key"] = {TYPE: AMQPTypes.string, VALUE: key}
    before = [section.raw for section in sections if section.code == SectionCode.HEADER]
    replaced = (SectionCode.HEADER, SectionCode.MESSAGE_ANNOTATIONS)
    after = [section.raw for section in sections if section.code not in replaced]
    return b"".join((*before, write_message(Message(message_annotations=annotations)), *after))


def _read_partition_key(sections: list[Section]) -> str | None:
    for section in sections:
        if section.code == SectionCode.MESSAGE_ANNOTATIONS:
            key = section.value.get(b"x-opt-partition-key")
            return key.decode() if isinstance(key, bytes) else None  # the service ignores keys that are no strings
    return None


def _text(symbol: str | bytes | None) -> str | None:
    return symbol.decode() if isinstance(symbol, bytes) else symbol
