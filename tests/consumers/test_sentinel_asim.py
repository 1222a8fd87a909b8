"""Events of the schema `asim` fill Sentinel's own table, with the rows that our parser makes of flows."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from flowlog_core.flow.schemas.asim import ASIM
from tests.consumers.kusto_on_duckdb import DUCKDB_TYPES, Tables, receive_events, tables
from tests.consumers.sent_events import GOLDEN_LOGS, WITH_COMMUNITY_ID, events_of, flows_in
from tests.consumers.sentinel_files import FILTERING, NATIVE, PAGE, PLAIN, function_of, text_of, unifying
from tests.consumers.simulated_flows import NOW, Flow, log_of, minutes, tuple_of
from tests.support.kusto import queries_of_page

STATES = ("B", "C", "E", "D")
COUNTERS = ("0,0,0,0", "1,60,0,0", ",,,", f"1,{2**62},1,{2**62 - 1}")
ADDRESSES = (("10.1.0.4", "192.0.2.10"), ("2001:db8::4", "2001:db8::5"))
HERE, THERE, OUTSIDE = "10.1.0.4", "10.1.0.6", "192.0.2.10"
FUNCTIONS = {
    FILTERING: function_of(FILTERING),
    PLAIN: function_of(PLAIN),
    # A stand-in for the built-in parser, which Sentinel's own table feeds.
    "_Im_NetworkSession": unifying(
        "{ ASimNetworkSessionLogs | where TimeGenerated >= starttime and TimeGenerated <= endtime }"
    ),
}


def every_kind() -> list[bytes]:
    """Return logs of every format, and one with every protocol, direction, state and kind of counters."""
    ago = minutes(9)
    kinds = product(ADDRESSES, "IO", STATES, COUNTERS)
    tuples = [
        tuple_of(*ends, 443, ago=ago, direction=way, state=state, counters=sent) for ends, way, state, sent in kinds
    ]
    tuples += [tuple_of(*ADDRESSES[0], 443, ago=ago, protocol=number) for number in range(256)]
    return [*GOLDEN_LOGS, log_of(tuples)]


LOGS = every_kind()


@pytest.fixture(scope="module")
def filled() -> Iterator[Tables]:
    """Both tables, each filled with what the forwarder sends of the same logs."""
    with tables(FUNCTIONS) as asked:
        fill(asked, "FlowLogs_CL", "transform-flow.kql", [flow for log in LOGS for flow in flows_in(events_of(log))])
        types = fill(asked, "ASimNetworkSessionLogs", "transform-asim.kql", asim_flows())
        assert types == {name: DUCKDB_TYPES[kind] for name, kind in NATIVE.items()}
        yield asked


def asim_flows(*logs: bytes) -> list[Flow]:
    """Return what is sent of logs, one flow an event, as Azure Monitor reads it."""
    events = [event for log in logs or LOGS for event in events_of(log, schema=ASIM, event_format="json")]
    flows = flows_in(events)
    assert len(flows) == len(events)
    return flows


def fill(asked: Tables, table: str, transformation: str, flows: list[Flow]) -> dict[str, str]:
    receive_events(asked, [json.dumps(flow) for flow in flows])
    return asked.keep(table, text_of(transformation))


def bare(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its additional fields as an object, without those that are empty."""
    fields = json.loads(row["AdditionalFields"])
    return row | {"AdditionalFields": {name: value for name, value in fields.items() if value != ""}}


def test_the_transformation_carries_every_column_that_is_sent() -> None:
    sent = {name for flow in asim_flows() for name in flow}

    assert sent == set(ASIM.keys) == set(NATIVE)


def test_an_event_becomes_the_row_that_the_parser_makes_of_the_same_flow(filled: Tables) -> None:
    columns = ", ".join(NATIVE)
    sessions = filled.ask(f"{PLAIN}() | extend DvcSubscriptionId = DvcScopeId | project {columns}")
    rows = filled.ask("ASimNetworkSessionLogs")

    assert len(rows) == len(sessions) > 380
    expected = {session["EventOriginalUid"]: bare(session) for session in sessions}
    assert {row["EventOriginalUid"]: bare(row) for row in rows} == expected


def test_the_query_for_denied_traffic_counts_the_flows_of_the_table(filled: Tables) -> None:
    rows = filled.ask(text_of("denied.kql").replace("top 100", "top 10000"))

    since, until = f"{NOW - timedelta(days=1):%FT%T}", f"{NOW:%FT%T}"
    denied = {
        flow["EventOriginalUid"]
        for flow in asim_flows()
        if flow["DvcAction"] == "Deny" and since < flow["TimeGenerated"] < until
    }
    assert sum(row["Flows"] for row in rows) == len(denied) > 250


def test_what_both_ends_logged_is_counted_where_it_was_sent() -> None:
    ago = minutes(9)
    sender = [
        tuple_of(HERE, THERE, 443, ago=ago, state="E", direction="O", counters="3,300,2,200"),
        tuple_of(HERE, THERE, 22, ago=ago, state="B", direction="O"),
    ]
    receiver = [
        tuple_of(HERE, THERE, 443, ago=ago, state="E", counters="3,300,2,200"),
        tuple_of(HERE, THERE, 22, ago=ago, state="D"),
        tuple_of(OUTSIDE, THERE, 443, ago=ago, state="E", counters="9,900,8,800"),
    ]
    flows = asim_flows(log_of([*sender, *receiver]))
    with tables() as asked:
        fill(asked, "ASimNetworkSessionLogs", "transform-asim.kql", [*flows, *flows])
        rows = asked.ask(query_of_both_ends())

    found = {(row["SrcIpAddr"], row["DstPortNumber"]): (row["Flows"], row["Bytes"]) for row in rows}
    assert found == {
        (HERE, 443): (1, 500),
        (HERE, 22): (2, 0),  # the sender's begin, and the receiver's denial
        (OUTSIDE, 443): (1, 1700),
    }


def test_the_ordered_ends_find_the_flows_that_the_community_id_finds() -> None:
    there_and_back = [
        tuple_of(HERE, THERE, 443, ago=minutes(9), direction="O"),
        tuple_of(THERE, HERE, 50_000, ago=minutes(8), source_port=443),
        tuple_of(HERE, THERE, 443, ago=minutes(7), direction="O", protocol=17),
    ]
    log = log_of([*there_and_back, *(tuple_of(HERE, OUTSIDE, port, ago=minutes(9)) for port in range(9))])
    first, *_ = query_of_both_ends().split(";")
    with tables() as asked:
        fill(asked, "ASimNetworkSessionLogs", "transform-asim.kql", asim_flows(log))
        ends = {row["EventOriginalUid"]: row["Ends"] for row in asked.ask(f"{first};\nsessions")}

    ids = {flow["id"]: flow["communityId"] for flow in flows_in(events_of(log, schema=WITH_COMMUNITY_ID))}
    assert len({(ends[id_], ids[id_]) for id_ in ids}) == len(set(ends.values())) == len(set(ids.values())) == 11


def query_of_both_ends() -> str:
    (query,) = [each for each in queries_of_page(PAGE) if "Ends" in each]
    return query
