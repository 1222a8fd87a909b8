"""Which flows a filter lets through."""

import tracemalloc
from ipaddress import ip_network
from typing import Any

import pytest

from flowlog_core.operations.tail.flow_filter import FlowFilter

FLOW = {
    "rule": "UserRule_Deny-Telnet",
    "srcIp": "203.0.113.9",
    "destIp": "2001:DB8:0:0:0:0:0:53",
    "srcPort": 40111,
    "destPort": 23,
    "direction": "inbound",
    "decision": "deny",
}


def networks(*texts: str) -> FlowFilter:
    return FlowFilter(networks=tuple(ip_network(text) for text in texts))


@pytest.mark.parametrize(
    "wanted",
    [
        FlowFilter(),
        FlowFilter(decision="deny"),
        FlowFilter(direction="inbound"),
        FlowFilter(rule="deny-TEL"),
        FlowFilter(port=23),
        FlowFilter(port=40111),
        networks("203.0.113.9"),
        networks("203.0.112.0/23"),
        networks("2001:db8::/32"),
        networks("10.0.0.0/8", "203.0.113.0/24"),
        FlowFilter(decision="deny", direction="inbound", rule="telnet", port=23),
    ],
)
def test_a_flow_that_meets_all_conditions_passes(wanted: FlowFilter) -> None:
    assert wanted.passes(FLOW)


@pytest.mark.parametrize(
    "wanted",
    [
        FlowFilter(decision="allow"),
        FlowFilter(direction="outbound"),
        FlowFilter(rule="telnets"),
        FlowFilter(port=24),
        networks("203.0.113.8"),
        networks("::/128", "10.0.0.0/8"),
        FlowFilter(decision="deny", port=24),
    ],
)
def test_a_flow_that_misses_one_does_not(wanted: FlowFilter) -> None:
    assert not wanted.passes(FLOW)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (FlowFilter(decision="deny"), ("decision",)),
        (FlowFilter(direction="inbound"), ("direction",)),
        (FlowFilter(rule="x"), ("rule",)),
        (FlowFilter(port=0), ("srcPort", "destPort")),
        (networks("0.0.0.0/0"), ("srcIp", "destIp")),
    ],
)
def test_a_flow_without_the_key_is_not_what_is_asked_for_and_the_key_can_be_told(
    wanted: FlowFilter, keys: tuple[str, ...]
) -> None:
    flow: dict[str, Any] = {key: value for key, value in FLOW.items() if key not in keys}

    assert not wanted.passes(flow)
    assert wanted.lacking(set(flow)) == keys
    assert wanted.lacking(set(FLOW)) == ()


def test_what_is_no_address_is_in_no_network() -> None:
    assert not networks("0.0.0.0/0", "::/0").passes({"srcIp": "x", "destIp": None})


def test_addresses_that_are_none_do_not_fill_the_memory() -> None:
    wanted = networks("203.0.113.0/24")
    tracemalloc.start()
    try:
        assert not any(wanted.passes({"srcIp": f"{number}" * 30_000}) for number in range(500))
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
