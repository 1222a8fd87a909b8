"""How Network Watcher writes a record: NSG flow logs in versions 1 and 2, virtual network flow logs in version 4.

The texts follow the public documentation (learn.microsoft.com/azure/network-watcher: nsg-flow-logs-overview,
vnet-flow-logs-overview, flow-logs-manage) and, in the order of keys, what real blobs show. Pure.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from local.network_watcher.traffic import Counters, Observation, Rule, Service

NSG_1, NSG_2, VNET = 1, 2, 4
"""The versions that exist."""

NSG_PROTOCOLS: Final = {6: "T", 17: "U"}
"""All that an NSG flow log knows."""


@dataclass(frozen=True, slots=True)
class Style:
    """What one minute's records of one interface have in common.

    Attributes:
        time: The records' `time`, UTC with seven decimals.
        version: Whose layout the tuples have: 1, 2 or 4.
        version_text: The version as JSON, a number or a string.
        in_seconds: Whether VNet time stamps have 10 digits rather than 13; NSG ones always have.
        empty_begin: Whether VNet `B` tuples have empty counters rather than zeros; both are documented.

    """

    time: str
    version: int
    version_text: str
    in_seconds: bool = False
    empty_begin: bool = False


class Nest(NamedTuple):
    """The text around one rule's tuples: two levels of objects and arrays.

    Rules of one direction with the same `outer_open` share the outer level where they follow each other.
    """

    outer_open: str
    inner_open: str
    inner_close: str
    outer_close: str


class FlowLog(Protocol):
    """The properties of a flow log resource that its blobs show."""

    @property
    def container(self) -> str:
        """The container that such logs go to."""

    @property
    def folder(self) -> str:
        """The blob's name up to the year's `/y=`."""

    @property
    def flow_log_id(self) -> str | None:
        """Resource ID of the flow log, where records carry it."""

    @property
    def target_id(self) -> str:
        """Resource ID of what is logged."""

    def frame(self, mac: str, style: Style) -> tuple[str, str]:
        """Return a record's text before and after its flows."""

    def nest(self, mac: str, rule: Rule) -> Nest:
        """Return the text around the tuples of `rule`."""

    def acl_id(self, rule: Rule) -> str:
        """Return who decided, as the flow's `aclId` must name it."""

    def notices(self, service: Service) -> bool:
        """Return whether such conversations are logged at all."""


@dataclass(frozen=True, slots=True)
class NsgFlowLog:
    """A network security group's flow log.

    Attributes:
        target_id: Resource ID of the network security group, in capitals.
        system_id: A GUID.

    """

    target_id: str
    system_id: str

    @property
    def container(self) -> str:
        """The container of all NSG flow logs."""
        return "insights-logs-networksecuritygroupflowevent"

    @property
    def folder(self) -> str:
        """The documented path up to `/y=`."""
        return f"resourceId={self.target_id}"

    @property
    def flow_log_id(self) -> None:
        """Records don't carry it."""
        return None

    def frame(self, mac: str, style: Style) -> tuple[str, str]:
        """Return a record's text before and after its flows."""
        head = (
            f'{{"time":{_quote(style.time)},"systemId":{_quote(self.system_id)},"macAddress":{_quote(mac)},'
            f'"category":"NetworkSecurityGroupFlowEvent","resourceId":{_quote(self.target_id)},'
            f'"operationName":"NetworkSecurityGroupFlowEvents","properties":{{"Version":{style.version_text},"flows":['
        )
        return head, "]}}"

    def nest(self, mac: str, rule: Rule) -> Nest:
        """Return the text around the tuples of `rule`: a rule, then an interface."""
        return Nest(f'{{"rule":{_quote(rule.name)},"flows":[', f'{{"mac":{_quote(mac)},"flowTuples":[', "]}", "]}")

    def acl_id(self, rule: Rule) -> str:  # noqa: ARG002  whatever the rule: the group is the one that decides
        """Name the group: it is the only one that decides here."""
        return self.target_id

    def notices(self, service: Service) -> bool:
        """Return whether the group decides about it, and it is TCP or UDP."""
        return service.rule.acl in {"nic", "subnet"} and service.protocol in NSG_PROTOCOLS


@dataclass(frozen=True, slots=True)
class VnetFlowLog:
    """A flow log of a virtual network, or of a subnet or interface in one.

    Attributes:
        flow_log_id: Resource ID of the flow log, in capitals.
        guid: Of the flow log.
        target_id: Resource ID of what is logged.
        between: What the blob's name has between `flowLogResourceID=` and `/y=`; three shapes are documented.
        nic_acl: Network security group of the interface; real logs have a resource ID or a GUID.
        subnet_acl: That of the subnet.
        manager_acl: Virtual Network Manager's GUID.

    """

    flow_log_id: str
    guid: str
    target_id: str
    between: str
    nic_acl: str
    subnet_acl: str
    manager_acl: str

    @property
    def container(self) -> str:
        """The container of all virtual network flow logs."""
        return "insights-logs-flowlogflowevent"

    @property
    def folder(self) -> str:
        """One of the documented paths up to `/y=`."""
        return f"flowLogResourceID={self.between}"

    def frame(self, mac: str, style: Style) -> tuple[str, str]:
        """Return a record's text before and after its flows; real logs have their keys in alphabetical order."""
        head = (
            f'{{"category":"FlowLogFlowEvent","flowLogGUID":{_quote(self.guid)},'
            f'"flowLogResourceID":{_quote(self.flow_log_id)},"flowLogVersion":{style.version_text},'
            '"flowRecords":{"flows":['
        )
        tail = (
            f']}},"macAddress":{_quote(mac)},"operationName":"FlowLogFlowEvent",'
            f'"targetResourceID":{_quote(self.target_id)},"time":{_quote(style.time)}}}'
        )
        return head, tail

    def nest(self, mac: str, rule: Rule) -> Nest:  # noqa: ARG002  the interface stands in the record's frame
        """Return the text around the tuples of `rule`: an ACL, then a rule."""
        outer = f'{{"aclID":{_quote(self.acl_id(rule))},"flowGroups":['
        return Nest(outer, '{"flowTuples":[', f'],"rule":{_quote(rule.name)}}}', "]}")

    def acl_id(self, rule: Rule) -> str:
        """Name who decided; the platform and the network's encryption policy have fixed names."""
        return {
            "nic": self.nic_acl,
            "subnet": self.subnet_acl,
            "manager": self.manager_acl,
            "platform": "00000000-0000-0000-0000-000000000000",
            "unspecified": "unspecified",
        }[rule.acl]

    def notices(self, service: Service) -> bool:  # noqa: ARG002  every protocol and every decision is logged
        """Return True: everything is logged."""
        return True


def nsg_1(seen: Observation, style: Style) -> str:  # noqa: ARG001  version 1 knows no variants
    """Write a tuple of version 1: 8 fields, nothing of states or counters."""
    talk = seen.conversation
    return (
        f"{seen.millis // 1000},{talk.src_ip},{talk.dest_ip},{talk.src_port},{talk.dest_port},"
        f"{NSG_PROTOCOLS[talk.protocol]},{talk.service.rule.direction},{'D' if seen.state == 'D' else 'A'}"
    )


def nsg_2(seen: Observation, style: Style) -> str:
    """Write a tuple of version 2: 13 fields, counters empty for `B`, and a denied conversation has state `B`."""
    if seen.counters is None:
        return f"{nsg_1(seen, style)},B,,,,"
    return f"{nsg_1(seen, style)},{seen.state},{_write_counters(seen.counters)}"


def vnet_4(seen: Observation, style: Style) -> str:
    """Write a tuple of version 4: 13 fields, counters zero for `B` and `D` unless the style says otherwise."""
    talk = seen.conversation
    stamp = seen.millis // 1000 if style.in_seconds else seen.millis
    if seen.counters is None:
        counters = ",,," if style.empty_begin and seen.state == "B" else "0,0,0,0"
    else:
        counters = _write_counters(seen.counters)
    return (
        f"{stamp},{talk.src_ip},{talk.dest_ip},{talk.src_port},{talk.dest_port},{talk.protocol},"
        f"{talk.service.rule.direction},{seen.state},{talk.encryption},{counters}"
    )


LAYOUTS: Final[dict[int, Callable[[Observation, Style], str]]] = {NSG_1: nsg_1, NSG_2: nsg_2, VNET: vnet_4}
"""How each version writes an observation."""


def _write_counters(sent: Counters) -> str:
    return f"{sent.packets_out},{sent.bytes_out},{sent.packets_back},{sent.bytes_back}"


def _quote(value: str) -> str:
    """Write a JSON string; Network Watcher's names are UTF-8, unescaped."""
    return json.dumps(value, ensure_ascii=False)
