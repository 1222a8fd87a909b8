"""The traffic of one network interface: conversations that begin, continue, end or are denied.

Pure: no I/O and no clock; the same seed makes the same traffic. No address belongs to anybody: they are private
(RFC 1918), for documentation (RFC 5737, RFC 3849) or for benchmarks (RFC 2544). 168.63.129.16 and
fe80::1234:5678:9abc are the platform's own, the same in every Azure network.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address
from math import log
from typing import Final, Literal, NamedTuple

MINUTE: Final = 60_000
"""Milliseconds of traffic that one call makes."""

UPDATE_EVERY: Final = 300_000
"""Milliseconds between a conversation's updates: about five minutes, as documented for state C."""

UPDATE_JITTER: Final = 4_000
"""Updates come up to half of this earlier or later."""

REPEAT_ONE_IN: Final = 150
"""A denied packet is sent again so soon that its tuple repeats to the letter, once in so many."""

type Acl = Literal["manager", "nic", "platform", "subnet", "unspecified"]
type Direction = Literal["I", "O"]
type State = Literal["B", "C", "E", "D"]
type Peers = Literal["clients", "internet", "network", "platform", "scanners"]


class Rule(NamedTuple):
    """What decides about a conversation.

    Attributes:
        acl: Who holds the rule: a network security group of the subnet or of the interface, Virtual Network Manager,
            the platform, or nobody (`unspecified`: dropped because of the network's encryption policy).
        direction: `I` inbound, `O` outbound.
        denies: Whether it denies.
        name: As Network Watcher writes it, prefix included.

    """

    acl: Acl
    direction: Direction
    denies: bool
    name: str


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of conversation.

    Attributes:
        rule: The rule that it meets.
        weight: How often it begins, relative to the others.
        peers: Which pool the other side comes from.
        protocol: IANA number; ICMP and IGMP stand for ICMPv6 where the addresses are IPv6.
        ports: The responder's ports; empty for protocols without ports. One port 0 means any.
        seconds: Mean length; lengths are distributed exponentially.
        packets: Mean number of packets that the initiator sends, and that come back.
        sizes: Bytes of such a packet, each way, headers included.
        encryption: States that occur; which one depends on the peer.
        symmetric: Whether the initiator's port is the responder's (NTP).
        steady: Whether each conversation sends just the mean, as look-ups and health probes do.

    """

    rule: Rule
    weight: int
    peers: Peers
    protocol: int = 6
    ports: tuple[int, ...] = ()
    seconds: float = 0.0
    packets: tuple[float, float] = (0.0, 0.0)
    sizes: tuple[int, int] = (0, 0)
    encryption: tuple[str, ...] = ("NX",)
    symmetric: bool = False
    steady: bool = False


_INTERNET_OUT: Final = Rule("nic", "O", denies=False, name="DefaultRule_AllowInternetOutBound")
_NETWORK_OUT: Final = Rule("subnet", "O", denies=False, name="DefaultRule_AllowVnetOutBound")
_NETWORK_IN: Final = Rule("subnet", "I", denies=False, name="DefaultRule_AllowVnetInBound")
_PROBES_IN: Final = Rule("nic", "I", denies=False, name="DefaultRule_AllowAzureLoadBalancerInBound")
_WEB_IN: Final = Rule("nic", "I", denies=False, name="UserRule_allow-https-inbound")
_ADMIN_IN: Final = Rule("subnet", "I", denies=False, name="UserRule_allow-ssh-from-bastion")
_PLATFORM_OUT: Final = Rule("platform", "O", denies=False, name="PlatformRule")
_DENY_IN: Final = Rule("nic", "I", denies=True, name="DefaultRule_DenyAllInBound")
_DENY_MAIL_OUT: Final = Rule("subnet", "O", denies=True, name="UserRule_deny-smtp-outbound")
_DENY_RISKS_IN: Final = Rule("manager", "I", denies=True, name="BlockHighRiskTCPPortsFromInternet")
_DROP_PLAIN_OUT: Final = Rule("unspecified", "O", denies=True, name="unspecified")

# Of the states that Microsoft documents, these let a conversation pass and the other three drop it.
_PASSING: Final = ("X", "X", "X", "NX_LOCAL_DST", "NX_FALLBACK", "NX_HW_NOT_SUPPORTED")
_DROPPING: Final = ("NX_NOT_ACCEPTED", "NX_SW_NOT_READY", "NX_NOT_SUPPORTED")

SERVICES: Final = (
    Service(_INTERNET_OUT, 14, "internet", 6, (443,), 25, (14, 20), (310, 980)),
    Service(_INTERNET_OUT, 8, "internet", 6, (443,), 15, (9, 12), (178, 932), steady=True),
    Service(_INTERNET_OUT, 2, "internet", 6, (80,), 4, (6, 5), (190, 620)),
    Service(_INTERNET_OUT, 1, "internet", 6, (5671,), 1_500, (560, 530), (160, 140)),
    Service(_INTERNET_OUT, 2, "internet", 17, (123,), 0.4, (1, 1), (90, 90), symmetric=True, steady=True),
    Service(_INTERNET_OUT, 2, "internet", 17, (443,), 40, (60, 160), (120, 1_180)),
    Service(_NETWORK_OUT, 10, "network", 17, (53,), 0.1, (1, 1), (78, 190), _PASSING, steady=True),
    Service(_NETWORK_OUT, 4, "network", 6, (1433,), 420, (250, 300), (260, 540), _PASSING),
    Service(_NETWORK_OUT, 3, "network", 6, (6379,), 90, (40, 40), (110, 150), _PASSING),
    Service(_NETWORK_OUT, 2, "network", 1, (), 4, (5, 5), (84, 84), _PASSING, steady=True),
    Service(_NETWORK_OUT, 1, "network", 50, (), 900, (1_500, 1_400), (620, 640), _PASSING),
    Service(_NETWORK_OUT, 1, "network", 2, (), 0.1, (2, 0), (46, 0), _PASSING, steady=True),
    Service(_NETWORK_IN, 8, "network", 6, (8080, 9100), 12, (8, 9), (240, 900), _PASSING),
    Service(_PROBES_IN, 4, "platform", 6, (8080,), 0.2, (4, 3), (66, 66), steady=True),
    Service(_WEB_IN, 14, "clients", 6, (443,), 15, (12, 18), (180, 1_050)),
    Service(_ADMIN_IN, 1, "network", 6, (22,), 600, (300, 320), (120, 210), _PASSING),
    Service(_PLATFORM_OUT, 6, "platform", 17, (53,), 0.1, (1, 1), (74, 170), steady=True),
    Service(_PLATFORM_OUT, 2, "platform", 6, (80, 32526), 1, (6, 5), (240, 380), steady=True),
    Service(_DENY_IN, 12, "scanners", 6, (22, 23, 23, 445, 3389, 8080, 5060, 1433)),
    Service(_DENY_IN, 10, "scanners", 6, (0,)),
    Service(_DENY_IN, 3, "scanners", 17, (0, 53, 161, 1900)),
    Service(_DENY_RISKS_IN, 4, "scanners", 6, (22, 119, 135, 445, 3389)),
    Service(_DENY_MAIL_OUT, 1, "internet", 6, (25,)),
    Service(_DROP_PLAIN_OUT, 3, "network", 6, (1433, 6379), encryption=_DROPPING),
)
"""A few busy services, and the noise that every public address gets."""

# Ports that Linux assigns to those who connect.
_FIRST_PORT: Final = 32_768
_PORTS: Final = 28_232

# ICMP and IGMP have one counterpart in IPv6, ICMPv6.
_PROTOCOL_6: Final = {1: 58, 2: 58}


class Counters(NamedTuple):
    """Packets and bytes from source to destination, and back."""

    packets_out: int
    bytes_out: int
    packets_back: int
    bytes_back: int


_NOTHING: Final = Counters(0, 0, 0, 0)


class Conversation(NamedTuple):
    """A 5-tuple and its complete volume.

    Attributes:
        number: Counts the interface's conversations from 0: a 5-tuple may come again, a number doesn't.
        service: What kind it is, and the rule that it met.
        encryption: Its state, as VNet flow logs write it.
        total: What its updates add up to; zeros where it was denied.

    """

    number: int
    service: Service
    src_ip: str
    dest_ip: str
    src_port: int
    dest_port: int
    protocol: int
    encryption: str
    total: Counters


class Observation(NamedTuple):
    """What a flow log notes of a conversation at one moment: one tuple.

    Attributes:
        millis: Unix time in milliseconds.
        state: `B` begun, `C` still going on, `E` ended, `D` denied.
        conversation: The conversation.
        counters: What was sent since the observation before; None for `B` and `D`.

    """

    millis: int
    state: State
    conversation: Conversation
    counters: Counters | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The interface's own address of one IP version, and its peers' of the same."""

    own: str
    peers: Mapping[Peers, Sequence[str]]


@dataclass(slots=True)
class _Life:
    """A conversation that has not ended: when it is updated next, when it ends, what is still to be reported."""

    conversation: Conversation
    due: int
    end: int
    left: Counters


def make_addresses_4(own: str) -> Addresses:
    """Make the addresses of an interface with the private IPv4 address `own`, in 10.0.0.0/8."""
    return Addresses(own, _make_peers_4())


def make_addresses_6(own: str) -> Addresses:
    """Make the addresses of an interface with the IPv6 address `own`, in 2001:db8::/32."""
    return Addresses(own, _make_peers_6())


@cache
def _make_peers_4() -> Mapping[Peers, Sequence[str]]:
    return {
        "clients": [f"203.0.113.{last}" for last in range(1, 255)],
        "internet": [f"192.0.2.{last}" for last in range(1, 101)],
        "network": [f"10.0.{subnet}.{last}" for subnet in range(4) for last in range(4, 16)],
        "platform": ["168.63.129.16"],
        "scanners": [f"198.{18 + n % 2}.{n // 16}.{n * 91 % 256}" for n in range(4_000)],
    }


@cache
def _make_peers_6() -> Mapping[Peers, Sequence[str]]:
    def some(prefix: str, count: int, step: int) -> list[str]:
        return [str(IPv6Address(int(IPv6Address(prefix)) + n * step)) for n in range(1, count)]

    return {
        "clients": some("2001:db8:c000::", 200, 0x1_0000_0000_0001_0001),
        "internet": some("2001:db8:f00d::", 100, 0x1_0001),
        "network": some("2001:db8:0:4::", 40, 1),
        "platform": ["fe80::1234:5678:9abc"],
        "scanners": some("2001:db8:bad::", 2_000, 0x37_0000_0000_0000_0091),
    }


class Traffic:
    """Everything that passes, or doesn't, one network interface, minute by minute.

    Args:
        services: What occurs here.
        addresses: One or more, one for each IP version.
        start: Unix time in milliseconds where the first minute starts.
        per_minute: Observations a minute: as many exactly, or one more, unless more updates are due.
        seed: The same seed, the same traffic.

    """

    def __init__(
        self, services: Sequence[Service], addresses: Sequence[Addresses], start: int, per_minute: int, seed: str
    ) -> None:
        self._urn = [service for service in services for _ in range(service.weight)]
        self._addresses = addresses
        self._start = start
        self._per_minute = per_minute
        # It must be repeatable; nothing secret is made.
        self._random = random.Random(seed).random  # noqa: S311
        self._due: defaultdict[int, list[_Life]] = defaultdict(list)
        self._minute = 0
        self._conversations = 0
        self._port = int(self._random() * _PORTS)

    def minute(self) -> list[Observation]:
        """Return the next minute's observations, in no order."""
        seen: list[Observation] = []
        lives = self._due.pop(self._minute, ())
        start = self._start + self._minute * MINUTE
        self._minute += 1
        for life in lives:
            self._update(life, start + MINUTE, seen)
        while len(seen) < self._per_minute:
            self._begin(start + int(self._random() * MINUTE), start + MINUTE, seen)
        return seen

    def _begin(self, at: int, until: int, seen: list[Observation]) -> None:
        """Begin a conversation at `at` and follow it up to `until`, less than an update's time later."""
        conversation = self._draw_conversation()
        service = conversation.service
        if service.rule.denies:
            denied = Observation(at, "D", conversation, None)
            seen.append(denied)
            if self._random() * REPEAT_ONE_IN < 1:
                seen.append(denied)
            return
        seen.append(Observation(at, "B", conversation, None))
        end = at + 1 + int(self._draw_exponential(service.seconds * 1_000))
        if end < until:
            seen.append(Observation(end, "E", conversation, conversation.total))
        else:
            self._put_aside(_Life(conversation, min(end, self._schedule_update(at)), end, conversation.total))

    def _update(self, life: _Life, until: int, seen: list[Observation]) -> None:
        """Note the updates of a conversation that are due before `until`, and put it aside for its next one."""
        while life.due < until:
            if life.due == life.end:
                seen.append(Observation(life.end, "E", life.conversation, life.left))
                return
            delta, life.left = self._share(life.left)
            seen.append(Observation(life.due, "C", life.conversation, delta))
            life.due = min(life.end, self._schedule_update(life.due))
        self._put_aside(life)

    def _put_aside(self, life: _Life) -> None:
        self._due[(life.due - self._start) // MINUTE].append(life)

    def _draw_conversation(self) -> Conversation:
        """Draw a conversation."""
        draw = self._random
        service = self._urn[int(draw() * len(self._urn))]
        addresses = self._addresses[int(draw() * len(self._addresses))]
        peers = addresses.peers[service.peers]
        # The power makes the pool's first addresses the busy ones, as in any network.
        which = int(draw() ** 3 * len(peers))
        peer, own, protocol = peers[which], addresses.own, service.protocol
        if ":" in own:
            protocol = _PROTOCOL_6.get(protocol, protocol)
        dest_port = src_port = 0
        if service.ports:
            dest_port = service.ports[int(draw() * len(service.ports))] or 1 + int(draw() * 65_535)
            src_port = dest_port if service.symmetric else self._choose_source_port(service.rule.direction)
        self._conversations += 1
        return Conversation(
            self._conversations - 1,
            service,
            peer if service.rule.direction == "I" else own,
            own if service.rule.direction == "I" else peer,
            src_port,
            dest_port,
            protocol,
            service.encryption[which % len(service.encryption)],
            self._draw_volume(service),
        )

    def _choose_source_port(self, direction: Direction) -> int:
        """Choose an initiator's port: one's own follow each other closely, those of others are seen from afar."""
        if direction == "I":
            return _FIRST_PORT + int(self._random() * _PORTS)
        self._port = (self._port + 1 + int(self._random() * 5)) % _PORTS
        return _FIRST_PORT + self._port

    def _draw_volume(self, service: Service) -> Counters:
        """Draw how much a conversation sends in all; both ways grow together."""
        if service.rule.denies:
            return _NOTHING
        if service.steady:
            packets_out, packets_back = (int(packets) for packets in service.packets)
            return Counters(packets_out, packets_out * service.sizes[0], packets_back, packets_back * service.sizes[1])
        much = self._draw_exponential(1.0)
        packets_out = 1 + int(much * (service.packets[0] - 1))
        packets_back = int(0.5 + much * service.packets[1])
        # Sizes differ a little from one conversation to the next.
        scale = 0.75 + self._random() / 2
        return Counters(
            packets_out,
            packets_out * int(service.sizes[0] * scale),
            packets_back,
            packets_back * int(service.sizes[1] * scale),
        )

    def _share(self, left: Counters) -> tuple[Counters, Counters]:
        """Split what is left into what was sent by now and the rest; the two add up to it."""
        part = self._random() * 0.6
        packets_out, packets_back = int(left.packets_out * part), int(left.packets_back * part)
        now = Counters(
            packets_out,
            packets_out * (left.bytes_out // max(1, left.packets_out)),
            packets_back,
            packets_back * (left.bytes_back // max(1, left.packets_back)),
        )
        return now, Counters(*(total - sent for total, sent in zip(left, now, strict=True)))

    def _schedule_update(self, after: int) -> int:
        return after + UPDATE_EVERY + int((self._random() - 0.5) * UPDATE_JITTER)

    def _draw_exponential(self, mean: float) -> float:
        return -log(1.0 - self._random()) * mean
