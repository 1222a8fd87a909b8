"""What a forwarder must make of every record: computed from the model that wrote it, never by reading its text.

It follows what is documented of flows and of the quarantine, and shares no code with the forwarder, so that the two can
only agree by both being right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from zlib import crc32

from local.network_watcher.layouts import NSG_1, NSG_2, VNET, Style
from local.network_watcher.records import Record
from local.network_watcher.traffic import Observation

type Flow = dict[str, str | int | None]
"""A flow with every default key, in order."""

_STATES: Final = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that must be in quarantine.

    Attributes:
        offset: Of its `{` in the blob.
        crc: CRC-32 of its bytes, 8 hexadecimal digits.
        ordinals: Its bad tuples, ascending; empty where nothing of the record can be read.

    """

    offset: int
    crc: str
    ordinals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of one append to a blob.

    Attributes:
        blob: `account/container/name`.
        flows: In the blob's order.
        quarantined: In the blob's order.

    """

    blob: str
    flows: list[Flow]
    quarantined: list[Quarantined]


def expect(blob: str, records: Sequence[Record], offsets: Sequence[int]) -> Expected:
    """Compute what must come of `records`, put at `offsets` into `blob` (`account/container/name`)."""
    key = blake2b(blob.encode(), digest_size=8).hexdigest()
    flows: list[Flow] = []
    quarantined = []
    for record, offset in zip(records, offsets, strict=True):
        crc = f"{crc32(record.text):08x}"
        if record.broken or record.unknown:
            quarantined.append(Quarantined(offset, crc, record.broken))
        if not record.unknown:
            flows += _make_flows(record, f"{key}-{offset}-{crc}-")
    return Expected(blob, flows, quarantined)


def _make_flows(record: Record, id_stem: str) -> list[Flow]:
    """Make a record's flows; their ids are `id_stem` and the tuple's ordinal."""
    return [
        _make_flow(record, seen, f"{id_stem}{ordinal}")
        for ordinal, seen in enumerate(record.tuples)
        if ordinal not in record.broken
    ]


def _make_flow(record: Record, seen: Observation, flow_id: str) -> Flow:
    """Make one tuple's flow."""
    log, style, talk, rule = record.interface.log, record.style, seen.conversation, seen.conversation.service.rule
    vnet = style.version == VNET
    packets_out, bytes_out, packets_back, bytes_back = _read_counters(seen, style)
    return {
        "id": flow_id,
        "time": _format_time(seen.millis, in_seconds=not vnet or style.in_seconds),
        "recordTime": style.time,
        "flowLogType": "vnet" if vnet else "nsg",
        "flowLogVersion": style.version,
        "macAddress": record.interface.mac,
        "flowLogResourceId": log.flow_log_id,
        "targetResourceId": log.target_id,
        "aclId": log.acl_id(rule),
        "rule": rule.name,
        "srcIp": talk.src_ip,
        "destIp": talk.dest_ip,
        "srcPort": talk.src_port,
        "destPort": talk.dest_port,
        "protocol": talk.protocol,
        "direction": "inbound" if rule.direction == "I" else "outbound",
        "decision": "deny" if rule.denies else "allow",
        "flowState": _name_state(seen, style),
        "encryption": talk.encryption if vnet else None,
        "packetsSrcToDest": packets_out,
        "bytesSrcToDest": bytes_out,
        "packetsDestToSrc": packets_back,
        "bytesDestToSrc": bytes_back,
    }


def _name_state(seen: Observation, style: Style) -> str | None:
    """Name the state: version 1 has none, and version 2 writes a denied conversation as begun."""
    if style.version == NSG_1:
        return None
    return _STATES["B" if style.version == NSG_2 and seen.state == "D" else seen.state]


def _read_counters(seen: Observation, style: Style) -> Sequence[int | None]:
    """Return the four counters: none in version 1; version 2 leaves those of begun conversations empty, 4 writes 0."""
    if style.version != NSG_1 and seen.counters is not None:
        return seen.counters
    if style.version == VNET and not (style.empty_begin and seen.state == "B"):
        return (0, 0, 0, 0)
    return (None, None, None, None)


@lru_cache(maxsize=256)
def _format_second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def _format_time(millis: int, *, in_seconds: bool) -> str:
    """Write Unix milliseconds as UTC, cut to seconds where the log has only these."""
    return f"{_format_second(millis // 1_000)}.{0 if in_seconds else millis % 1_000:03}Z"
