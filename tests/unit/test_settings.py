"""Settings are read once; all that is wrong is told together, by name, and never with a secret."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from flowlog_core.errors import SettingsError
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.schema import DEFAULT_FIELDS
from flowlog_core.settings import Identity, Settings, storage_connections

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
    assert settings.forward.events == EventOptions("ndjson", "none", 262_144, DEFAULT_FIELDS)
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
    "FLOWLOG_FIELDS": lambda settings: settings.forward.events.fields,
    "FLOWLOG_PARTITION_BY": lambda settings: settings.forward.partition_by,
    "FLOWLOG_RUN_SECONDS": lambda settings: settings.forward.run_seconds,
    "FLOWLOG_START": lambda settings: settings.forward.start,
    "FLOWLOG_TRIGGER_SOURCE": lambda settings: settings.trigger_source,
    "FLOWLOG_CONTAINERS": lambda settings: settings.containers,
    "FLOWLOG_EVENTHUB_NAME": lambda settings: settings.event_hub.hub,
    "FLOWLOG_SWEEP_SCHEDULE": lambda settings: settings.sweep_schedule,
    "FLOWLOG_SWEEP_HOURS": lambda settings: settings.sweep.hours,
    "FLOWLOG_SWEEP_MAX_HOURS": lambda settings: settings.sweep.max_hours,
    "FLOWLOG_SWEEP_GRACE_SECONDS": lambda settings: settings.sweep.grace_seconds,
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
    ("FLOWLOG_START", "now", "now"),
    ("FLOWLOG_START", "all", "all"),
    ("FLOWLOG_START", "2026-11-20T23:00Z", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-20T23:00", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
    ("FLOWLOG_START", "2026-11-21T01:00+02:00", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ("FLOWLOG_TRIGGER_SOURCE", "EventGrid", "EventGrid"),
    ("FLOWLOG_TRIGGER_SOURCE", "LogsAndContainerScan", "LogsAndContainerScan"),
    ("FLOWLOG_TRIGGER_SOURCE", "StorageQueue", "StorageQueue"),
    ("FLOWLOG_TRIGGER_SOURCE", "Sweep", "Sweep"),
    ("FLOWLOG_CONTAINERS", "one, two-2", ("one", "two-2")),
    ("FLOWLOG_CONTAINERS", "a" * 63, ("a" * 63,)),
    ("FLOWLOG_EVENTHUB_NAME", "net.flows_2-x", "net.flows_2-x"),
    ("FLOWLOG_SWEEP_SCHEDULE", "30 1-59/2 * * * *", "30 1-59/2 * * * *"),
    ("FLOWLOG_SWEEP_HOURS", "1", 1),
    ("FLOWLOG_SWEEP_HOURS", "168", 168),
    ("FLOWLOG_SWEEP_MAX_HOURS", "3", 3),
    ("FLOWLOG_SWEEP_GRACE_SECONDS", "0", 0),
]


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_a_setting_takes_what_the_contract_says(name: str, text: str, value: object) -> None:
    assert EVENTS[name](read(**{name: text})) == value


def test_a_start_is_told_in_utc() -> None:
    start = read(FLOWLOG_START="2026-11-21T01:00+02:00").forward.start
    assert isinstance(start, datetime)
    assert start.utcoffset() == timedelta(0)
    assert start == datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2)))


REFUSED: list[tuple[str, str]] = [
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


def test_keys_of_a_connection_string_are_read_in_any_case_and_order() -> None:
    assert read(FlowLogStorage=f"accountkey={KEY}; ACCOUNTNAME = logs ;").sources[0].account == "logs"
    hub = read(FlowLogEventHub=f"SHAREDACCESSKEY={KEY};endpoint=sb://bus.example").event_hub
    assert hub.namespace == "bus.example"


def test_a_connection_string_with_a_signature_names_its_account_by_its_endpoint() -> None:
    text = "BlobEndpoint=https://logs.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=" + KEY
    assert read(FlowLogStorage=text).sources[0].account == "logs"


@pytest.mark.parametrize(
    "text",
    [
        "UseDevelopmentStorage=true",
        "usedevelopmentstorage=TRUE;DevelopmentStorageProxyUri=http://127.0.0.1",
        f"AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1",
        f"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;SharedAccessSignature=sig={KEY}",
        f"BlobEndpoint=http://localhost:10000/devstoreaccount1/;SharedAccessSignature=sig={KEY}",
    ],
)
def test_the_emulators_account_has_its_name(text: str) -> None:
    source = read(FlowLogStorage=text).sources[0]
    assert (source.account, source.connection_string) == ("devstoreaccount1", text)


@pytest.mark.parametrize("text", ["x", KEY, f"AccountKey={KEY}", "AccountName=", "BlobEndpoint=http://[x", ";;="])
def test_a_storage_connection_string_without_an_account_is_a_fault(text: str) -> None:
    assert faults(FlowLogStorage=text) == (
        "FlowLogStorage takes a storage connection string; this one names no account",
    )


@pytest.mark.parametrize(
    "text", ["x", HUB.replace("Endpoint", "Host"), "Endpoint=bus", "Endpoint=sb://[x", "Endpoint="]
)
def test_a_hub_connection_string_without_an_endpoint_is_a_fault(text: str) -> None:
    [fault] = faults(FlowLogEventHub=text)
    assert fault.startswith("FlowLogEventHub takes an Event Hubs connection string; this one has no Endpoint=sb://")


def test_an_entity_path_must_be_the_hub() -> None:
    assert read(FlowLogEventHub=f"{HUB};EntityPath=flowlogs").event_hub.hub == "flowlogs"
    assert read(FlowLogEventHub=f"{HUB};EntityPath=x", FLOWLOG_EVENTHUB_NAME="x").event_hub.hub == "x"
    [fault] = faults(FlowLogEventHub=f"{HUB};EntityPath=x")
    assert fault == "FLOWLOG_EVENTHUB_NAME is 'flowlogs', and the EntityPath of FlowLogEventHub is 'x'"


# Identities

URI = "https://logs.blob.core.windows.net"


@pytest.mark.parametrize(
    ("parts", "account", "uri"),
    [
        ({"blobServiceUri": URI}, "logs", URI),
        ({"blobServiceUri": f"{URI}/", "queueServiceUri": "https://logs.queue.core.windows.net"}, "logs", f"{URI}/"),
        ({"accountName": "logs"}, "logs", URI),
        ({"accountName": "logs", "blobServiceUri": "https://private.example"}, "logs", "https://private.example"),
        (
            {"blobServiceUri": "http://127.0.0.1:1/devstoreaccount1"},
            "devstoreaccount1",
            "http://127.0.0.1:1/devstoreaccount1",
        ),
    ],
)
def test_a_storage_account_is_named_by_identity(parts: dict[str, str], account: str, uri: str) -> None:
    settings = read(FlowLogStorage=None, **{f"FlowLogStorage__{part}": text for part, text in parts.items()})
    source = settings.sources[0]
    assert (source.account, source.blob_service_uri, source.connection_string) == (account, uri, None)
    assert source.identity == Identity(None, managed=False)


def test_a_namespace_is_named_by_identity() -> None:
    hub = read(FlowLogEventHub=None, FlowLogEventHub__fullyQualifiedNamespace="Bus.servicebus.windows.net").event_hub
    assert (hub.destination, hub.connection_string) == ("bus.servicebus.windows.net/flowlogs", None)


def test_a_user_assigned_identity_is_named_for_each_connection() -> None:
    settings = read(
        FlowLogStorage=None,
        FlowLogStorage__accountName="logs",
        FlowLogStorage__credential="managedidentity",
        FlowLogStorage__clientId="one",
        AzureWebJobsStorage=None,
        AzureWebJobsStorage__accountName="state",
        AzureWebJobsStorage__clientId="two",
        FlowLogEventHub=None,
        FlowLogEventHub__fullyQualifiedNamespace="bus",
        FlowLogEventHub__credential="managedidentity",
    )
    assert settings.sources[0].identity == Identity("one", managed=True)
    assert settings.state.identity == Identity("two", managed=False)
    assert settings.event_hub.identity == Identity(None, managed=True)


def test_a_connection_string_goes_before_an_identity() -> None:
    assert read(FlowLogStorage__accountName="other").sources[0].connection_string == STORAGE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FlowLogStorage__credential", "clientsecret"),
        ("FlowLogStorage__blobServiceUri", "logs.blob.core.windows.net"),
        ("FlowLogStorage__blobServiceUri", "https://"),
        ("FlowLogStorage__blobServiceUri", "https://[x"),
        ("FlowLogStorage__blobServiceUri", "http://127.0.0.1:10000"),
        ("FlowLogStorage__accountName", "logs.blob.core.windows.net"),
        ("FlowLogEventHub__fullyQualifiedNamespace", "sb://bus.servicebus.windows.net"),
    ],
)
def test_a_wrong_part_of_an_identity_is_a_fault_that_begins_with_its_name(name: str, text: str) -> None:
    parts: dict[str, str | None] = {
        "FlowLogStorage": None,
        "FlowLogEventHub": None,
        "FlowLogStorage__accountName": "logs" if name.endswith("credential") or "Hub" in name else None,
        "FlowLogEventHub__fullyQualifiedNamespace": "bus",
    }
    [fault] = faults(**parts | {name: text})
    assert fault.startswith(f"{name} ")


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
