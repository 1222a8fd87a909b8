"""Interfaces that face the internet: most of what they see comes from addresses that they have never seen before.

A fleet's interfaces know a few hundred peers, which is kind to whatever keeps what it has seen. Here nearly every
address is another one, an eighth of the traffic is IPv6 in several spellings, and names are long and not only ASCII.
Pure; of the addresses, too, none belongs to anybody: those of the internet are in 240.0.0.0/4 (reserved by RFC 1112)
and 2001:db8::/32.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final, overload
from uuid import UUID

from local.network_watcher.layouts import NSG_2, VNET, FlowLog, NsgFlowLog, VnetFlowLog
from local.network_watcher.records import Interface
from local.network_watcher.traffic import Addresses, Peers, Rule, Service

_SCANNED: Final = (
    22,
    23,
    25,
    80,
    110,
    139,
    443,
    445,
    1433,
    2375,
    3306,
    3389,
    5432,
    5900,
    6379,
    8080,
    8443,
    9200,
    27017,
)

_DENY_IN: Final = Rule("nic", "I", denies=True, name="DefaultRule_DenyAllInBound")
_DENY_LISTED_IN: Final = Rule(
    "subnet", "I", denies=True, name="UserRule_deny-networks-listed-by-incident-response_reviewed-2026-10.perimeter"
)
_ODD_IN: Final = Rule("subnet", "I", denies=False, name="UserRule_honeypot")
_SHOP_IN: Final = Rule(
    "nic", "I", denies=False, name="UserRule_allow-https-from-everywhere-to-the-shop-front-ends-of-both-regions.prod"
)
_WEB_OUT: Final = Rule("nic", "O", denies=False, name="DefaultRule_AllowInternetOutBound")
_LISTED_OUT: Final = Rule("subnet", "O", denies=False, name="UserRule_egress-to-payment-and-delivery-partners_v7.2")
_PLATFORM_OUT: Final = Rule("platform", "O", denies=False, name="PlatformRule")
_NAMES_OUT: Final = Rule("nic", "O", denies=False, name="DefaultRule_AllowVnetOutBound")
_TUNNEL_IN: Final = Rule("subnet", "I", denies=False, name="UserRule_ipsec-and-gre-from-branches")

_STATES: Final = ("NX", "NX", "X", "NX_HW_NOT_SUPPORTED")

SERVICES: Final = (
    Service(_DENY_IN, 24, "scanners", 6, _SCANNED, encryption=_STATES),
    Service(_DENY_IN, 9, "scanners", 6, (0,), encryption=_STATES),
    Service(_DENY_IN, 3, "scanners", 17, (53, 123, 161, 1900, 5060), encryption=_STATES),
    Service(_DENY_LISTED_IN, 7, "scanners", 6, (0,), encryption=_STATES),
    Service(_ODD_IN, 2, "scanners", 6, (2222,), 30, (8, 8), (80, 120)),
    Service(_SHOP_IN, 20, "clients", 6, (443,), 280, (40, 70), (220, 1_150), _STATES),
    Service(_SHOP_IN, 5, "clients", 17, (443,), 90, (60, 160), (130, 1_190), _STATES),
    Service(_WEB_OUT, 12, "internet", 6, (443,), 60, (20, 35), (300, 990), _STATES),
    Service(_LISTED_OUT, 5, "internet", 6, (443, 8443), 20, (12, 15), (410, 720), _STATES),
    Service(_WEB_OUT, 1, "internet", 6, (80,), 5, (6, 7), (190, 640)),
    Service(_PLATFORM_OUT, 4, "platform", 17, (53,), 0.1, (1, 1), (74, 170), steady=True),
    Service(_NAMES_OUT, 2, "network", 17, (53,), 0.1, (1, 1), (78, 190), steady=True),
    Service(_WEB_OUT, 1, "internet", 17, (123,), 0.4, (1, 1), (90, 90), symmetric=True, steady=True),
    Service(_TUNNEL_IN, 2, "network", 1, (), 4, (5, 5), (84, 84), steady=True),
    Service(_TUNNEL_IN, 1, "clients", 50, (), 900, (1_500, 1_400), (620, 640)),
    Service(_TUNNEL_IN, 1, "clients", 47, (), 600, (300, 320), (480, 500)),
    Service(_TUNNEL_IN, 1, "clients", 132, (3868,), 400, (60, 60), (140, 150)),
)
"""Of a hundred conversations 45 are scans, 25 clients of a web shop, 18 its own calls, and the rest names, time, pings
and tunnels."""

_STRANGERS: Final = 2**28
_BUSY_SERVERS: Final = 4_000
_SCATTER: Final = 0x9E37_79B1  # odd, so that it only changes the order


class _Strangers(Sequence[str]):
    """Addresses by their number, written when they are asked for."""

    def __init__(self, write: Callable[[int], str], first: int, count: int = _STRANGERS) -> None:
        self._write = write
        self._first = first
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        return self._write((self._first + index) * _SCATTER)


def internet_facing(seed: str) -> list[Interface]:
    """Make two interfaces that face the internet: of a virtual network's flow log, and of an NSG's version 2."""
    # It must be repeatable; nothing secret is made.
    draw = random.Random(f"{seed}/internet")  # noqa: S311
    subscription, first = str(UUID(int=draw.getrandbits(128), version=4)), draw.randrange(2**20)
    group = f"/subscriptions/{subscription}/resourceGroups/rg-Zürich-横浜(shop)/providers/Microsoft.Network"
    watcher = f"/{subscription.upper()}_NETWORKWATCHERRG/NETWORKWATCHER_SWITZERLANDNORTH_SHOP"
    vnet = VnetFlowLog(
        flow_log_id=f"{group}/networkWatchers/NetworkWatcher_switzerlandnorth/flowLogs/vnet-shop-façade",
        guid=str(UUID(int=draw.getrandbits(128), version=4)),
        target_id=f"{group}/virtualNetworks/vnet-shop-façade/subnets/front-ends-全部",
        between=watcher,
        nic_acl=f"{group}/networkSecurityGroups/nsg-façade",
        subnet_acl=str(UUID(int=draw.getrandbits(128), version=4)),
        manager_acl=str(UUID(int=draw.getrandbits(128), version=4)),
    )
    nsg = NsgFlowLog(
        f"{group}/networkSecurityGroups/nsg-façade".upper(), str(UUID(int=draw.getrandbits(128), version=4))
    )
    return [_make_interface(first, vnet, VNET), _make_interface(first + 1, nsg, NSG_2)]


def _make_interface(first: int, log: FlowLog, version: int) -> Interface:
    """Make an interface: seven conversations of eight are IPv4."""
    last = first % 200 + 4
    version_4 = Addresses(f"10.20.30.{last}", _make_peers(_write_4, first, "168.63.129.16", "10.20.1.{}"))
    peers_6 = _make_peers(_write_6, first, "fe80::1234:5678:9abc", "2001:db8:20:1::{}")
    version_6 = Addresses(f"2001:db8:20:30::{last:x}", peers_6)
    return Interface(f"6045BD{first:06X}", (*[version_4] * 7, version_6), log, (version, version), SERVICES)


def _make_peers(write: Callable[[int], str], first: int, platform: str, network: str) -> dict[Peers, Sequence[str]]:
    return {
        "clients": _Strangers(write, first),
        "internet": _Strangers(write, first + 1, _BUSY_SERVERS),
        "network": [network.format(last) for last in range(4, 100)],
        "platform": [platform],
        "scanners": _Strangers(write, first + 2),
    }


def _write_4(number: int) -> str:
    number %= 2**28
    return f"{240 + (number >> 24)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _write_6(number: int) -> str:
    """Write an address in one of the spellings of RFC 4291, section 2.2."""
    one, two, three = number >> 16 & 0xFFFF, number >> 8 & 0xFFFF, number & 0xFFFF
    spellings = (
        f"2001:db8:{one:x}::{three:x}",
        f"2001:db8:{one:x}:{two:x}::{three:x}",
        f"2001:db8:{one:x}:{two:x}:{three:x}:{two:x}:{one:x}:{three:x}",
        f"2001:0db8:{one:04x}:{two:04x}:0000:0000:{one:04x}:{three:04x}",
        f"2001:DB8:{one:X}:{two:X}:{three:X}::{one:X}",
        f"2001:db8:{one:x}::{_write_4(number)}",
    )
    return spellings[number % len(spellings)]
