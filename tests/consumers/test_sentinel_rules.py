"""The analytics rules for Sentinel find what is planted into simulated traffic, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.consumers.kusto_on_duckdb import receive_events, tables
from tests.consumers.sentinel_files import FILTERING, RULES, function_of, text_of, unifying
from tests.consumers.simulated_flows import Flow, lines_of, ordinary_flows, planted, tuple_of, watched_network

OURS = "10.1.0.4"
THEIRS = "198.51.100.7"
IN_WINDOW = timedelta(minutes=22)
BEFORE_WINDOW = timedelta(minutes=31)
AFTER_WINDOW = timedelta(minutes=14)
IN_HOUR = timedelta(minutes=50)
FUNCTIONS = {
    FILTERING: function_of(FILTERING),
    "_Im_NetworkSession": unifying(f"{{ {FILTERING}(starttime, endtime) }}"),
}


Alerts = Callable[[str, Sequence[Flow]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def alerts() -> Iterator[Alerts]:
    """Return the rows of a rule that looks at ordinary traffic and some flows."""
    with tables(FUNCTIONS) as asked:
        receive_events(asked, lines_of(ordinary_flows()).split("\n"))
        asked.keep("FlowLogs_CL", text_of("transform-flow.kql"))

        def look(rule: str, flows: Sequence[Flow]) -> list[dict[str, Any]]:
            receive_events(asked, lines_of(flows).split("\n"))
            with asked.with_more("FlowLogs_CL", text_of("transform-flow.kql")):
                return asked.ask(text_of(f"rules/{rule}.kql"))

        yield look


def denials(count: int, *, ago: timedelta = IN_WINDOW) -> list[str]:
    return [tuple_of(THEIRS, OURS, 22, ago=ago, source_port=40_000 + number) for number in range(count)]


def attempts(ports: int, *, state: str = "D", ago: timedelta = IN_WINDOW) -> list[str]:
    return [tuple_of(THEIRS, OURS, 1000 + port, ago=ago, state=state) for port in range(ports)]


def outbound(port: int, *, ago: timedelta = IN_HOUR, state: str = "B") -> str:
    return tuple_of(OURS, THEIRS, port, ago=ago, state=state, direction="O")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_nothing_in_ordinary_traffic(alerts: Alerts, rule: str) -> None:
    assert len(ordinary_flows()) > 20_000
    assert {flow["decision"] for flow in ordinary_flows()} == {"allow", "deny"}

    assert alerts(rule, []) == []


def test_a_burst_of_denied_flows_is_found_with_its_source_and_its_rule(alerts: Alerts) -> None:
    (alert,) = alerts("denied-burst", planted(denials(120)))

    assert (alert["SrcIpAddr"], alert["DstIpAddr"], alert["NetworkDirection"]) == (THEIRS, OURS, "Inbound")
    assert (alert["Denied"], alert["Ports"], alert["SomePorts"]) == (120, 1, "[22]")
    assert alert["Rules"] == '["UserRule_planted"]'


@pytest.mark.parametrize("count", [99, 100])
def test_a_burst_begins_at_the_threshold(alerts: Alerts, count: int) -> None:
    assert len(alerts("denied-burst", planted(denials(count)))) == (count >= 100)


@pytest.mark.parametrize("ago", [BEFORE_WINDOW, AFTER_WINDOW])
def test_a_burst_outside_the_window_is_another_run_s(alerts: Alerts, ago: timedelta) -> None:
    assert alerts("denied-burst", planted(denials(120, ago=ago))) == []


def test_flows_that_came_twice_make_no_burst(alerts: Alerts) -> None:
    flows = planted(denials(60))

    assert alerts("denied-burst", [*flows, *flows]) == []


def test_allowed_flows_make_no_burst(alerts: Alerts) -> None:
    flows = [tuple_of(THEIRS, OURS, 443, ago=IN_WINDOW, state="B", source_port=port) for port in range(120)]

    assert alerts("denied-burst", planted(flows)) == []


@pytest.mark.parametrize(("state", "refused"), [("D", 60), ("B", 0)])
def test_a_port_scan_is_found_whether_it_was_refused_or_not(alerts: Alerts, state: str, refused: int) -> None:
    (alert,) = alerts("port-scan", planted(attempts(60, state=state)))

    assert (alert["SrcIpAddr"], alert["DstIpAddr"], alert["NetworkProtocol"]) == (THEIRS, OURS, "TCP")
    assert (alert["Ports"], alert["Denied"], alert["Allowed"]) == (60, refused, 60 - refused)


@pytest.mark.parametrize("ports", [49, 50])
def test_a_scan_begins_at_the_threshold(alerts: Alerts, ports: int) -> None:
    assert len(alerts("port-scan", planted(attempts(ports)))) == (ports >= 50)


@pytest.mark.parametrize("state", ["C", "E"])
def test_connections_that_go_on_or_end_are_no_scan(alerts: Alerts, state: str) -> None:
    assert alerts("port-scan", planted(attempts(60, state=state))) == []


def test_a_port_scan_in_a_log_without_states_is_found(alerts: Alerts) -> None:
    version_1 = {"flowLogType": "nsg", "flowLogVersion": 1, "flowState": None}
    flows = [flow | version_1 for flow in planted(attempts(60, state="B"))]

    assert [alert["Ports"] for alert in alerts("port-scan", flows)] == [60]


def test_a_new_outbound_port_is_found_with_where_it_went(alerts: Alerts) -> None:
    (alert,) = alerts("new-outbound-port", planted([outbound(4444), outbound(443)]))

    assert (alert["DvcId"], alert["NetworkProtocol"], alert["DstPortNumber"]) == (watched_network(), "TCP", 4444)
    assert (alert["Flows"], alert["Sources"], alert["Destinations"]) == (1, f'["{OURS}"]', f'["{THEIRS}"]')


def test_an_outbound_port_that_was_used_before_is_not_new(alerts: Alerts) -> None:
    flows = planted([outbound(4444), outbound(4444, ago=timedelta(minutes=100))])

    assert alerts("new-outbound-port", flows) == []


def test_an_outbound_port_that_was_refused_is_not_new(alerts: Alerts) -> None:
    assert alerts("new-outbound-port", planted([outbound(4444, state="D")])) == []


def test_a_network_without_a_past_has_no_new_ports(alerts: Alerts) -> None:
    assert alerts("new-outbound-port", planted([outbound(4444)], target=f"{watched_network()}-new")) == []
