"""The network interfaces that a simulation has: every kind of flow log, every documented shape of path. Pure."""

import random
from typing import Final
from uuid import UUID

from local.network_watcher.layouts import NSG_1, NSG_2, VNET, FlowLog, NsgFlowLog, VnetFlowLog
from local.network_watcher.records import Interface
from local.network_watcher.traffic import make_addresses_4, make_addresses_6

_REGION: Final = "WESTEUROPE"
_GROUP: Final = "rg-shop"
# A resource group's name may have letters beyond ASCII, so bytes and characters of a record or a path aren't the same.
_UMLAUT_GROUP: Final = "RG-MÜNCHEN"

_KINDS: Final = (
    ("vnet", (VNET, VNET)),
    ("nsg", (NSG_2, NSG_2)),
    ("vnet, IPv6 too", (VNET, VNET)),
    ("nsg, umlaut", (NSG_2, NSG_1)),
    ("nsg", (NSG_1, NSG_1)),
)


def fleet(count: int, seed: str) -> list[Interface]:
    """Make `count` interfaces; of each five, two are of virtual networks and three of security groups.

    The first is VNet, the second NSG version 2, the third VNet with IPv6, the fourth NSG that goes from version 2 to
    version 1 at half past each hour, the fifth NSG version 1. A greater fleet of the same seed begins with the smaller.
    """
    # It must be repeatable; nothing secret is made.
    draw = random.Random(f"{seed}/fleet")  # noqa: S311
    subscription = _draw_guid(draw)
    first_mac = draw.randrange(0x100000)
    interfaces = []
    for number in range(count):
        kind, versions = _KINDS[number % len(_KINDS)]
        addresses = [make_addresses_4(f"10.1.{number // 200}.{4 + number % 200}")]
        if kind == "vnet, IPv6 too":
            addresses.append(make_addresses_6(f"2001:db8:0:5::{4 + number:x}"))
        log: FlowLog
        if versions[0] == VNET:
            log = _make_vnet_log(draw, subscription, number)
        else:
            log = _make_nsg_log(draw, subscription, number, _UMLAUT_GROUP if "umlaut" in kind else _GROUP.upper())
        interfaces.append(Interface(f"002248{first_mac + number:06X}", tuple(addresses), log, versions))
    return interfaces


def _make_nsg_log(draw: random.Random, subscription: str, number: int, group: str) -> NsgFlowLog:
    return NsgFlowLog(
        target_id=f"/SUBSCRIPTIONS/{subscription.upper()}/RESOURCEGROUPS/{group}/PROVIDERS/MICROSOFT.NETWORK"
        f"/NETWORKSECURITYGROUPS/NSG-SHOP-{number}",
        system_id=_draw_guid(draw),
    )


def _make_vnet_log(draw: random.Random, subscription: str, number: int) -> VnetFlowLog:
    """Make the log of a network, or of a subnet; paths take the three documented shapes in turn."""
    network = f"vnet-shop-{number}"
    name = f"{network}-{_GROUP}-flowlog".upper()
    watcher = f"/SUBSCRIPTIONS/{subscription.upper()}/RESOURCEGROUPS/NETWORKWATCHERRG"
    flow_log_id = f"{watcher}/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_{_REGION}/FLOWLOGS/{name}"
    short = f"/{subscription.upper()}_NETWORKWATCHERRG/NETWORKWATCHER_{_REGION}_{name}"
    provider = f"/subscriptions/{subscription}/resourceGroups/{_GROUP}/providers/Microsoft.Network"
    target_id = f"{provider}/virtualNetworks/{network}"
    return VnetFlowLog(
        flow_log_id=flow_log_id,
        guid=_draw_guid(draw),
        target_id=f"{target_id}/subnets/web" if number % 2 else target_id,
        # In the manual's words: of its script, of its portal steps, of its command lines.
        between=(short, f"{short}S", flow_log_id)[number % 3],
        nic_acl=f"{provider}/networkSecurityGroups/nsg-shop-{number}",
        subnet_acl=_draw_guid(draw),
        manager_acl=_draw_guid(draw),
    )


def _draw_guid(draw: random.Random) -> str:
    return str(UUID(int=draw.getrandbits(128), version=4))
