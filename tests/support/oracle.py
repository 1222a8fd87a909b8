"""What the contract's section 1 makes of a record: a slow reader that shares no code with the core."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from zlib import crc32

import communityid

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
    "ipVersion",
    "bytes",
    "packets",
    "communityId",
)
PROTOCOL_NAMES = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "IPv6-ICMP", 132: "SCTP"}
"""Those that tests use."""

STATES = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}


@dataclass
class Reading:
    """What is to come of a record.

    Attributes:
        flows: For each tuple that can be counted its flow, or None for one that gives none.
        uncounted: JSON pointers of the levels whose tuples can't be counted.
        faulty: Whether the record itself has a fault, so that none of its tuples gives a flow.

    """

    flows: list[Flow | None] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)
    faulty: bool = False

    @property
    def tuples(self) -> int:
        """What the record counts for: a faulty one that has nothing to be counted is one."""
        return len(self.flows) + len(self.uncounted) or int(self.faulty)


def read(raw: bytes, offset: int, blob: str) -> Reading | None:
    """Read a record level by level; None where nothing of it can be counted."""
    record = json.loads(raw)
    if ("flowRecords" in record) == ("properties" in record):
        return None
    version, body, (upper_name, lowers_key, lower_name) = _levels(record)
    if version is None or not isinstance(body, dict) or not isinstance(body.get("flows"), list):
        return None
    key, reading = blake2b(blob.encode(), digest_size=8).hexdigest(), Reading(faulty=_is_faulty(record, version))
    at = "/flowRecords/flows" if version == 4 else "/properties/flows"
    for number, upper in enumerate(body["flows"]):
        if not isinstance(upper, dict) or not isinstance(upper.get(lowers_key), list):
            reading.uncounted.append(f"{at}/{number}")
            continue
        for index, lower in enumerate(upper[lowers_key]):
            if not isinstance(lower, dict) or not isinstance(lower.get("flowTuples"), list):
                reading.uncounted.append(f"{at}/{number}/{lowers_key}/{index}")
                continue
            names = [name for name in (upper.get(upper_name), lower.get(lower_name)) if isinstance(name, str)]
            sound = not reading.faulty and len(names) == 2
            constants = _constants(record, version, *names) if sound else None
            for text in lower["flowTuples"]:
                flow_id = f"{key}-{offset}-{crc32(raw):08x}-{len(reading.flows)}"
                if constants is None or not isinstance(text, str) or not fits(version, text):
                    reading.flows.append(None)
                else:
                    complete = {"id": flow_id, "blob": blob, **constants, **_tuple(version, text)}
                    reading.flows.append({name: complete[name] for name in [*DEFAULT_KEYS, *FURTHER_KEYS]})
    return reading


def flows(raw: bytes, offset: int, blob: str) -> list[Flow | None]:
    """Give each tuple's flow with all keys, or None for a tuple that gives none, in order."""
    reading = read(raw, offset, blob)
    assert reading is not None
    return reading.flows


def fits(version: int, text: str) -> bool:
    """Whether a tuple fits the layout of its version."""
    try:
        _tuple(version, text)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _levels(record: dict[str, Any]) -> tuple[int | None, Any, tuple[str, str, str]]:
    """Give a record's version, if it is known, what its levels are in, and their keys."""
    if "flowRecords" in record:
        version = _version(record.get("flowLogVersion"))
        return version if version == 4 else None, record["flowRecords"], ("aclID", "flowGroups", "rule")
    properties = record["properties"]
    version = _version(properties.get("Version")) if isinstance(properties, dict) else None
    return version if version in {1, 2} else None, properties, ("rule", "flows", "mac")


def _version(written: object) -> int | None:
    plain = isinstance(written, (int, float, str)) and not isinstance(written, bool)
    match = re.fullmatch(r"([0-9]+)(\.0+)?", str(written)) if plain else None
    return int(match[1]) if match else None


def _is_faulty(record: dict[str, Any], version: int) -> bool:
    """Whether a record lacks a text that its flows have, or has something else in its place."""
    needed, optional = ["time", "resourceId"], ["category", "operationName", "systemId"]
    if version == 4:
        needed = ["time", "macAddress", "targetResourceID"]
        optional = ["category", "operationName", "flowLogGUID", "flowLogResourceID"]
    texts = [record.get(key) for key in needed] + [record[key] for key in optional if record.get(key) is not None]
    return not all(isinstance(text, str) for text in texts)


def _constants(record: dict[str, Any], version: int, upper: str, lower: str) -> Flow:
    """Give what a flow group's flows have in common."""
    vnet = version == 4
    target = record["targetResourceID" if vnet else "resourceId"]
    return {
        "recordTime": record["time"],
        "flowLogType": "vnet" if vnet else "nsg",
        "flowLogVersion": version,
        "flowLogResourceId": record.get("flowLogResourceID") if vnet else None,
        "flowLogGuid": record.get("flowLogGUID" if vnet else "systemId"),
        "macAddress": record["macAddress"] if vnet else lower,
        "aclId": upper if vnet else target,
        **_of_rule(lower if vnet else upper),
        **_of_record(record, target),
    }


def _of_record(record: dict[str, Any], target: str) -> Flow:
    root, *words = target.removesuffix("/").split("/")
    names = words[6:]
    parts: list[str | None] = [None] * 4
    heads = [word.lower() for word in words[0:5:2]]
    sound = not root and all(words) and len(names) > 0 and len(names) % 2 == 0  # pairs of type and name
    if sound and heads == ["subscriptions", "resourcegroups", "providers"]:
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
    return flow | dict(zip(DEFAULT_KEYS[-4:], counters, strict=True)) | _computed(parts, protocol, counters)


def _computed(parts: list[str], protocol: int, counters: list[int | None]) -> Flow:
    """Compute what no column has."""
    packets, octets = [_sum(*pair) for pair in zip(counters[:2], counters[2:], strict=True)]
    return {
        "ipVersion": ip_address(parts[1]).version,
        "packets": packets,
        "bytes": octets,
        "communityId": None if protocol in {1, 58} else _community_id(protocol, *parts[1:5]),
    }


def _sum(sent: int | None, returned: int | None) -> int | None:
    return None if sent is None or returned is None or sent + returned >= 2**63 else sent + returned


def _community_id(protocol: int, source: str, destination: str, *ports: str) -> str:
    """Ask the package of the specification's authors."""
    numbers = map(int, ports) if protocol in {6, 17, 132} else ()
    made: str = communityid.CommunityID().calc(communityid.FlowTuple(protocol, source, destination, *numbers))
    return made


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
