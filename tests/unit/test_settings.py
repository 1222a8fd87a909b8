"""Settings are read once; all that is wrong is told together, by name, and never with a secret."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.errors import SettingsError
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, FLOW
from flowlog_core.forwarding.options import ForwardOptions, SweepOptions
from flowlog_core.settings import Settings, storage_connections
from flowlog_core.settings.table import SETTINGS, Setting
from tests.support.environment import RecordingEnvironment

ROOT = Path(__file__).resolve().parents[2]
KEY = "c2VjcmV0LWtleS1vZi1hLXRlc3QtYWNjb3VudA=="
STORAGE = f"DefaultEndpointsProtocol=https;AccountName=logs;AccountKey={KEY};EndpointSuffix=core.windows.net"
STATE = STORAGE.replace("=logs;", "=state;")
HUB = f"Endpoint=sb://Bus.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={KEY}"
LEAST = {"FlowLogStorage": STORAGE, "AzureWebJobsStorage": STATE, "FlowLogEventHub": HUB}


def read(**changes: str | None) -> Settings:
    return Settings.read({name: value for name, value in (LEAST | changes).items() if value is not None})


def faults(**changes: str | None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(**changes)
    assert str(caught.value) == "settings: " + "; ".join(caught.value.faults)
    return caught.value.faults


def test_three_connections_are_enough_and_the_rest_has_the_contracts_defaults() -> None:
    settings = read()
    assert [(source.name, source.account) for source in settings.sources] == [("FlowLogStorage", "logs")]
    assert settings.containers == (
        "insights-logs-networksecuritygroupflowevent",
        "insights-logs-flowlogflowevent",
    )
    assert settings.trigger_source == "EventGrid"
    assert (settings.event_hub.namespace, settings.event_hub.hub) == ("bus.servicebus.windows.net", "flowlogs")
    assert settings.event_hub.destination == "bus.servicebus.windows.net/flowlogs"
    assert (settings.state.name, settings.state.account) == ("AzureWebJobsStorage", "state")
    assert settings.forward.events == EventOptions("ndjson", "none", 262_144, FLOW)
    assert settings.forward.partition_by == "mac"
    assert settings.forward.run_seconds == 240
    assert settings.forward.start == "now"
    assert settings.sweep_schedule == "0 */5 * * * *"
    assert (settings.sweep.hours, settings.sweep.max_hours, settings.sweep.grace_seconds) == (3, 168, 120)
    assert settings.sweep.containers == tuple(("logs", container) for container in settings.containers)


def test_an_empty_setting_and_white_space_around_a_value_do_not_count() -> None:
    names = ["FLOWLOG_SOURCES", "FLOWLOG_CONTAINERS", "FLOWLOG_TRIGGER_SOURCE", "FLOWLOG_START", "FLOWLOG_STATE"]
    names += ["FLOWLOG_EVENTHUB_NAME", "FLOWLOG_EVENT_FORMAT", "FLOWLOG_EVENT_MAX_BYTES", "FLOWLOG_SWEEP_HOURS"]
    assert read(**dict.fromkeys(names, " ")) == read()
    assert read(FLOWLOG_EVENT_FORMAT=" records\n").forward.events.format == "records"


# Every setting: what it takes

EVENTS: dict[str, Callable[[Settings], object]] = {
    "FLOWLOG_EVENT_FORMAT": lambda settings: settings.forward.events.format,
    "FLOWLOG_EVENT_COMPRESSION": lambda settings: settings.forward.events.compression,
    "FLOWLOG_EVENT_MAX_BYTES": lambda settings: settings.forward.events.max_bytes,
    "FLOWLOG_SCHEMA": lambda settings: settings.forward.events.schema.name,
    "FLOWLOG_FIELDS": lambda settings: settings.forward.events.schema.keys,
    "FLOWLOG_PARTITION_BY": lambda settings: settings.forward.partition_by,
    "FLOWLOG_RUN_SECONDS": lambda settings: settings.forward.run_seconds,
    "FLOWLOG_RUN_LOG": lambda settings: settings.forward.run_log.form,
    "FLOWLOG_START": lambda settings: settings.forward.start,
    "FLOWLOG_TRIGGER_SOURCE": lambda settings: settings.trigger_source,
    "FLOWLOG_CONTAINERS": lambda settings: settings.containers,
    "FLOWLOG_EVENTHUB_NAME": lambda settings: settings.event_hub.hub,
    "FLOWLOG_SWEEP_SCHEDULE": lambda settings: settings.sweep_schedule,
    "FLOWLOG_SWEEP_HOURS": lambda settings: settings.sweep.hours,
    "FLOWLOG_SWEEP_MAX_HOURS": lambda settings: settings.sweep.max_hours,
    "FLOWLOG_SWEEP_GRACE_SECONDS": lambda settings: settings.sweep.grace_seconds,
    "FLOWLOG_EVENTHUB_TRANSPORT": lambda settings: settings.event_hub.transport,
    "FLOWLOG_ANNOUNCEMENT_HUB": lambda settings: settings.announcement_hub,
    "FLOWLOG_SILENT_MINUTES": lambda settings: settings.sweep.silent_minutes,
}
TAKEN: list[tuple[str, str, object]] = [
    ("FLOWLOG_EVENT_FORMAT", "ndjson", "ndjson"),
    ("FLOWLOG_EVENT_FORMAT", "records", "records"),
    ("FLOWLOG_EVENT_FORMAT", "json", "json"),
    ("FLOWLOG_EVENT_COMPRESSION", "none", "none"),
    ("FLOWLOG_EVENT_COMPRESSION", "gzip", "gzip"),
    ("FLOWLOG_EVENT_MAX_BYTES", "16384", 16_384),
    ("FLOWLOG_EVENT_MAX_BYTES", "1048576", 1_048_576),
    ("FLOWLOG_EVENT_MAX_BYTES", "2000000", 2_000_000),
    ("FLOWLOG_FIELDS", "time, srcIp", ("time", "srcIp")),
    ("FLOWLOG_FIELDS", "+blob,-id", (*DEFAULT_FIELDS[1:], "blob")),
    ("FLOWLOG_PARTITION_BY", "mac", "mac"),
    ("FLOWLOG_PARTITION_BY", "none", "none"),
    ("FLOWLOG_RUN_SECONDS", "60", 60),
    ("FLOWLOG_RUN_LOG", "each", "each"),
    ("FLOWLOG_RUN_LOG", "minute", "minute"),
    ("FLOWLOG_START", "now", "now"),
    ("FLOWLOG_START", "all", "all"),
    ("FLOWLOG_START", "2026-11-20T23:00Z", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-20T23:00", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-21T01:00+02:00", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_TRIGGER_SOURCE", "EventGrid", "EventGrid"),
    ("FLOWLOG_TRIGGER_SOURCE", "LogsAndContainerScan", "LogsAndContainerScan"),
    ("FLOWLOG_TRIGGER_SOURCE", "StorageQueue", "StorageQueue"),
    ("FLOWLOG_TRIGGER_SOURCE", "EventHub", "EventHub"),
    ("FLOWLOG_TRIGGER_SOURCE", "Sweep", "Sweep"),
    ("FLOWLOG_ANNOUNCEMENT_HUB", "net.appends", "net.appends"),
    ("FLOWLOG_CONTAINERS", "one, two-2", ("one", "two-2")),
    ("FLOWLOG_CONTAINERS", "a" * 63, ("a" * 63,)),
    ("FLOWLOG_EVENTHUB_NAME", "net.flows_2-x", "net.flows_2-x"),
    ("FLOWLOG_SWEEP_SCHEDULE", "30 1-59/2 * * * *", "30 1-59/2 * * * *"),
    ("FLOWLOG_SWEEP_HOURS", "1", 1),
    ("FLOWLOG_SWEEP_HOURS", "168", 168),
    ("FLOWLOG_SWEEP_MAX_HOURS", "3", 3),
    ("FLOWLOG_SWEEP_GRACE_SECONDS", "0", 0),
    ("FLOWLOG_SILENT_MINUTES", "0", 0),
    ("FLOWLOG_EVENTHUB_TRANSPORT", "websockets", "websockets"),
    ("FLOWLOG_SCHEMA", "flow", "flow/1"),
    ("FLOWLOG_SCHEMA", "ocsf", "ocsf/1.8.0"),
    ("FLOWLOG_SCHEMA", "ecs", "ecs/9.4.0"),
    ("FLOWLOG_SCHEMA", "asim", "asim/0.2.7"),
]


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_a_setting_takes_what_the_contract_says(name: str, text: str, value: object) -> None:
    assert EVENTS[name](read(**{name: text})) == value


def test_a_start_is_told_in_utc() -> None:
    start = read(FLOWLOG_START="2026-11-21T01:00+02:00").forward.start
    assert isinstance(start, datetime)
    assert start.utcoffset() == timedelta(0)
    assert start == datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("fields", ["+blob", "", "id"])
def test_a_choice_of_fields_with_another_schema_is_a_fault(fields: str) -> None:
    with pytest.raises(SettingsError, match="FLOWLOG_FIELDS goes with the schema 'flow' alone, not with 'ecs'"):
        read(FLOWLOG_SCHEMA="ecs", FLOWLOG_FIELDS=fields)


REFUSED: list[tuple[str, str]] = [
    ("FLOWLOG_SCHEMA", "flow/1"),
    ("FLOWLOG_SCHEMA", "ECS"),
    ("FLOWLOG_SOURCES", "a,,b"),
    ("FLOWLOG_SOURCES", ","),
    ("FLOWLOG_SOURCES", "FlowLogStorage,FlowLogStorage"),
    ("FLOWLOG_SOURCES", "Flow-Log"),
    ("FLOWLOG_SOURCES", "1st"),
    ("FLOWLOG_SOURCES", "a" * 41),
    ("FLOWLOG_CONTAINERS", "UPPER"),
    ("FLOWLOG_CONTAINERS", "ab"),
    ("FLOWLOG_CONTAINERS", "a--b"),
    ("FLOWLOG_CONTAINERS", "-ab"),
    ("FLOWLOG_CONTAINERS", "abc,abc"),
    ("FLOWLOG_CONTAINERS", "abc,"),
    ("FLOWLOG_CONTAINERS", "a" * 64),
    ("FLOWLOG_CONTAINERS", "abc/def"),
    ("FLOWLOG_TRIGGER_SOURCE", "eventgrid"),
    ("FLOWLOG_START", "yesterday"),
    ("FLOWLOG_START", "2026-11-20T25:00Z"),
    ("FLOWLOG_START", "NOW"),
    ("FLOWLOG_EVENTHUB_NAME", "a/b"),
    ("FLOWLOG_EVENTHUB_NAME", "-ab"),
    ("FLOWLOG_ANNOUNCEMENT_HUB", "a/b"),
    ("FLOWLOG_EVENTHUB_NAME", "a" * 257),
    ("FLOWLOG_STATE", "Azure WebJobs"),
    ("FLOWLOG_STATE", "One,Two"),
    ("FLOWLOG_FIELDS", ""),
    ("FLOWLOG_FIELDS", " "),
    ("FLOWLOG_FIELDS", "srcip"),
    ("FLOWLOG_FIELDS", "time,time"),
    ("FLOWLOG_FIELDS", "+blob,time"),
    ("FLOWLOG_EVENT_FORMAT", "JSON"),
    ("FLOWLOG_EVENT_COMPRESSION", "zip"),
    ("FLOWLOG_EVENT_COMPRESSION", "true"),
    ("FLOWLOG_PARTITION_BY", "blob"),
    ("FLOWLOG_EVENT_MAX_BYTES", "16383"),
    ("FLOWLOG_EVENT_MAX_BYTES", "256KB"),
    ("FLOWLOG_EVENT_MAX_BYTES", "-1"),
    ("FLOWLOG_EVENT_MAX_BYTES", "1e6"),
    ("FLOWLOG_EVENT_MAX_BYTES", "9" * 400),
    ("FLOWLOG_RUN_SECONDS", "0"),
    ("FLOWLOG_RUN_SECONDS", "\N{ARABIC-INDIC DIGIT SIX}0"),
    ("FLOWLOG_RUN_SECONDS", "240.0"),
    ("FLOWLOG_SWEEP_SCHEDULE", "*/5 * * * *"),
    ("FLOWLOG_SWEEP_SCHEDULE", "hourly"),
    ("FLOWLOG_SWEEP_HOURS", "0"),
    ("FLOWLOG_SWEEP_HOURS", "-3"),
    ("FLOWLOG_SWEEP_MAX_HOURS", "2"),
    ("FLOWLOG_SWEEP_GRACE_SECONDS", "-1"),
    ("FLOWLOG_RUN_LOG", "hour"),
]


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_what_a_setting_does_not_take_is_one_fault_that_begins_with_its_name(name: str, text: str) -> None:
    [fault] = faults(**{name: text})
    assert fault.startswith(f"{name} ")


def test_all_faults_are_told_at_once() -> None:
    by_themselves = {"FLOWLOG_SOURCES", "FLOWLOG_STATE", "FLOWLOG_SWEEP_MAX_HOURS"}
    wrong = {name: text for name, text in REFUSED if name not in by_themselves}
    told = faults(**wrong, FlowLogStorage=None, AzureWebJobsStorage="x", FlowLogEventHub="Endpoint=nothing")
    names = {fault.split()[0] for fault in told}
    assert names == set(wrong) | {"FlowLogStorage", "AzureWebJobsStorage", "FlowLogEventHub"}
    assert len(told) == len(names)


def test_without_any_setting_each_missing_connection_is_named_with_what_it_takes() -> None:
    told = faults(**dict.fromkeys(LEAST))
    assert [fault.split(":")[0] for fault in told] == [
        "FlowLogStorage is missing",
        "FlowLogEventHub is missing",
        "AzureWebJobsStorage is missing",
    ]
    for fault in told:
        assert "connection string" in fault
        assert "for an identity" in fault


@pytest.mark.parametrize(
    "changes",
    [
        {"FLOWLOG_SOURCES": "a,,b", "FlowLogStorage": None},
        {"FLOWLOG_STATE": "One,Two", "AzureWebJobsStorage": None},
        {"FLOWLOG_EVENTHUB_NAME": "a/b", "FlowLogEventHub": f"{HUB};EntityPath=other"},
        {"FLOWLOG_SWEEP_HOURS": "0", "FLOWLOG_SWEEP_MAX_HOURS": "1"},
        {"FLOWLOG_SWEEP_HOURS": "168", "FLOWLOG_SWEEP_MAX_HOURS": "0"},
    ],
)
def test_a_fault_makes_no_other_faults(changes: dict[str, str | None]) -> None:
    assert len(faults(**changes)) == 1


# The table of settings


def test_the_table_has_every_setting_that_is_asked_for_and_no_other() -> None:
    environment = RecordingEnvironment(LEAST)
    Settings.read(environment)
    asked = {name for name in environment.asked if name.startswith("FLOWLOG_")}
    assert [setting.name for setting in SETTINGS] == list(dict.fromkeys(setting.name for setting in SETTINGS))
    assert {setting.name for setting in SETTINGS} == asked == {*EVENTS, "FLOWLOG_SOURCES", "FLOWLOG_STATE"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.name))
def test_the_default_of_a_setting_is_what_its_text_is_read_as(setting: Setting[object]) -> None:
    assert setting.parser.read(setting.default_text) == setting.default


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.name))
def test_a_setting_may_be_written_out_with_its_default(setting: Setting[object]) -> None:
    assert read(**{setting.name: setting.default_text}) == read()


def test_the_options_of_forwarding_and_of_the_sweep_have_the_defaults_of_the_settings() -> None:
    settings = read()
    assert settings.forward == ForwardOptions()
    assert settings.sweep == SweepOptions(settings.sweep.containers, ForwardOptions().run_seconds)


def test_where_the_sweep_is_all_there_is_it_waits_for_no_event() -> None:
    assert read(FLOWLOG_TRIGGER_SOURCE="Sweep").sweep.grace_seconds == 0
    assert read(FLOWLOG_TRIGGER_SOURCE="Sweep", FLOWLOG_SWEEP_GRACE_SECONDS="7").sweep.grace_seconds == 7


def test_a_lag_above_the_sweeps_grace_is_unusual_and_none_is_where_the_sweep_is_all_there_is() -> None:
    assert read(FLOWLOG_SWEEP_GRACE_SECONDS="7").forward.run_log.usual_lag_seconds == 7
    assert read(FLOWLOG_TRIGGER_SOURCE="Sweep").forward.run_log.usual_lag_seconds == math.inf


def test_announcements_come_from_another_hub_than_the_flows_go_to() -> None:
    by_hub: dict[str, str | None] = {"FLOWLOG_TRIGGER_SOURCE": "EventHub"}
    assert read(**by_hub).announcement_hub == "flowlog-announcements"
    assert read(FLOWLOG_ANNOUNCEMENT_HUB="flowlogs").announcement_hub == "flowlogs"  # nobody reads it

    (same,) = faults(**by_hub, FLOWLOG_ANNOUNCEMENT_HUB="FlowLogs")
    assert same.startswith("FLOWLOG_ANNOUNCEMENT_HUB is 'FlowLogs', the hub of FLOWLOG_EVENTHUB_NAME")
    (of_one_hub,) = faults(**by_hub, FlowLogEventHub=f"{HUB};EntityPath=flowlogs")
    assert of_one_hub.startswith("FlowLogEventHub has an EntityPath")
    assert read(FlowLogEventHub=f"{HUB};EntityPath=flowlogs").event_hub.hub == "flowlogs"


def test_a_message_says_what_a_setting_takes() -> None:
    assert faults(FLOWLOG_EVENT_FORMAT="xml", FLOWLOG_RUN_SECONDS="soon") == (
        "FLOWLOG_EVENT_FORMAT takes ndjson, records or json, not 'xml'",
        "FLOWLOG_RUN_SECONDS takes a whole number from 5 to 1500, not 'soon'",
    )


def test_the_settings_of_a_local_run_are_settings_and_no_repeated_defaults() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    defaults = {setting.name: setting.default_text for setting in SETTINGS}
    own = {name: text for name, text in sample.items() if name.startswith("FLOWLOG_")}
    assert own.keys() <= defaults.keys()
    assert [name for name, text in own.items() if text == defaults[name]] == []
    assert Settings.read(sample).event_hub.hub == "flowlogs"


# Connections


def test_sources_are_several_connections_in_their_order() -> None:
    settings = read(FLOWLOG_SOURCES="East, West", East=STORAGE, West=STORAGE.replace("=logs;", "=westlogs;"))
    assert [(source.name, source.account) for source in settings.sources] == [("East", "logs"), ("West", "westlogs")]
    assert {account for account, _ in settings.sweep.containers} == {"logs", "westlogs"}


def test_two_sources_of_one_account_are_a_fault() -> None:
    [fault] = faults(FLOWLOG_SOURCES="East,West", East=STORAGE, West__accountName="logs")
    assert fault == "FLOWLOG_SOURCES names the storage account 'logs' more than once"


def test_each_source_that_is_missing_is_named() -> None:
    told = faults(FLOWLOG_SOURCES="East,West,FlowLogStorage")
    assert [fault.split()[0] for fault in told] == ["East", "West"]


def test_connections_to_storage_can_be_read_alone() -> None:
    found = storage_connections({"FLOWLOG_SOURCES": "One,Two,Three", "One": STORAGE, "Three__accountName": "third"})

    assert [(connection.name, connection.account) for connection in found] == [("One", "logs"), ("Three", "third")]
    assert storage_connections({}) == ()


def test_what_is_wrong_in_connections_to_storage_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        storage_connections({"FLOWLOG_SOURCES": "One,Two", "One": "no connection", "Two__accountName": "UPPER"})

    assert [fault.split()[0] for fault in caught.value.faults] == ["One", "Two__accountName"]


def test_the_state_account_may_be_one_of_its_own() -> None:
    settings = read(FLOWLOG_STATE="FlowLogState", FlowLogState=STATE.replace("=state;", "=own;"))
    assert (settings.state.name, settings.state.account) == ("FlowLogState", "own")


# Secrets


def test_no_secret_is_in_the_text_of_any_settings() -> None:
    settings = read()
    values: list[Any] = [settings, *settings.sources, settings.state, settings.event_hub, settings.forward]
    for value in values:
        for text in (repr(value), str(value), f"{value}", f"{value!r:.9999}"):
            assert KEY not in text
            assert "AccountKey" not in text
    assert settings.sources[0].connection_string == STORAGE


ALL_NAMES = [
    *(name for name in EVENTS),
    "FLOWLOG_SOURCES",
    "FLOWLOG_STATE",
    *LEAST,
    *(f"{name}__{part}" for name in LEAST for part in ("blobServiceUri", "accountName", "credential")),
    "FlowLogEventHub__fullyQualifiedNamespace",
]


@pytest.mark.parametrize("secret", [STORAGE, HUB, KEY, f"{STORAGE},{HUB}"])
@pytest.mark.parametrize("name", ALL_NAMES)
def test_a_secret_in_the_wrong_setting_is_in_no_message(name: str, secret: str) -> None:
    connection = name.split("__", maxsplit=1)[0]
    changes: dict[str, str | None] = {name: secret, "FLOWLOG_SWEEP_HOURS": "0"}
    if connection != name:
        changes[connection] = None
    with pytest.raises(SettingsError) as caught:
        read(**changes)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    assert not caught.value.__cause__
