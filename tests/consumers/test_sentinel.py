"""What Sentinel is given: the transformations, the parsers and the queries, each run on flows of every format."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests.consumers.kusto_on_duckdb import DUCKDB_TYPES, Tables, receive_events, tables
from tests.consumers.sentinel_files import (
    FILTERING,
    FOLDER,
    NATIVE,
    PAGE,
    PLAIN,
    ROOT,
    RULES,
    custom_columns,
    function_of,
    text_of,
    unifying,
    workspace,
)
from tests.consumers.simulated_flows import Flow, ordinary_flows
from tests.support.kusto import faults, queries_of_page

FUNCTIONS = {
    FILTERING: function_of(FILTERING),
    PLAIN: function_of(PLAIN),
    "_Im_NetworkSession": unifying(f"{{ {FILTERING}(starttime, endtime) }}"),
}
GOLDEN = [
    json.loads(line)
    for file in sorted((ROOT / "tests" / "golden").glob("*.flows.ndjson"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
# learn.microsoft.com, azure/azure-monitor/data-collection/data-collection-transformations-kql (2026-01-20): of what a
# transformation may use, what ours do.
TRANSFORMATION = {"extend", "isnotempty", "parse_json", "project", "todatetime", "toint", "tolong", "tostring", "where"}


def queries() -> dict[str, str]:
    asked = {str(file.relative_to(FOLDER)): file.read_text(encoding="utf-8") for file in FOLDER.rglob("*.kql")}
    bodies = {name: function_of(name) for name in (FILTERING, PLAIN)}
    # One block of the page is a line for a function with the same parameters.
    parameters = function_of(FILTERING)[0]
    bodies |= {
        f"page {number}": (parameters, f"{{ {query} }}") for number, query in enumerate(queries_of_page(PAGE), 1)
    }
    for name, (head, body) in bodies.items():
        asked.pop(f"{name}.kql", None)
        asked[name] = f"let parser = {head} {body};\nparser()"
    return asked


def test_the_language_service_finds_nothing_wrong() -> None:
    assert len(queries()) >= len(RULES) + 5

    assert {name: found for name, found in faults(queries(), workspace()).items() if found} == {}


@pytest.mark.parametrize("name", ["transform-flow.kql", "transform-asim.kql"])
def test_a_transformation_uses_what_a_data_collection_rule_can_do(name: str) -> None:
    text = re.sub(r"//.*", "", text_of(name))
    words = set(re.findall(r"\| (\w+)", text)) | set(re.findall(r"\b(\w+)\(", text))

    assert words <= TRANSFORMATION


@pytest.fixture(scope="module")
def workspace_tables() -> Iterator[Tables]:
    """FlowLogs_CL with the flows of every golden log."""
    with tables(FUNCTIONS) as asked:
        receive_events(asked, [json.dumps(flow) for flow in GOLDEN])
        asked.keep("FlowLogs_CL", text_of("transform-flow.kql"))
        yield asked


def test_each_event_becomes_a_row_of_the_columns_that_the_table_has(workspace_tables: Tables) -> None:
    rows = workspace_tables.ask("FlowLogs_CL")

    assert len(rows) == len(GOLDEN) > 30
    types = {name: DUCKDB_TYPES[kind] for name, kind in custom_columns().items()}
    assert workspace_tables.types_of("FlowLogs_CL") == types


def as_row(flow: Flow) -> dict[str, Any]:
    """Return a flow under the names of the table: a null text is empty there, as Kusto has it."""
    own = {"id": "FlowId", "time": "TimeGenerated"}
    return {own.get(key, key[0].upper() + key[1:]): value for key, value in flow.items()}


def test_a_row_holds_every_value_of_its_flow(workspace_tables: Tables) -> None:
    rows = {row["FlowId"]: row for row in workspace_tables.ask("FlowLogs_CL")}

    for flow in GOLDEN:
        row = rows[flow["id"]]
        row["TimeGenerated"] = row["TimeGenerated"].isoformat(timespec="milliseconds") + "Z"
        expected = as_row(flow) | {"CommunityId": None}
        assert {name: value or None for name, value in row.items() if value != 0} == {
            name: value for name, value in expected.items() if value != 0
        }


def test_what_is_no_flow_makes_no_row() -> None:
    with tables() as asked:
        receive_events(asked, ["", "hello", "[]", '{"id": "x"}', json.dumps({"records": [GOLDEN[0]]})])
        asked.keep("FlowLogs_CL", text_of("transform-flow.kql"))

        assert asked.ask("FlowLogs_CL") == []


ALLOWED = {"decision": "allow"}
VALUES: dict[str, tuple[Mapping[str, object], dict[str, object]]] = {
    "begin": (ALLOWED | {"flowState": "begin"}, {"EventSubType": "Start", "DvcAction": "Allow"}),
    "end": (ALLOWED | {"flowState": "end"}, {"EventSubType": "End", "EventResult": "Success"}),
    "continue": (ALLOWED | {"flowState": "continue"}, {"EventSubType": "", "EventSeverity": "Informational"}),
    "deny": ({"decision": "deny", "flowState": "deny"}, {"EventSubType": "", "DvcAction": "Deny"}),
    "denied begin": ({"decision": "deny", "flowState": "begin"}, {"EventSubType": "", "EventResult": "Failure"}),
    "denied": ({"decision": "deny"}, {"EventSeverity": "Low", "DvcOriginalAction": "D"}),
    "inbound": ({"direction": "inbound", "macAddress": "00224801AB9F"}, {"DstMacAddr": "00:22:48:01:AB:9F"}),
    "inbound source": ({"direction": "inbound"}, {"SrcMacAddr": "", "NetworkDirection": "Inbound"}),
    "outbound": ({"direction": "outbound"}, {"DstMacAddr": "", "NetworkDirection": "Outbound"}),
    "nsg": ({"flowLogType": "nsg", "flowLogVersion": 2}, {"EventProduct": "NSGFlow", "EventOriginalType": "nsg/2"}),
    "vnet": ({"flowLogType": "vnet"}, {"EventProduct": "VNetFlow"}),
    "IPv6": ({"srcIp": "2001:db8::1", "destIp": "2001:db8::2"}, {"NetworkProtocolVersion": "IPv6"}),
    "ICMP": ({"protocol": 1, "srcPort": 0}, {"NetworkProtocol": "ICMP", "SrcPortNumber": 0}),
    "unknown protocol": ({"protocol": 253}, {"NetworkProtocol": ""}),
    "bytes": ({"bytesSrcToDest": 5, "bytesDestToSrc": 2**62}, {"NetworkBytes": 2**62 + 5, "DstBytes": 2**62}),
    "no bytes": ({"bytesSrcToDest": None, "bytesDestToSrc": 7}, {"NetworkBytes": None, "SrcBytes": None}),
    "community": (
        {"communityId": "1:kzGQ6nxkXW3h884hGCnHV3h0qmg="},
        {"NetworkSessionId": "1:kzGQ6nxkXW3h884hGCnHV3h0qmg="},
    ),
}


@pytest.fixture(scope="module")
def sessions() -> dict[str, dict[str, Any]]:
    """What the parser makes of a flow with each case's changes, by case."""
    flow = next(flow for flow in GOLDEN if flow["flowLogType"] == "vnet")
    changed = {case: changes for case, (changes, _) in VALUES.items()}
    with tables(FUNCTIONS) as asked:
        receive_events(asked, [json.dumps(flow | changes | {"id": case}) for case, changes in changed.items()])
        asked.keep("FlowLogs_CL", text_of("transform-flow.kql"))
        return {str(session["EventOriginalUid"]): session for session in asked.ask(f"{PLAIN}()")}


@pytest.mark.parametrize("case", VALUES)
def test_the_parser_maps_a_flow(sessions: dict[str, dict[str, Any]], case: str) -> None:
    _, expected = VALUES[case]

    assert {name: sessions[case][name] for name in expected} == expected


def test_the_parsers_return_every_flow_once_with_what_the_schema_demands(workspace_tables: Tables) -> None:
    for parser in (PLAIN, FILTERING):
        rows = workspace_tables.ask(f"{parser}()")

        assert sorted(row["EventOriginalUid"] for row in rows) == sorted(flow["id"] for flow in GOLDEN)
        mandatory = ("TimeGenerated", "EventCount", "EventStartTime", "EventEndTime", "EventType", "EventResult", "Dvc")
        products = ("EventProduct", "EventVendor", "EventSchema", "EventSchemaVersion", "Src", "Dst")
        assert all(row[name] for row, name in product(rows, mandatory + products))


def call(**filters: str) -> str:
    """Call the filtering parser; by position, since duckdb-kql knows no named arguments."""
    head = function_of(FILTERING)[0][1:-1]
    parameters = {each.partition(":")[0]: each.partition("=")[2] for each in head.split(", ")}
    assert filters.keys() <= parameters.keys()
    return f"{FILTERING}({', '.join(filters.get(name, default) for name, default in parameters.items())})"


def has_address(*texts: str) -> bool:
    """Whether 10.1.0.4 is one of the addresses, or mapped into one of IPv6."""
    return any(text.split(":")[-1] == "10.1.0.4" for text in texts)


Kept = Callable[[Flow], bool]
FILTERS: tuple[tuple[dict[str, str], Kept], ...] = (
    ({}, lambda _: True),
    ({"disabled": "true"}, lambda _: False),
    ({"hostname_has_any": "dynamic(['web'])"}, lambda _: False),
    ({"starttime": "datetime(2026-11-20T09:00:03Z)"}, lambda flow: flow["time"] >= "2026-11-20T09:00:03.000Z"),
    ({"endtime": "datetime(2026-11-20T09:00:03Z)"}, lambda flow: flow["time"] <= "2026-11-20T09:00:03.000Z"),
    ({"srcipaddr_has_any_prefix": "dynamic(['10.1.0.4'])"}, lambda flow: has_address(flow["srcIp"])),
    ({"dstipaddr_has_any_prefix": "dynamic(['10.1.0.4'])"}, lambda flow: has_address(flow["destIp"])),
    ({"ipaddr_has_any_prefix": "dynamic(['10.1.0.4'])"}, lambda flow: has_address(flow["srcIp"], flow["destIp"])),
    ({"dstportnumber": "443"}, lambda flow: flow["destPort"] == 443),
    ({"dvcaction": "dynamic(['Deny'])"}, lambda flow: flow["decision"] == "deny"),
    ({"eventresult": "'Success'"}, lambda flow: flow["decision"] == "allow"),
)


@pytest.mark.parametrize(("filters", "kept"), FILTERS)
def test_a_filter_keeps_what_it_names(workspace_tables: Tables, filters: dict[str, str], kept: Kept) -> None:
    found = workspace_tables.ask(call(**filters))

    assert sorted(row["EventOriginalUid"] for row in found) == sorted(flow["id"] for flow in GOLDEN if kept(flow))


def test_the_page_shows_the_query_of_the_file_and_every_column() -> None:
    _, query = text_of("denied.kql").split("\n", 1)
    section = PAGE.read_text(encoding="utf-8").split("\n## The columns\n", 1)[1].split("\n## ", 1)[0]
    described = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE))))

    assert query in queries_of_page(PAGE)
    assert described == NATIVE.keys()


def test_denied_traffic_is_shown_each_flow_once() -> None:
    flows = ordinary_flows()[-2000:]
    denied = [flow for flow in flows if flow["decision"] == "deny"]
    with tables(FUNCTIONS) as asked:
        receive_events(asked, [json.dumps(flow) for flow in (*flows, *denied)])
        asked.keep("FlowLogs_CL", text_of("transform-flow.kql"))
        rows = asked.ask(text_of("denied.kql").replace("top 100", "top 10000"))

    assert sum(row["Flows"] for row in rows) == len(denied) > 100
    counted = {(row["SrcIpAddr"], row["DstIpAddr"], row["DstPortNumber"]) for row in rows}
    assert counted == {(flow["srcIp"], flow["destIp"], flow["destPort"]) for flow in denied}
