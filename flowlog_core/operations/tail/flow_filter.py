"""Which flows somebody wants to see."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from flowlog_core.events.body_reader import Flow

_ADDRESSES: Final = ("srcIp", "destIp")
_PORTS: Final = ("srcPort", "destPort")
_LONGEST_ADDRESS: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_ADDRESSES_KEPT: Final = 65_536  # of those parsed; networks hear from the same ones again and again


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """All conditions that are given must hold.

    Attributes:
        decision: ``allow`` or ``deny``; None for either.
        direction: ``inbound`` or ``outbound``; None for either.
        rule: A part of the rule's name, in any case; empty for any rule.
        networks: Of which source or destination is in one; none for any address.
        port: Of source or destination; None for any.

    """

    decision: str | None = None
    direction: str | None = None
    rule: str = ""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    port: int | None = None

    def passes(self, flow: Flow) -> bool:
        """Tell whether a flow is wanted. What a flow has no key for can't be what is asked for."""
        return (
            (self.decision is None or flow.get("decision") == self.decision)
            and (self.direction is None or flow.get("direction") == self.direction)
            and (self.port is None or self.port in (flow.get("srcPort"), flow.get("destPort")))
            and (not self.rule or self.rule.casefold() in str(flow.get("rule") or "").casefold())
            and (not self.networks or any(self._in_network(flow.get(key)) for key in _ADDRESSES))
        )

    def lacking(self, fields: AbstractSet[str]) -> tuple[str, ...]:
        """Give the keys that the conditions are about, and that flows with these keys only do not have."""
        needed = (
            *(("decision",) if self.decision else ()),
            *(("direction",) if self.direction else ()),
            *(("rule",) if self.rule else ()),
            *(_ADDRESSES if self.networks else ()),
            *(_PORTS if self.port is not None else ()),
        )
        return tuple(key for key in needed if key not in fields)

    def _in_network(self, text: object) -> bool:
        address = _parsed(text) if isinstance(text, str) and len(text) <= _LONGEST_ADDRESS else None
        return address is not None and any(address in network for network in self.networks)


@lru_cache(_ADDRESSES_KEPT)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
