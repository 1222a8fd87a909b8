"""An independent reader of flow logs: straightforward, strict, and knowing only a document's bytes and the contract."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

from local.network_watcher.expected import Expected, Flow, Quarantined

NUMBER = r"(?:0|[1-9]\d*)"
PORT = r"(?:0|[1-9]\d{0,4})"
ADDRESS = r"(?:[0-9A-Fa-f]*:[0-9A-Fa-f:]+(?:(?:\d{1,3}\.){3}\d{1,3})?|(?:\d{1,3}\.){3}\d{1,3})"
COUNTERS = rf"(?:{NUMBER},{NUMBER},{NUMBER},{NUMBER}|,,,)"
HEAD = rf"(?:\d{{10}}|\d{{13}}),{ADDRESS},{ADDRESS},{PORT},{PORT}"
TUPLES = {
    1: re.compile(rf"{HEAD},[TU],[IO],[AD]"),
    2: re.compile(rf"{HEAD},[TU],[IO],[AD],[BCE],{COUNTERS}"),
    4: re.compile(rf"{HEAD},\d{{1,3}},[IO],[BCED],N?X[A-Z_]*,{COUNTERS}"),
}
STATES = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}
COUNTER_KEYS = ("packetsSrcToDest", "bytesSrcToDest", "packetsDestToSrc", "bytesDestToSrc")


def documents(folder: Path) -> dict[str, bytes]:
    """Return the flow logs below a folder, by their paths in it."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("PT1H.json")}


def read(document: bytes, blob: str) -> Expected:
    """Read a document as the contract says."""
    key = blake2b(blob.encode(), digest_size=8).hexdigest()
    text, place = document.decode(), len('{"records":[')
    flows: list[Flow] = []
    quarantined = []
    while text[place] != "]":
        record, end = json.JSONDecoder().raw_decode(text, place)
        offset, crc = len(text[:place].encode()), f"{crc32(text[place:end].encode()):08x}"
        bad = []
        entries = list(tuples(record))
        for ordinal, (version, constants, fields) in enumerate(entries):
            if fits(version, fields):
                flows.append({"id": f"{key}-{offset}-{crc}-{ordinal}", **flow(version, constants, fields.split(","))})
            else:
                bad.append(ordinal)
        if bad or not entries:
            quarantined.append(Quarantined(offset, crc, tuple(bad)))
        place = end + (text[end] == ",")
    return Expected(blob, flows, quarantined)


def tuples(record: dict[str, Any]) -> Iterator[tuple[int, Flow, str]]:
    """Yield a known record's tuples, each with its version and what its flow has from the record."""
    if record["category"] == "FlowLogFlowEvent" and record["flowLogVersion"] == 4:
        for acl in record["flowRecords"]["flows"]:
            for group in acl["flowGroups"]:
                constants = {
                    "recordTime": record["time"],
                    "flowLogType": "vnet",
                    "flowLogVersion": 4,
                    "macAddress": record["macAddress"],
                    "flowLogResourceId": record["flowLogResourceID"],
                    "targetResourceId": record["targetResourceID"],
                    "aclId": acl["aclID"],
                    "rule": group["rule"],
                }
                yield from ((4, constants, fields) for fields in group["flowTuples"])
    elif record["category"] != "FlowLogFlowEvent" and float(record["properties"]["Version"]) in {1, 2}:
        version = int(float(record["properties"]["Version"]))
        for rule in record["properties"]["flows"]:
            for group in rule["flows"]:
                constants = {
                    "recordTime": record["time"],
                    "flowLogType": "nsg",
                    "flowLogVersion": version,
                    "macAddress": group["mac"],
                    "flowLogResourceId": None,
                    "targetResourceId": record["resourceId"],
                    "aclId": record["resourceId"],
                    "rule": rule["rule"],
                }
                yield from ((version, constants, fields) for fields in group["flowTuples"])


def fits(version: int, fields: str) -> bool:
    if not TUPLES[version].fullmatch(fields):
        return False
    split = fields.split(",")
    octets = [int(octet) for address in split[1:3] if "." in address for octet in address.rpartition(":")[2].split(".")]
    protocol = int(split[5]) if version == 4 else 0
    return max(octets, default=0) <= 255 and max(int(split[3]), int(split[4])) <= 65_535 and protocol <= 255


def flow(version: int, constants: Flow, fields: list[str]) -> Flow:
    stamp = int(fields[0]) * (1000 if len(fields[0]) == 10 else 1)
    state, denied, encryption = None, fields[7] == "D", None
    if version == 2:
        state = STATES[fields[8]]
    if version == 4:
        state, encryption = STATES[fields[7]], fields[8]
    counters = [int(field) if field else None for field in fields[9:]] or [None] * 4
    return {
        "time": datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{stamp % 1000:03}Z",
        **constants,
        "srcIp": fields[1],
        "destIp": fields[2],
        "srcPort": int(fields[3]),
        "destPort": int(fields[4]),
        "protocol": int({"T": "6", "U": "17"}.get(fields[5], fields[5])),
        "direction": {"I": "inbound", "O": "outbound"}[fields[6]],
        "decision": "deny" if denied else "allow",
        "flowState": state,
        "encryption": encryption,
        **dict(zip(COUNTER_KEYS, counters, strict=True)),
    }
