"""The queries of docs/consumers/queries.md answer the same as those for DuckDB, and rightly."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flowlog_core import read_flows
from flowlog_core.flow.schemas.asim import ASIM
from flowlog_core.flow.schemas.ecs import ECS
from flowlog_core.flow.schemas.ocsf import OCSF
from flowlog_core.flow.tree import Schema
from tests.consumers.data_explorer_files import database, ingest
from tests.consumers.kusto_on_duckdb import Tables, tables
from tests.consumers.sent_events import WITH_COMMUNITY_ID, events_of, flows_in
from tests.consumers.simulated_flows import NOW, Flow, lines_of, log_of, minutes, ordinary_flows, planted, tuple_of
from tests.support.flow_logs import document, nsg_record
from tests.support.kusto import faults, queries_of_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "consumers" / "queries.md"
FIVE_TUPLE = ("flowLogType", "macAddress", "srcIp", "srcPort", "destIp", "destPort", "protocol")
HERE, THERE, OUTSIDE = "10.1.0.4", "10.1.0.6", "192.0.2.10"
BOTH_ENDS = "A flow that both ends logged"
CONNECTIONS = "Begin, continue and end of a connection"
CONNECTOR = "From Microsoft's retired NSG connector"
FILES = {BOTH_ENDS: "both-ends", CONNECTIONS: "connections", CONNECTOR: "nsg-connector"}
"""By heading, the file with the query in SQL."""


Row = dict[str, Any]


def text_of(query: str) -> str:
    return (ROOT / "consumers" / "duckdb" / f"{query}.sql").read_text(encoding="utf-8")


def query_below(heading: str) -> str:
    """Return the page's query in Kusto's language."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (query,) = re.findall(r"^```kusto\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(query)


def ago(number: float) -> datetime:
    return (NOW - minutes(number)).replace(tzinfo=None)


def logged_twice() -> list[Flow]:
    """One connection between two watched interfaces, one refused by the receiver, one from outside, one ICMP."""
    sender = [
        tuple_of(HERE, THERE, 443, ago=minutes(9), state="E", direction="O", counters="3,300,2,200"),
        tuple_of(HERE, THERE, 22, ago=minutes(9), state="B", direction="O"),
        tuple_of(HERE, THERE, 0, ago=minutes(9), state="E", direction="O", protocol=1, counters="1,84,1,84"),
    ]
    receiver = [
        tuple_of(HERE, THERE, 443, ago=minutes(9), state="E", counters="3,300,2,200"),
        tuple_of(HERE, THERE, 22, ago=minutes(9), state="D"),
        tuple_of(HERE, THERE, 0, ago=minutes(9), state="E", protocol=1, counters="1,84,1,84"),
        tuple_of(OUTSIDE, THERE, 443, ago=minutes(9), state="E", counters="9,900,8,800"),
    ]
    other = {"macAddress": "00224800FFFF"}
    return [*planted(sender), *(flow | other | {"id": f"{flow['id']}-there"} for flow in planted(receiver))]


def one_port_twice() -> list[Flow]:
    """Two connections of one 5-tuple, and one that began before."""
    states = [
        ("B", 30, "0,0,0,0"),
        ("C", 25, "2,20,1,10"),
        ("E", 24, "1,5,1,5"),
        ("B", 9, "0,0,0,0"),
        ("C", 4, "4,40,4,40"),
    ]
    old = tuple_of(HERE, OUTSIDE, 8443, ago=minutes(20), state="C", direction="O", counters="6,60,0,0")
    return planted(
        [
            *(
                tuple_of(HERE, OUTSIDE, 443, ago=minutes(ago), state=state, direction="O", counters=counters)
                for state, ago, counters in states
            ),
            old,
        ]
    )


class Asked:
    """The flows, some of which came twice, as the tables of Data Explorer and as the table of DuckDB."""

    def __init__(self, held: Tables, folder: Path, flows: list[Flow]) -> None:
        self.flows = flows
        repeated = [*flows, *flows[: len(flows) // 8 + 1]]
        ingest(held, [lines_of(repeated).encode()])
        held.keep("FlowLogsOnce", query_below("Each flow once"))
        (folder / "flows.ndjson").write_text(lines_of(repeated), encoding="utf-8")
        held.connection.execute(text_of("flows"))
        self._held = held

    def kusto(self, heading: str) -> list[Row]:
        return [shown(row) for row in self._held.ask(query_below(heading))]

    def sql(self, query: str) -> list[Row]:
        answer = self._held.connection.sql(query)
        return [shown(dict(zip(answer.columns, row, strict=True))) for row in answer.fetchall()]

    def both(self, heading: str) -> list[Row]:
        """Return the rows, which are the same in both languages."""
        rows = self.kusto(heading)
        assert counted(rows) == counted(self.sql(text_of(FILES[heading])))
        return rows


def shown(row: Row) -> Row:
    """Return a row with what the two ways to keep flows name or type differently made the same."""
    row = {{"timestamp": "time"}.get(name, name): value for name, value in row.items()}
    values = {name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()}
    return {
        name: value.replace(tzinfo=None) if isinstance(value, datetime) else value for name, value in values.items()
    }


def counted(rows: list[Row]) -> Counter[str]:
    """Count rows; what Kusto writes as an empty text, or as the sum of nothing, is null in SQL."""
    bare = ({name: value or None for name, value in row.items()} for row in rows)
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in bare)


Ask = Callable[[list[Flow]], Asked]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.chdir(tmp_path)  # where the query looks for files
    with tables() as held:
        yield lambda flows: Asked(held, tmp_path, flows)


def ordinary() -> list[Flow]:
    return list(ordinary_flows()[::5])


def test_the_language_service_finds_nothing_wrong() -> None:
    asked = {str(number): query for number, query in enumerate(queries_of_page(PAGE), 1)}

    assert len(asked) == 1 + len(FILES)
    assert {name: found for name, found in faults(asked, database()).items() if found} == {}


def test_each_flow_comes_once(ask: Ask) -> None:
    asked = ask(ordinary())
    ids = sorted(flow["id"] for flow in asked.flows)

    assert sorted(row["id"] for row in asked.kusto("Each flow once")) == ids
    assert sorted(row["id"] for row in asked.sql("SELECT id FROM flows")) == ids


@pytest.mark.parametrize(
    ("schema", "id_", "community_id"),
    [
        (OCSF, "metadata.uid", "connection_info.community_uid"),
        (ECS, "event.id", "network.community_id"),
        (ASIM, "EventOriginalUid", None),
    ],
)
def test_other_schemas_have_id_and_community_id_where_the_page_says(
    schema: Schema, id_: str, community_id: str | None
) -> None:
    log = log_of([tuple_of(HERE, THERE, 443, ago=minutes(9))])
    ((here,), (there,)) = (flows_in(events_of(log, schema=each)) for each in (WITH_COMMUNITY_ID, schema))
    page = PAGE.read_text(encoding="utf-8")

    assert value_at(there, id_) == here["id"]
    assert f"`{id_}`" in page
    if community_id:
        assert value_at(there, community_id) == here["communityId"]
        assert f"`{community_id}`" in page
    else:
        assert here["communityId"] not in json.dumps(there)


def value_at(flow: Flow, path: str) -> object:
    value: Any = flow
    for key in path.split("."):
        value = value[key]
    return value


def test_what_both_ends_logged_is_counted_where_it_was_sent(ask: Ask) -> None:
    rows = ask(logged_twice()).both(BOTH_ENDS)

    found = {(row["srcIp"], row["destPort"]): (row["flows"], row["bytes"]) for row in rows}
    assert found == {
        (HERE, 443): (1, 500),
        (HERE, 22): (2, 0),  # the sender's begin, and the receiver's denial
        (HERE, 0): (2, 336),  # ICMP, at both ends
        (OUTSIDE, 443): (1, 1700),
    }


def test_in_ordinary_traffic_no_flow_is_lost_that_one_end_logged(ask: Ask) -> None:
    asked = ask(ordinary())
    sent = {
        flow["communityId"] for flow in asked.flows if (flow["direction"], flow["decision"]) == ("outbound", "allow")
    }
    twice = [
        flow
        for flow in asked.flows
        if flow["direction"] == "inbound" and flow["decision"] == "allow" and flow["communityId"] in sent - {None}
    ]

    rows = asked.both(BOTH_ENDS)

    assert sum(row["flows"] for row in rows) == len(asked.flows) - len(twice)


def test_the_flows_of_a_connection_are_joined_and_a_5_tuple_may_come_again(ask: Ask) -> None:
    rows = ask(one_port_twice()).both(CONNECTIONS)

    found = {
        (row["destPort"], row["began"]): (row["flows"], row["ended"], row["bytes"], row["packets"]) for row in rows
    }
    assert found == {
        (443, ago(30)): (3, True, 40, 5),
        (443, ago(9)): (2, False, 80, 8),
        (8443, None): (1, False, 60, 6),
    }


def test_in_ordinary_traffic_connections_hold_every_flow_that_has_a_state(ask: Ask) -> None:
    asked = ask(ordinary())
    flows = [flow for flow in asked.flows if flow["decision"] == "allow" and flow["flowState"]]
    begun = {(tuple(flow[key] for key in FIVE_TUPLE), flow["time"]) for flow in flows if flow["flowState"] == "begin"}

    rows = asked.both(CONNECTIONS)

    assert sum(row["flows"] for row in rows) == len(flows) > 1000
    assert sum(row["bytes"] or 0 for row in rows) == sum(both_ways(flow) for flow in flows)
    assert len([row for row in rows if row["began"]]) == len(begun)


def both_ways(flow: Flow) -> int:
    counters = (flow["bytesSrcToDest"], flow["bytesDestToSrc"])
    return 0 if None in counters else sum(counters)


def test_flows_take_the_names_of_the_retired_connector(ask: Ask) -> None:
    raw = [
        "1795000005,10.0.0.4,192.0.2.1,44931,443,T,O,A,E,7,700,5,500",
        "1795000006,192.0.2.2,10.0.0.4,53,53,U,I,D,B,,,,",
    ]
    flows = list(read_flows(io.BytesIO(document([nsg_record(raw)]))))
    rows = ask([*flows, *planted([tuple_of(HERE, THERE, 443, ago=minutes(1))])]).both(CONNECTOR)

    names = (
        *("startTime", "sourceAddress", "destinationAddress", "sourcePort", "destinationPort", "transportProtocol"),
        *("deviceDirection", "deviceAction", "flowState", "packetsStoD", "bytesStoD", "packetsDtoS", "bytesDtoS"),
    )
    assert sorted(",".join(row[name] or "" for name in names) for row in rows) == sorted(raw)
    assert {(row["mac"], row["nsgRuleName"], row["version"]) for row in rows} == {("00155D123456", "UserRule_x", 2.0)}
    table = PAGE.read_text(encoding="utf-8").split("| its key |", 1)[1].split("\n\n", 1)[0]
    described = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:])))
    assert described - {"category", "operationName"} == set(rows[0])
