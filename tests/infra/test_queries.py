"""Alerts and charts ask for what the app logs: it is run here, and each field that a query names is looked up."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import duckdb_kql
import pytest
from azure.storage.blob import BlobServiceClient

from flowlog_core.forwarding.options import ForwardOptions, RunLogOptions
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from tests.support.app_log import log_event, log_events_of, reports
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
FIELD = re.compile(r"\be\.(?:\['(\w+)'\]|(\w+))")
EVENT = re.compile(r"flowlog\.(\w+)")
BAD = b'{"time":"2026-11-20T23:59:30Z","category":"FlowLogFlowEvent","flowLogVersion":7}'


def charts() -> list[dict[str, Any]]:
    workbook = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
    return [item["content"] for item in workbook["items"] if "query" in item["content"]]


def queries() -> dict[str, str]:
    alerts = {path.name: path.read_text(encoding="utf-8") for path in (INFRA / "queries").glob("*.kql")}
    return alerts | {chart["title"]: chart["query"] for chart in charts()}


def fields_of(query: str) -> set[str]:
    return {bracketed or plain for bracketed, plain in FIELD.findall(query)} - {"event"}


@dataclass(frozen=True, slots=True)
class Logged:
    """What a run logged: the lines, and the fields of each event."""

    lines: list[str]
    fields: Mapping[str, set[str]]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [each for each in map(json.loads, self.lines) if each["event"] == f"flowlog.{name}"]


def reports_flows(reported: Mapping[str, Any]) -> bool:
    """Whether a run that forwarded flows was reported."""
    event = log_event(reported)
    return event is not None and event.name == "flowlog.run" and bool(event.fields["flows"])


def lines_by_the_minute() -> list[tuple[str, Mapping[str, object]]]:
    """Run what forwards, with `FLOWLOG_RUN_LOG=minute` and a clock of its own, on a blob that ends inside a record."""
    setup = Setup(ForwardOptions(start="all", run_log=RunLogOptions("minute")))
    setup.blobs.put(VNET, document([vnet_record(3), vnet_record(2, number=1)])[:-40])
    setup.clock.seconds += 60
    setup.forward()
    return setup.log.lines


@pytest.fixture(scope="module")
def logged() -> Logged:
    """Run the app so that it logs each event which a query names, and give the fields of each."""
    with Azurite() as storage, EventHub() as hub:
        settings = {
            "AzureWebJobsStorage": storage.connection_string,
            "FlowLogStorage": storage.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
            "FLOWLOG_START": "all",
        }
        with BlobServiceClient.from_connection_string(storage.connection_string) as service:
            logs = service.create_container(VNET.container)
            logs.upload_blob(VNET.name, document([vnet_record(3), BAD, vnet_record(2, number=1)]))
            other = SourceBlob("devstoreaccount1", VNET.container, VNET.name.replace("123456", "999999"))
            logs.upload_blob(other.name, document([vnet_record(3)]))
            # A checkpoint of a version that the app does not know is a fault.
            checkpoint = CheckpointNames(Settings.read(settings).event_hub.destination).of(other)
            checkpoints = service.create_container("flowlog-checkpoints")
            checkpoints.upload_blob(checkpoint, b"", metadata={"schema": "99"})
        hub.faults.reject_busy(2)  # the client itself tries again once
        with WorkerProcess(ROOT, settings=settings, poll_seconds=0.2) as worker:
            worker.fire_timer("sweep")
            for event in ("quarantined", "fault", "sweep", "throttled"):
                worker.wait_for(reports(f"flowlog.{event}"), timeout=30)
            worker.wait_for(reports_flows, timeout=30)
            reported = [each.get("message", "") for each in worker.seen()]
            fields: dict[str, set[str]] = {}
            for logged in log_events_of(worker):
                fields.setdefault(logged.name, set()).update(logged.fields)
    for name, more in lines_by_the_minute():
        fields.setdefault(name, set()).update(more)
    return Logged([line for line in reported if line.startswith('{"event":"flowlog.')], fields)


@pytest.mark.parametrize("title", sorted(queries()))
def test_every_field_that_a_query_names_is_logged_with_an_event_that_it_names(logged: Logged, title: str) -> None:
    query = queries()[title]
    events = {f"flowlog.{name}" for name in EVENT.findall(query)}

    assert events <= logged.fields.keys()
    assert fields_of(query) <= set().union(*(logged.fields[event] for event in events))


def test_what_is_logged_of_runs_is_asked_for_in_both_forms_and_what_is_summed_is_counted_once() -> None:
    asking = {title: query for title, query in queries().items() if "flowlog.run" in query}

    assert len(asking) == 6
    assert all('"flowlog.run"' in query and '"flowlog.runs"' in query for query in asking.values())
    assert {title for title, query in asking.items() if "isnull(e.summed)" not in query} == {"lag.kql"}  # a maximum


def test_the_queries_look_at_the_beginning_of_the_line_as_the_app_writes_it() -> None:
    for title, query in queries().items():
        for prefix in re.findall(r'message startswith "(.*)"', query):
            begins_with_event = prefix.replace("\\", "").startswith('{"event":"flowlog.')
            assert begins_with_event or prefix.startswith("Message has reached MaxDequeueCount"), title


def test_no_query_needs_the_request_of_a_run_that_succeeded() -> None:
    asking = {title: query for title, query in queries().items() if re.search(r"\brequests\b", query)}

    assert asking.keys() == {"failures.kql"}
    assert all("requests | where success == false" in query for query in asking.values())


def test_every_chart_that_operations_asks_for_is_in_the_workbook() -> None:
    names = " ".join(chart["title"].lower() for chart in charts())

    for wanted in ("flows per minute", "bytes", "lag", "allowed and denied", "by rule", "quarantine", "sweep"):
        assert wanted in names
    assert all(chart["timeContextFromParameter"] == "range" for chart in charts())


@pytest.fixture(scope="module")
def tables(logged: Logged) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of Application Insights, with the lines of the run."""
    with duckdb_kql.connect() as tables:
        tables.sql("CREATE TABLE traces (timestamp TIMESTAMP, message VARCHAR)")
        tables.sql("CREATE TABLE requests (timestamp TIMESTAMP, success BOOLEAN)")
        tables.executemany("INSERT INTO traces VALUES (now()::TIMESTAMP, ?)", [[line] for line in logged.lines])
        yield tables


@pytest.mark.parametrize("title", sorted(chart["title"] for chart in charts()))
def test_every_chart_shows_something_of_the_run(tables: duckdb.DuckDBPyConnection, title: str) -> None:
    rows = duckdb_kql.kql(tables, queries()[title]).fetchall()

    assert rows
    assert any(value for row in rows for value in row)


def test_every_alert_measures_what_the_run_logged(tables: duckdb.DuckDBPyConnection, logged: Logged) -> None:
    sweeps = logged.events("sweep")
    lags = [each["lagSeconds"] for each in logged.events("run")] + [each["oldestLagSeconds"] for each in sweeps]
    measured = {}
    for name in [name for name in queries() if name.endswith(".kql")]:
        relation = duckdb_kql.kql(tables, queries()[name])
        assert relation.columns == ["value"]
        ((measured[name.removesuffix(".kql")],),) = relation.fetchall()

    assert measured == {
        "failures": len(logged.events("fault")),
        "lag": pytest.approx(max(lag for lag in lags if lag is not None)),
        "poison": 0,
        "quarantine": sum(each["count"] for each in logged.events("quarantined")),
        "silence": 0,
        "silentSources": max(each["silent"] for each in sweeps),
        "sweep": sum(not each["complete"] for each in sweeps),
        "throttling": sum(each["busy"] for each in logged.events("throttled")),
    }


def test_without_a_line_every_alert_but_silence_measures_nothing() -> None:
    with duckdb_kql.connect() as empty:
        empty.sql("CREATE TABLE traces (timestamp TIMESTAMP, message VARCHAR)")
        empty.sql("CREATE TABLE requests (timestamp TIMESTAMP, success BOOLEAN)")
        for name in [name for name in queries() if name.endswith(".kql")]:
            ((value,),) = duckdb_kql.kql(empty, queries()[name]).fetchall()
            assert (value or 0) == (1 if name == "silence.kql" else 0), name
