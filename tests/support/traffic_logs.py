"""Records of chosen tuples, for tests of what logs tell of the traffic."""

import json
from collections.abc import Sequence

from tests.support.flow_logs import nsg_record, vnet_record

MAC = "00155D123456"


def vnet_log(
    tuples: Sequence[str], *, mac: str = MAC, rule: str = "UserRule_web", time: str = "2026-11-20T23:05:30.1234567Z"
) -> bytes:
    """A record of a VNet flow log."""
    value = json.loads(vnet_record(0, rule=rule))
    value["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"] = list(tuples)
    return json.dumps({**value, "macAddress": mac, "time": time}, separators=(",", ":")).encode()


def nsg_log(
    tuples: Sequence[str], *, mac: str = MAC, version: int = 2, time: str = "2026-11-20T23:05:30.1234567Z"
) -> bytes:
    """A record of an NSG flow log."""
    value = json.loads(nsg_record(list(tuples), version=version))
    value["properties"]["flows"][0]["flows"][0]["mac"] = mac
    return json.dumps({**value, "time": time}, separators=(",", ":")).encode()


def path_of(kind: str, *, mac: str = MAC, hour: int = 23, day: int = 20) -> str:
    """The path of a log of an interface and hour, by the name that its kind begins with."""
    return f"{kind}=/NET/y=2026/m=11/d={day:02d}/h={hour:02d}/m=00/macAddress={mac}/PT1H.json"


BEGIN = "1795215955,203.0.113.9,10.9.0.7,35370,443,T,I,A,B,,,,"
CONTINUE = "1795215900,203.0.113.9,10.9.0.7,35370,443,T,I,A,C,1021,588096,8005,4610880"
END = "1795215901,203.0.113.9,10.9.0.7,35370,443,T,I,A,E,52,29952,47,27072"
"""A conversation as documented, with other addresses: 9,125 packets and 5,256,000 bytes in all. What it began with has
the latest time stamp."""
