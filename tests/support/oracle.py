"""What the contract's section 1 makes of a record: a slow reader that shares no code with the core."""

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from zlib import crc32

type Flow = dict[str, str | int | None]

DEFAULT_KEYS = (
    "id",
    "time",
    "recordTime",
    "flowLogType",
    "flowLogVersion",
    "macAddress",
    "flowLogResourceId",
    "targetResourceId",
    "aclId",
    "rule",
    "srcIp",
    "destIp",
    "srcPort",
    "destPort",
    "protocol",
    "direction",
    "decision",
    "flowState",
    "encryption",
    "packetsSrcToDest",
    "bytesSrcToDest",
    "packetsDestToSrc",
    "bytesDestToSrc",
)
FURTHER_KEYS = (
    "category",
    "operationName",
    "flowLogGuid",
    "subscriptionId",
    "resourceGroup",
    "resourceType",
    "resourceName",
    "ruleType",
    "protocolName",
    "blob",
)
PROTOCOL_NAMES = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "IPv6-ICMP", 132: "SCTP"}
"""Those that tests use."""

STATES = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}


def flows(raw: bytes, offset: int, blob: str) -> list[Flow | None]:
    """Give each tuple's flow with all keys, or None for a tuple that doesn't fit, in order."""
    record = json.loads(raw)
    key = blake2b(blob.encode(), digest_size=8).hexdigest()
    read = _vnet if "flowRecords" in record else _nsg
    found: list[Flow | None] = []
    for constants, version, text in read(record):
        flow_id = f"{key}-{offset}-{crc32(raw):08x}-{len(found)}"
        if not isinstance(text, str) or not fits(version, text):
            found.append(None)
            continue
        complete = {"id": flow_id, "recordTime": record["time"], "blob": blob, **constants, **_tuple(version, text)}
        found.append({name: complete[name] for name in [*DEFAULT_KEYS, *FURTHER_KEYS]})
    return found


def fits(version: int, text: str) -> bool:
    """Whether a tuple fits the layout of its version."""
    try:
        _tuple(version, text)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _nsg(record: dict[str, Any]) -> list[tuple[Flow, int, Any]]:
    version = int(float(record["properties"]["Version"]))
    constants = {
        "flowLogType": "nsg",
        "flowLogVersion": version,
        "flowLogResourceId": None,
        "aclId": record["resourceId"],
        "flowLogGuid": record.get("systemId"),
        **_of_record(record, record["resourceId"]),
    }
    return [
        ({**constants, "macAddress": group["mac"], **_of_rule(flow["rule"])}, version, text)
        for flow in record["properties"]["flows"]
        for group in flow["flows"]
        for text in group["flowTuples"]
    ]


def _vnet(record: dict[str, Any]) -> list[tuple[Flow, int, Any]]:
    constants = {
        "flowLogType": "vnet",
        "flowLogVersion": 4,
        "flowLogResourceId": record.get("flowLogResourceID"),
        "macAddress": record["macAddress"],
        "flowLogGuid": record.get("flowLogGUID"),
        **_of_record(record, record["targetResourceID"]),
    }
    return [
        ({**constants, "aclId": acl["aclID"], **_of_rule(group["rule"])}, 4, text)
        for acl in record["flowRecords"]["flows"]
        for group in acl["flowGroups"]
        for text in group["flowTuples"]
    ]


def _of_record(record: dict[str, Any], target: str) -> Flow:
    words = target.strip("/").split("/")
    parts: list[str | None] = [None] * 4
    if [word.lower() for word in words[0:5:2]] == ["subscriptions", "resourcegroups", "providers"]:
        names = words[6:]
        parts = [words[1], words[3], "/".join([words[5], *names[::2]]), "/".join(names[1::2])]
    return {
        "targetResourceId": target,
        "category": record.get("category"),
        "operationName": record.get("operationName"),
        **dict(zip(["subscriptionId", "resourceGroup", "resourceType", "resourceName"], parts, strict=True)),
    }


def _of_rule(rule: str) -> Flow:
    kinds = {"DefaultRule_": "default", "UserRule_": "user", "PlatformRule": "platform"}
    return {"rule": rule, "ruleType": next((kinds[prefix] for prefix in kinds if rule.startswith(prefix)), None)}


def _tuple(version: int, text: str) -> Flow:
    """Read a tuple; any error means that it does not fit."""
    parts = text.split(",")
    if len(parts) != (8 if version == 1 else 13):
        raise ValueError
    protocol = _number(parts[5], 255) if version == 4 else {"T": 6, "U": 17}[parts[5]]
    flow: Flow = {
        "time": _time(parts[0]),
        "srcIp": _address(parts[1]),
        "destIp": _address(parts[2]),
        "srcPort": _number(parts[3], 65535),
        "destPort": _number(parts[4], 65535),
        "protocol": protocol,
        "protocolName": PROTOCOL_NAMES.get(protocol),
        "direction": {"I": "inbound", "O": "outbound"}[parts[6]],
        "flowState": None,
        "encryption": None,
    }
    if version == 4:
        flow["flowState"] = STATES[parts[7]]
        flow["decision"] = "deny" if parts[7] == "D" else "allow"
        flow["encryption"] = re.fullmatch(r"X|NX|NX_[A-Z0-9_]+", parts[8])[0]  # type: ignore[index]  # None is an error
    else:
        flow["decision"] = {"A": "allow", "D": "deny"}[parts[7]]
    if version == 2:
        flow["flowState"] = {"B": "begin", "C": "continue", "E": "end"}[parts[8]]
    counters = [None if part == "" else _number(part, 2**63 - 1) for part in parts[9:]] or [None] * 4
    return flow | dict(zip(DEFAULT_KEYS[-4:], counters, strict=True))


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or str(int(text)) != text or int(text) > most:
        raise ValueError
    return int(text)


def _time(text: str) -> str:
    milliseconds = _number(text, 10**13 - 1) * {10: 1000, 13: 1}[len(text)]
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(text: str) -> str:
    if "%" in text or not text.isascii():
        raise ValueError
    (IPv6Address if ":" in text else IPv4Address)(text)
    return text
