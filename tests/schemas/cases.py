"""What every schema must be able to say: records of every format, with what is usual, rare and odd in them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.support.flow_logs import nsg_record, vnet_record

TIME: Final = "1795338003599"
SECONDS: Final = "1795338003"


@dataclass(frozen=True, slots=True)
class Case:
    """Records for one subject.

    Attributes:
        records: The records, as bytes.
        flows: How many flows they give: one for each tuple.

    """

    records: Sequence[bytes]
    flows: int


def nsg_1(*ends: str) -> bytes:
    """Make an NSG record of version 1: of each tuple what comes after its ports."""
    return nsg_record([f"{SECONDS},10.0.0.4,192.0.2.80,50001,443,{end}" for end in ends], version=1)


def nsg_2(*ends: str) -> bytes:
    """Make an NSG record of version 2: of each tuple what comes after its ports."""
    return nsg_record([f"{SECONDS},10.0.0.4,192.0.2.80,50001,443,{end}" for end in ends])


def vnet(*ends: str, ports: str = "50001,443", addresses: str = "10.0.0.4,192.0.2.80", **changes: Any) -> bytes:
    """Make a VNet record: of each tuple what comes after its ports; and keys of the record that are other."""
    record: dict[str, Any] = json.loads(vnet_record(0))
    record["flowRecords"]["flows"][0]["flowGroups"][0] |= {
        "rule": changes.pop("rule", "UserRule_AllowWeb"),
        "flowTuples": [f"{TIME},{addresses},{ports},{end}" for end in ends],
    }
    return json.dumps(record | changes).encode()


def case(*records: bytes) -> Case:
    """Make a case of records, and count their tuples."""
    return Case(records, sum(_count(json.loads(record)) for record in records))


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(len(each) if key == "flowTuples" else _count(each) for key, each in value.items())
    return sum(map(_count, value)) if isinstance(value, list) else 0


_COUNTED: Final = "3,767,2,1580"
_ENDS: Final = (f"6,O,B,NX,{'0,' * 3}0", f"6,I,C,X,{_COUNTED}", f"17,O,E,NX,{_COUNTED}", "6,I,D,NX,1,40,0,0")
_IPV6: Final = (
    "2001:db8::4,2001:db8:0:1::80",
    "2001:DB8:0000:0000:0000:0000:0000:0004,::1",
    "::ffff:192.0.2.1,64:ff9b::192.0.2.80",
    "fe80::1,::",
)
_LARGEST: Final = 2**63 - 1

CASES: Final[Mapping[str, Case]] = {
    "NSG 1": case(nsg_1("T,O,A", "T,I,A", "U,O,A", "U,I,D")),
    "NSG 2": case(nsg_2("T,O,A,B,,,,", f"T,I,A,C,{_COUNTED}", f"U,O,A,E,{_COUNTED}", "T,I,D,B,,,,")),
    "VNet 4": case(vnet(*_ENDS)),
    "IPv6": case(
        *(vnet(*_ENDS, addresses=addresses) for addresses in _IPV6),
        nsg_record([f"{SECONDS},2001:db8::4,2001:db8::5,50001,443,T,I,A,E,{_COUNTED}"]),
    ),
    "ICMP": case(
        vnet(f"1,O,C,NX,{_COUNTED}", "1,I,D,NX,1,84,0,0", ports="0,0"),
        vnet(f"58,O,E,NX,{_COUNTED}", ports="0,0", addresses="2001:db8::4,2001:db8::5"),
    ),
    "denied": case(nsg_1("T,I,D", "U,O,D"), nsg_2("T,I,D,B,,,,", "U,O,D,B,,,,"), vnet("6,I,D,NX,1,40,0,0")),
    "encryption denied": case(
        vnet(*(f"6,{way},D,{why},0,0,0,0" for way in "IO" for why in ("NX_NOT_ACCEPTED", "NX_SW_NOT_READY", "NX_A1")))
    ),
    "every state": case(
        nsg_2(*(f"T,{way},{how},{state},{_COUNTED}" for way in "IO" for how in "AD" for state in "BCE")),
        vnet(
            *(f"6,{way},{state},{how},{_COUNTED}" for way in "IO" for state in "BCED" for how in ("X", "NX", "NX_AB"))
        ),
    ),
    "every protocol": case(vnet(*(f"{number},O,C,NX,{_COUNTED}" for number in range(256)))),
    "protocols without a name": case(vnet(*(f"{number},I,E,NX,{_COUNTED}" for number in (61, 63, 114, 253, 255)))),
    "counters that are not known": case(vnet("6,O,C,NX,,,,", "6,O,C,NX,3,,2,", "6,I,E,NX,,767,,1580")),
    "counters of the greatest size": case(
        vnet(f"6,O,E,NX,{f'{_LARGEST},' * 3}{_LARGEST}", f"6,O,E,NX,{_LARGEST},{_LARGEST},0,0")
    ),
    "the least and the greatest port": case(vnet(*_ENDS, ports="0,65535"), vnet(*_ENDS, ports="65535,0")),
    "resource ids that are none": case(
        *(vnet(*_ENDS, targetResourceID=text) for text in ("", "net", "/subscriptions/0", "/a/b/c/d", '"é\n')),
        vnet(*_ENDS, flowLogResourceID=None, category=None, operationName=None, flowLogGUID=None),
        vnet(*_ENDS, flowLogResourceID="", targetResourceID=f"/subscriptions/{'0' * 2000}/resourceGroups/rg"),
    ),
    "record times that are none": case(
        *(
            vnet(*_ENDS, time=text)
            for text in (
                *("", "yesterday", "2026-13-45T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-11-20T25:00:00Z"),
                *(
                    "2026-11-20T09:01:30.76543210123Z",
                    "2026-11-20 09:01:30Z",
                    "9999-12-31T23:59:59-12:00",
                    "1795338003",
                ),
            )
        )
    ),
    "record times of other forms": case(
        *(
            vnet(*_ENDS, time=f"2026-11-20T09:01:30{end}")
            for end in ("", "Z", ".7Z", ".765", ".7654321Z", ".765432101Z", "+02:00", ".5-11:30")
        ),
        vnet(*_ENDS, time="1601-01-01T00:00:00Z"),
    ),
    "MAC addresses that are none": case(
        *(
            vnet(*_ENDS, macAddress=text)
            for text in ("", "0022", "00155D12345G", "0" * 13, "\N{ARABIC-INDIC DIGIT ONE}0155D123456", "…")
        ),
    ),
    "MAC addresses of other forms": case(
        *(vnet(*_ENDS, macAddress=text) for text in ("00155d12abcd", "00-15-5D-12-AB-CD", "00:15:5d:12:ab:cd")),
    ),
    "odd names": case(
        *(
            vnet(*_ENDS, rule=text)
            for text in ("", "DefaultRule_", "PlatformRule", '"\\{}%s', "\x00\n\u2028", "東京 🗼", "x" * 5000)
        )
    ),
}
"""Subject to records."""
