"""AMQP 1.0 as bytes: frames, and the messages inside them. No I/O here.

Every value is encoded and decoded by the codec that azure-eventhub brings (`azure.eventhub._pyamqp`). That codec reads
performatives by index, so it fails on peers that leave trailing nulls out; it writes them all. It loses types: an int
and a long both become int, a string and binary both become bytes. `read_typed_map` keeps them.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR, decode_frame, decode_payload
from azure.eventhub._pyamqp._encode import encode_frame, encode_payload
from azure.eventhub._pyamqp.message import Message
from azure.eventhub._pyamqp.performatives import (
    AttachFrame,
    BeginFrame,
    CloseFrame,
    DetachFrame,
    DispositionFrame,
    EndFrame,
    FlowFrame,
    OpenFrame,
    SASLInit,
    TransferFrame,
)
from azure.eventhub._pyamqp.types import ConstructorBytes

type Performative = NamedTuple
"""Any named tuple of `azure.eventhub._pyamqp.performatives`."""

FRAME_BYTES: Final = 65_536  # the service's own max-frame-size; larger messages come in several frames
EMPTY_FRAME: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"

# AMQP 1.0 part 2, section 2.7, and part 5, section 5.3.3: what a client may send.
_PERFORMATIVES: Final[Mapping[int, Callable[..., Performative]]] = {
    0x10: OpenFrame,
    0x11: BeginFrame,
    0x12: AttachFrame,
    0x13: FlowFrame,
    0x14: TransferFrame,
    0x15: DispositionFrame,
    0x16: DetachFrame,
    0x17: EndFrame,
    0x18: CloseFrame,
    0x41: SASLInit,
}
_HEADER_BYTES: Final = 8  # of a frame, and of a protocol header

_TRANSFER_OVERHEAD: Final = 64  # bytes; more than a frame's header and a transfer's own fields ever take
_FIXED_WIDTHS: Final = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_VARIABLE: Final = 0xA  # from here on, even: one byte says the size; odd: four do
_CODEC_ERRORS: Final = (IndexError, KeyError, TypeError, ValueError, struct.error)  # what the codec raises on bad bytes
_TYPE_NAMES: Final = {
    code[0]: name.partition("_")[0] for name, code in vars(ConstructorBytes).items() if isinstance(code, bytes)
}


class SectionCode(IntEnum):
    """Descriptors of the sections that the hub distinguishes; AMQP 1.0 part 3, section 3.2."""

    HEADER = 0x70
    MESSAGE_ANNOTATIONS = 0x72
    PROPERTIES = 0x73
    APPLICATION_PROPERTIES = 0x74
    DATA = 0x75


class MalformedError(ValueError):
    """Bytes that are not AMQP, or AMQP that the codec can't read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        channel: Number of the session it belongs to.
        performative: Its content; None for an empty frame (a heartbeat).

    """

    channel: int
    performative: Performative | None


class FrameReader:
    """Cuts a byte stream into protocol headers (8 bytes, as they are) and frames.

    There is one buffer to read into, and a transfer's payload is a view of it: what must outlive the next read has to
    be copied. Between reads less than one frame is left in it, so there is always room.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(4 * FRAME_BYTES)
        self._filled = 0

    def room(self) -> memoryview:
        """Return the part of the buffer to read into; never empty."""
        return memoryview(self._buffer)[self._filled :]

    def cut(self, received: int) -> Iterator[bytes | Frame]:
        """Yield what is complete now that so many more bytes were read; to be exhausted. Raises MalformedError."""
        end = self._filled + received
        view = memoryview(self._buffer)
        start = 0
        while end - start >= _HEADER_BYTES:
            is_protocol_header = self._buffer.startswith(b"AMQP", start)
            size = _HEADER_BYTES if is_protocol_header else int.from_bytes(view[start : start + 4])
            if not _HEADER_BYTES <= size <= FRAME_BYTES:
                raise MalformedError(f"a frame of {size} bytes; they have {_HEADER_BYTES} to {FRAME_BYTES}")
            if end - start < size:
                break
            item = view[start : start + size]
            start += size
            yield bytes(item) if is_protocol_header else _read_frame(item)
        self._filled = end - start
        view[: self._filled] = bytes(view[start:end])


def _read_frame(frame: memoryview) -> Frame:
    channel = int.from_bytes(frame[6:8])
    body = frame[4 * frame[4] :]  # the data offset counts words of 4 bytes
    if not body:
        return Frame(channel, None)
    try:
        code, fields = decode_frame(body)
        performative = _PERFORMATIVES[code]
        return Frame(channel, performative(*fields))
    except _CODEC_ERRORS as error:
        raise MalformedError(f"a frame that can't be read: {error!r}") from error


def write_frame(channel: int, performative: Performative, *, sasl: bool = False) -> bytes:
    """Encode one frame."""
    header, body = encode_frame(performative, b"\x01" if sasl else b"\x00")
    return b"".join((header, channel.to_bytes(2), body or b""))


def write_transfers(channel: int, handle: int, delivery: int, message: bytes, frame_bytes: int) -> Iterator[bytes]:
    """Encode one settled message as transfer frames of at most `frame_bytes` each."""
    room = frame_bytes - _TRANSFER_OVERHEAD
    view = memoryview(message)
    for start in range(0, len(message), room):
        transfer = TransferFrame(
            handle=handle,
            delivery_id=delivery,
            delivery_tag=delivery.to_bytes(4),
            message_format=0,
            settled=True,
            more=start + room < len(message),
            rcv_settle_mode=None,
            state=None,
            resume=None,
            aborted=None,
            batchable=None,
            payload=view[start : start + room],
        )
        yield write_frame(channel, transfer)


def read_message(message: bytes | memoryview) -> Message:
    """Decode a message. Raises MalformedError."""
    try:
        return decode_payload(memoryview(message))
    except _CODEC_ERRORS as error:
        raise MalformedError(f"a message that can't be read: {error!r}") from error


def write_message(message: Message) -> bytes:
    """Encode a message."""
    output = bytearray()
    encode_payload(output, message)
    return bytes(output)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of an encoded message.

    Attributes:
        code: Its descriptor, a SectionCode for those that have one.
        raw: The encoded section, descriptor included.

    """

    code: int
    raw: memoryview

    @property
    def value(self) -> Any:  # noqa: ANN401  (a section's code decides its type)
        """Its value as the codec returns it, AMQP types lost. Raises MalformedError."""
        try:
            return _DECODE_BY_CONSTRUCTOR[self.raw[3]](self.raw[4:])[1]
        except _CODEC_ERRORS as error:
            raise MalformedError(f"a section that can't be read: {error!r}") from error

    @property
    def data(self) -> memoryview:
        """The bytes of a data section, not copied."""
        return self.raw[5 if self.raw[3] == ConstructorBytes.binary_small[0] else 8 :]


def read_sections(message: bytes | memoryview) -> list[Section]:
    """Cut an encoded message into its sections. Raises MalformedError."""
    sections = []
    rest = memoryview(message)
    while rest:
        if bytes(rest[:2]) != b"\x00\x53":
            raise MalformedError("a section without a descriptor")
        size = 3 + _measure_value(rest[3:])
        if size > len(rest):
            raise MalformedError("a section that ends early")
        sections.append(Section(rest[2], rest[:size]))
        rest = rest[size:]
    return sections


def _measure_value(value: memoryview) -> int:
    """Return the size of an encoded value, which depends on its first half byte; AMQP 1.0 part 1, section 1.2."""
    kind = value[0] >> 4 if value else 0
    if kind in _FIXED_WIDTHS:
        return 1 + _FIXED_WIDTHS[kind]
    if kind < _VARIABLE:
        raise MalformedError("a value of no known type")
    size_width = 4 if kind % 2 else 1
    return 1 + size_width + int.from_bytes(value[1 : 1 + size_width])


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value with the name of its AMQP type: `int`, `long`, `string` and so on. Strings and symbols are str."""

    type_name: str
    value: object


def read_typed_map(section: Section) -> dict[str, TypedValue]:
    """Read a section whose value is a map with string keys."""
    raw = section.raw
    small = raw[3] == ConstructorBytes.map_small[0]
    count = raw[5] if small else int.from_bytes(raw[8:12])  # of keys and values together
    rest = raw[6:] if small else raw[12:]
    typed = {}
    for _ in range(count // 2):
        rest, name = _DECODE_BY_CONSTRUCTOR[rest[0]](rest[1:])
        type_name = _TYPE_NAMES[rest[0]]
        rest, value = _DECODE_BY_CONSTRUCTOR[rest[0]](rest[1:])
        typed[name.decode()] = TypedValue(type_name, value.decode() if type_name in ("string", "symbol") else value)
    return typed
