"""The straightforward implementation, for comparison: the standard library, a dict a flow, columns counted.

It takes a complete blob and returns every flow with all default keys and the same values as the product, as a test
asserts. It does less: of a tuple it looks at nothing but the number of columns, it keeps nothing of what it leaves out,
it packs nothing, and on a malformed record it fails.
"""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

_STATES: Final = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}
_MILLISECONDS_DIGITS: Final = 13
_COLUMNS: Final = {8, 13}


def encode_flows(document: bytes, blob: str) -> list[str]:
    """Give the flows of a flow log as JSON objects; `blob` is ``account/container/name``."""
    key = blake2b(blob.encode(), digest_size=8).hexdigest()
    lines = []
    for id_stem, record in _records(document.decode()):
        make = _vnet_flows if "flowRecords" in record else _nsg_flows
        lines += [json.dumps(flow) for flow in make(record, f"{key}-{id_stem}")]
    return lines


def _records(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parse each record; give it with the part of its flows' ids that tells its place and its bytes.

    The parser is that of `json.loads`, called record by record only because it doesn't tell places otherwise.
    """
    parse = json.JSONDecoder().raw_decode
    position = offset = text.index("[") + 1
    while text[position] != "]":
        record, end = parse(text, position)
        raw = text[position:end].encode()
        yield f"{offset}-{zlib.crc32(raw):08x}-", record
        offset += len(raw)
        position = end
        if text[position] == ",":
            position += 1
            offset += 1


def _nsg_flows(record: dict[str, Any], id_stem: str) -> list[dict[str, Any]]:
    flows: list[dict[str, Any]] = []
    ordinal = -1
    properties = record["properties"]
    for outer in properties["flows"]:
        for group in outer["flows"]:
            for text in group["flowTuples"]:
                columns = text.split(",")
                ordinal += 1
                if len(columns) not in _COLUMNS:
                    continue
                state, *counters = columns[8:] or ["", "", "", "", ""]
                flows.append(
                    {
                        "id": f"{id_stem}{ordinal}",
                        "time": _iso(columns[0]),
                        "recordTime": record["time"],
                        "flowLogType": "nsg",
                        "flowLogVersion": int(float(properties["Version"])),
                        "macAddress": group["mac"],
                        "flowLogResourceId": None,
                        "targetResourceId": record["resourceId"],
                        "aclId": record["resourceId"],
                        "rule": outer["rule"],
                        "srcIp": columns[1],
                        "destIp": columns[2],
                        "srcPort": int(columns[3]),
                        "destPort": int(columns[4]),
                        "protocol": 6 if columns[5] == "T" else 17,
                        "direction": "inbound" if columns[6] == "I" else "outbound",
                        "decision": "deny" if columns[7] == "D" else "allow",
                        "flowState": _STATES[state] if state else None,
                        "encryption": None,
                        "packetsSrcToDest": _number(counters[0]),
                        "bytesSrcToDest": _number(counters[1]),
                        "packetsDestToSrc": _number(counters[2]),
                        "bytesDestToSrc": _number(counters[3]),
                    }
                )
    return flows


def _vnet_flows(record: dict[str, Any], id_stem: str) -> list[dict[str, Any]]:
    flows: list[dict[str, Any]] = []
    ordinal = -1
    for outer in record["flowRecords"]["flows"]:
        for group in outer["flowGroups"]:
            for text in group["flowTuples"]:
                columns = text.split(",")
                ordinal += 1
                if len(columns) not in _COLUMNS:
                    continue
                flows.append(
                    {
                        "id": f"{id_stem}{ordinal}",
                        "time": _iso(columns[0]),
                        "recordTime": record["time"],
                        "flowLogType": "vnet",
                        "flowLogVersion": int(float(record["flowLogVersion"])),
                        "macAddress": record["macAddress"],
                        "flowLogResourceId": record["flowLogResourceID"],
                        "targetResourceId": record["targetResourceID"],
                        "aclId": outer["aclID"],
                        "rule": group["rule"],
                        "srcIp": columns[1],
                        "destIp": columns[2],
                        "srcPort": int(columns[3]),
                        "destPort": int(columns[4]),
                        "protocol": int(columns[5]),
                        "direction": "inbound" if columns[6] == "I" else "outbound",
                        "decision": "deny" if columns[7] == "D" else "allow",
                        "flowState": _STATES[columns[7]],
                        "encryption": columns[8],
                        "packetsSrcToDest": _number(columns[9]),
                        "bytesSrcToDest": _number(columns[10]),
                        "packetsDestToSrc": _number(columns[11]),
                        "bytesDestToSrc": _number(columns[12]),
                    }
                )
    return flows


def _iso(stamp: str) -> str:
    seconds = int(stamp) / 1000 if len(stamp) == _MILLISECONDS_DIGITS else int(stamp)
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str) -> int | None:
    return int(text) if text else None
