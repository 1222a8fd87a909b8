"""The Community ID of a flow is the one that its authors' own package computes."""

import json
from ipaddress import IPv4Address, IPv6Address

import pytest
from communityid import CommunityID, FlowTuple
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import OutputLimits
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema
from tests.schemas.cases import vnet
from tests.support.flow_logs import VNET, decoded, nsg_record

ICMP = (1, 58)
WITH_PORTS = (6, 17, 132)
few = st.integers(0, 3)  # so that both ends are often the same
ports = few | st.integers(0, 65_535)
ipv4 = st.tuples(*[few.map(IPv4Address) | st.ip_addresses(v=4)] * 2)
ipv6 = st.tuples(*[few.map(IPv6Address) | st.ip_addresses(v=6)] * 2)


def community_id(raw: bytes) -> str | None:
    lines = (
        Encoder(flow_schema(["communityId"]), OutputLimits())
        .encode(VNET, Record(12, raw, json.loads(raw)), decoded(raw))
        .lines
    )
    (flow,) = map(json.loads, lines)
    value: str | None = flow["communityId"]
    return value


def by_the_package(source: str, destination: str, source_port: int, destination_port: int, protocol: int) -> str:
    has_ports = protocol in WITH_PORTS
    ends = (source_port, destination_port) if has_ports else (None, None)
    return str(CommunityID(0).calc(FlowTuple(protocol, source, destination, *ends)))


@given(
    ends=ipv4 | ipv6,
    source_port=ports,
    destination_port=ports,
    protocol=st.sampled_from([*WITH_PORTS, 0, 47, 50, 255]) | st.integers(0, 255).filter(lambda one: one not in ICMP),
)
def test_it_is_the_one_of_the_package(
    ends: tuple[object, object], source_port: int, destination_port: int, protocol: int
) -> None:
    source, destination = map(str, ends)
    raw = vnet(
        f"{protocol},O,C,NX,1,2,3,4", addresses=f"{source},{destination}", ports=f"{source_port},{destination_port}"
    )

    assert community_id(raw) == by_the_package(source, destination, source_port, destination_port, protocol)


@given(ends=ipv4 | ipv6, source_port=ports, destination_port=ports)
def test_both_ends_of_a_connection_have_the_same(
    ends: tuple[object, object], source_port: int, destination_port: int
) -> None:
    one, other = map(str, ends)
    sent = vnet("6,O,C,NX,1,2,3,4", addresses=f"{one},{other}", ports=f"{source_port},{destination_port}")
    answered = vnet("6,I,C,NX,1,2,3,4", addresses=f"{other},{one}", ports=f"{destination_port},{source_port}")

    assert community_id(sent) == community_id(answered)


@pytest.mark.parametrize("protocol", ICMP)
@given(ends=ipv4 | ipv6)
def test_icmp_has_none_since_its_type_is_not_in_a_flow_log(protocol: int, ends: tuple[object, object]) -> None:
    raw = vnet(f"{protocol},O,C,NX,1,2,3,4", addresses=",".join(map(str, ends)), ports="0,0")

    assert community_id(raw) is None


def test_an_nsg_log_has_it_too() -> None:
    raw = nsg_record(["1795338003,10.1.0.4,192.0.2.44,55674,443,T,O,A,B,,,,"])

    assert community_id(raw) == "1:kzGQ6nxkXW3h884hGCnHV3h0qmg="
