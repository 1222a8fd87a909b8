"""What Data Explorer is given: each command by the language service, and what it does to events on DuckDB."""

import gzip
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb_kql
import pytest

from flowlog_core.events.packer import Event, EventCompression, EventFormat
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS
from tests.consumers.data_explorer_files import (
    body_of,
    columns_of,
    command_that,
    commands,
    database,
    ingest,
    mapping,
    text_of,
)
from tests.consumers.kusto_on_duckdb import DUCKDB_TYPES, Tables, tables
from tests.consumers.sent_events import WITH_COMMUNITY_ID, events_of
from tests.consumers.simulated_flows import Flow, ordinary_flows
from tests.support.flow_logs import document, nsg_record, vnet_record
from tests.support.kusto import faults, queries_of_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "consumers" / "data-explorer.md"
LOG = document(
    [
        vnet_record(300),
        nsg_record(["1795000005,10.0.0.4,192.0.2.1,44931,443,T,O,D,B,,,,"]),
        nsg_record(["1795000006,10.0.0.4,192.0.2.1,44931,53,U,O,A"], version=1),
    ]
)

FILES = ("database.kql", "checks.kql", "denied.kql")


def test_the_language_service_finds_nothing_wrong() -> None:
    asked = {f"{name} {number}": command for name in FILES for number, command in enumerate(commands(name), 1)}
    asked |= {f"page {number}": query for number, query in enumerate(queries_of_page(PAGE), 1)}

    assert len(asked) > 15
    assert {name: found for name, found in faults(asked, database()).items() if found} == {}


def test_what_is_wrong_in_a_command_is_found() -> None:
    script = text_of("database.kql")
    broken = {
        "'FlowLog'": script.replace("FlowLogs policy update", "FlowLog policy update"),
        "retention": script.replace("policy retention", "policy retension"),
        "'bytesSourceToDest'": script.replace("= bytesSrcToDest + ", "= bytesSourceToDest + "),
        "'time'": script.replace("by id, timestamp", "by id, time"),
    }
    asked = {
        f"{expected} {number}": command
        for expected, text in broken.items()
        for number, (_, command) in enumerate(duckdb_kql.split_script(text))
    }
    found = faults(asked, database())

    for expected in broken:
        assert expected in " ".join(" ".join(found[name]) for name in found if name.startswith(expected))


def test_the_script_has_only_commands_that_a_template_may_run() -> None:
    # learn.microsoft.com, azure/data-explorer/database-script
    verbs = {re.sub(r"^//.*\n", "", command, flags=re.MULTILINE).split()[0] for command in commands("database.kql")}

    assert verbs <= {".create", ".create-or-alter", ".create-merge", ".alter", ".alter-merge", ".add"}


def test_the_mapping_has_a_column_for_each_key_of_a_flow() -> None:
    paths = {column["Column"]: column["Properties"]["Path"] for column in mapping()}

    assert list(paths) == list(columns_of("FlowLogsReceived"))
    assert set(paths.values()) == {f"$.{key}" for key in (*DEFAULT_FIELDS, "communityId")}


def test_the_update_policy_runs_the_function_on_what_arrives() -> None:
    (policy,) = json.loads(command_that(".alter table FlowLogs policy update").split("```")[1])

    assert (policy["Source"], policy["Query"]) == ("FlowLogsReceived", "CompleteFlowLogs()")
    # learn.microsoft.com, kusto/management/update-policy: rows that leave at once need a transactional policy.
    assert policy["IsTransactional"]
    assert "softdelete = 0s" in command_that(".alter-merge table FlowLogsReceived policy retention")


def plain(event: Event) -> bytes:
    return gzip.decompress(event.body) if event.content_encoding == "gzip" else event.body


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("event_format", ["ndjson", "json"])
def test_events_fill_the_table_with_every_value_of_every_flow(
    event_format: EventFormat, compression: EventCompression
) -> None:
    sent = events_of(LOG, schema=WITH_COMMUNITY_ID, event_format=event_format, compression=compression)
    flows = [json.loads(line) for event in sent for line in plain(event).split(b"\n")]
    with tables() as asked:
        ingest(asked, [plain(event) for event in sent])
        types = asked.types_of("FlowLogs")
        rows = asked.ask("FlowLogs")

    assert types == {name: DUCKDB_TYPES[kind] for name, kind in columns_of("FlowLogs").items()}
    assert len(rows) == len(flows) == 302
    for row, flow in zip(rows, flows, strict=True):
        flow["timestamp"] = datetime.fromisoformat(flow.pop("time")).replace(tzinfo=None)
        assert {key: row[key] for key in flow} == flow


def some_flows() -> tuple[Flow, ...]:
    return ordinary_flows()[::9]


@pytest.fixture(scope="module")
def kept() -> Iterator[Tables]:
    """The table with simulated flows, the newest of which came twice."""
    with tables() as asked:
        flows = some_flows()
        ingest(asked, [json.dumps(flow).encode() for flow in (*flows, *flows[-500:])])
        asked.keep("FlowLogsOnce", body_of(".create ifnotexists materialized-view").strip())
        yield asked


def test_the_update_policy_computes_columns(kept: Tables) -> None:
    versions = set()
    for row in kept.ask("FlowLogs"):
        both = (row["bytesSrcToDest"], row["bytesDestToSrc"], row["packetsSrcToDest"], row["packetsDestToSrc"])
        assert row["bytes"] == (None if None in both else both[0] + both[1])
        assert row["packets"] == (None if None in both else both[2] + both[3])
        assert row["ipVersion"] == (6 if ":" in row["srcIp"] else 4)
        assert row["subscriptionId"] == row["targetResourceId"].split("/")[2].lower()
        versions.add((row["flowLogType"], row["flowLogVersion"], row["ipVersion"]))
    assert versions == {("nsg", 1, 4), ("nsg", 2, 4), ("vnet", 4, 4), ("vnet", 4, 6)}


def test_the_view_has_each_flow_once(kept: Tables) -> None:
    ids = [row["id"] for row in kept.ask("FlowLogsOnce")]

    assert len(ids) == len(set(ids)) == len(some_flows())
    assert len(kept.ask("FlowLogs")) == len(some_flows()) + 500


def test_the_page_shows_the_query_of_the_file() -> None:
    _, query = text_of("denied.kql").split("\n", 1)

    assert query in queries_of_page(PAGE)


def test_denied_traffic_is_shown_each_flow_once(kept: Tables) -> None:
    rows = kept.ask(text_of("denied.kql").replace("top 100", "top 10000"))

    denied = [flow for flow in some_flows() if flow["decision"] == "deny"]
    assert sum(row["flows"] for row in rows) == len(denied) > 100
    assert {(row["srcIp"], row["rule"]) for row in rows} == {(flow["srcIp"], flow["rule"]) for flow in denied}
