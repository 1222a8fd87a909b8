"""Connections are read from a connection string, or from the settings that say where and as whom."""

from collections.abc import Callable
from functools import partial

import pytest
from azure.eventhub import EventHubProducerClient
from azure.storage.blob import BlobServiceClient
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.connections import (
    EVENT_HUB_FORMS,
    IDENTITY_FORMS,
    STORAGE_FORMS,
    EventHubConnection,
    Identity,
    StorageConnection,
    event_hub_connection,
    is_storage_connection,
    storage_connection,
)
from flowlog_core.errors import SettingsError
from tests.support.environment import RecordingEnvironment

KEY = "c2VjcmV0LWtleS1vZi1hLXRlc3QtYWNjb3VudA=="
STORAGE = f"DefaultEndpointsProtocol=https;AccountName=logs;AccountKey={KEY};EndpointSuffix=core.windows.net"
HUB = f"Endpoint=sb://Bus.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={KEY}"
URI = "https://logs.blob.core.windows.net"


def storage(text: str | None = None, **parts: str) -> StorageConnection:
    """Read the connection `X` to a storage account, from its connection string or its parts."""
    return storage_connection(settings(text, parts), "X")


def hub(text: str | None = None, *, name: str = "flowlogs", **parts: str) -> EventHubConnection:
    return event_hub_connection(settings(text, parts), "X", name)


def faults(read: Callable[[str], object], text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert KEY[1:-2] not in str(caught.value)
    return caught.value.faults


def settings(text: str | None, parts: dict[str, str]) -> dict[str, str]:
    return ({} if text is None else {"X": text}) | {f"X__{part}": value for part, value in parts.items()}


# Connection strings


def test_a_storage_connection_string_is_kept_with_the_name_of_its_account() -> None:
    assert storage(STORAGE) == StorageConnection("X", "logs", STORAGE)


def test_a_hub_connection_string_is_kept_with_its_destination_in_lower_case() -> None:
    connection = hub(HUB)
    assert connection == EventHubConnection("bus.servicebus.windows.net", "flowlogs", HUB)
    assert connection.destination == "bus.servicebus.windows.net/flowlogs"


def test_keys_of_a_connection_string_are_read_in_any_case_and_order() -> None:
    assert storage(f"accountkey={KEY}; ACCOUNTNAME = logs ;").account == "logs"
    assert hub(f"SHAREDACCESSKEY={KEY};sharedaccesskeyname=x;endpoint=sb://bus.example").namespace == "bus.example"


def test_a_connection_string_with_a_signature_names_its_account_by_its_endpoint() -> None:
    assert storage(f"BlobEndpoint={URI}/;SharedAccessSignature=sv=2024&sig={KEY}").account == "logs"


@pytest.mark.parametrize(
    "text",
    [
        "UseDevelopmentStorage=true",
        f"AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1",
        f"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;SharedAccessSignature=sig={KEY}",
        f"BlobEndpoint=http://localhost:10000/devstoreaccount1/;SharedAccessSignature=sig={KEY}",
    ],
)
def test_the_emulators_account_has_its_name(text: str) -> None:
    assert storage(text) == StorageConnection("X", "devstoreaccount1", text)


@pytest.mark.parametrize("text", [f"AccountKey={KEY}", "AccountName=", "BlobEndpoint=http://[x", KEY])
def test_a_storage_connection_string_without_an_account_is_a_fault(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        storage(text)
    assert caught.value.faults == ("X takes a storage connection string; this one names no account",)


@pytest.mark.parametrize("text", [HUB.replace("Endpoint", "Host"), "Endpoint=bus", "Endpoint=sb://[x", "Endpoint="])
def test_a_hub_connection_string_without_an_endpoint_is_a_fault(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        hub(text)
    assert caught.value.faults == ("X takes an Event Hubs connection string; this one has no Endpoint=sb://…",)


def test_an_entity_path_must_be_the_hub() -> None:
    assert hub(f"{HUB};EntityPath=other", name="other").hub == "other"
    with pytest.raises(SettingsError) as caught:
        hub(f"{HUB};EntityPath=other")
    assert caught.value.faults == ("FLOWLOG_EVENTHUB_NAME is 'flowlogs', and the EntityPath of X is 'other'",)


def test_a_connection_string_goes_before_an_identity() -> None:
    assert storage(STORAGE, accountName="other") == StorageConnection("X", "logs", STORAGE)
    assert hub(HUB, fullyQualifiedNamespace="other").connection_string == HUB


@pytest.mark.parametrize("read", [storage, hub])
@pytest.mark.parametrize("text", ["x", ";;=", "=x", f"{STORAGE};x", f"{HUB} {HUB};x", "@Microsoft.KeyVault(x)"])
def test_a_connection_string_that_is_not_made_of_keys_and_values_is_a_fault(
    read: Callable[[str], object], text: str
) -> None:
    assert faults(read, text) == ("X takes a connection string: parts KEY=VALUE with a ; between them",)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_connection_string_in_quotes_or_with_some_is_a_fault(quote: str) -> None:
    for read, text in ((storage, STORAGE), (hub, HUB)):
        key, _, value = text.partition("=")
        for quoted in (f"{quote}{text}{quote}", f"{text}{quote}", f"{key}={quote}{value}{quote}"):
            assert faults(read, quoted) == ("X has quotes in it; leave them out",)


@pytest.mark.parametrize(("read", "text"), [(storage, STORAGE), (hub, HUB)])
def test_a_part_that_stands_twice_is_a_fault_and_an_empty_one_is_none(read: Callable[[str], object], text: str) -> None:
    first = text.split(";", maxsplit=1)[0]
    assert faults(read, f"{text};{first.upper()}") == ("X has a part twice; copy the connection string again",)
    assert read(f"{text};EntityPath=; EndpointSuffix2 = ;AccountName2=") == read(text)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        (f"AccountName=Logs;AccountKey={KEY}", ["AccountName"]),
        (f"AccountName=lo gs;AccountKey={KEY}", ["AccountName"]),
        (f"AccountName=logs;AccountKey={KEY};BlobEndpoint=https://", ["BlobEndpoint"]),
        (f"AccountName=logs;AccountKey={KEY};BlobEndpoint=logs.example", ["BlobEndpoint"]),
        (f"AccountName=logs;AccountKey={KEY};BlobSecondaryEndpoint=https://x", ["BlobSecondaryEndpoint"]),
        (f"AccountName=l;AccountKey={KEY};DefaultEndpointsProtocol=ftp", ["AccountName", "DefaultEndpointsProtocol"]),
    ],
)
def test_parts_of_a_storage_connection_string_that_lead_nowhere_are_faults(parts: str, named: list[str]) -> None:
    assert faults(storage, parts) == tuple(f"X has a wrong {part}; copy the connection string again" for part in named)


def test_a_key_beside_a_signature_is_a_fault() -> None:
    signature = "SharedAccessSignature=SharedAccessSignature sr=x&sig=y"
    for key in ("SharedAccessKeyName=send", f"SharedAccessKey={KEY}"):
        assert faults(hub, f"Endpoint=sb://bus.example;{key};{signature}") == (
            "X has a key and a SharedAccessSignature; leave one out",
        )


STORAGE_PARTS = [
    "AccountName=logs", "AccountName=lo gs", f"AccountKey={KEY}", "AccountKey=", "SharedAccessSignature=?sv=1&sig=x",
    "BlobEndpoint=https://logs.blob.core.windows.net", "BlobEndpoint=logs", "EndpointSuffix=core.windows.net",
    "EndpointSuffix=", "DefaultEndpointsProtocol=https", "DefaultEndpointsProtocol=", "BlobSecondaryEndpoint=https://x",
    "UseDevelopmentStorage=false",
]  # fmt: skip
HUB_PARTS = [
    "Endpoint=sb://bus.example/", "Endpoint=bus.example", "SharedAccessKeyName=a", f"SharedAccessKey={KEY}",
    "SharedAccessSignature=SharedAccessSignature sr=x&sig=y&se=1&skn=a", "EntityPath=flowlogs", "EntityPath=",
    "UseDevelopmentEmulator=true", "TransportType=AmqpWebSockets", "SHAREDACCESSKEYNAME=c", " ",
]  # fmt: skip


@given(st.lists(st.sampled_from(STORAGE_PARTS), max_size=6))
def test_whatever_is_taken_the_storage_client_takes_and_leads_to_the_account(parts: list[str]) -> None:
    try:
        connection = storage(";".join(parts))
    except SettingsError as error:
        assert all(fault.startswith("X ") for fault in error.faults)  # noqa: PT017 # the fault is one of two ends
        return
    with BlobServiceClient.from_connection_string(connection.connection_string or "") as client:
        assert client.url.startswith("https://logs.blob.core.windows.net/")


@given(st.lists(st.sampled_from(HUB_PARTS), max_size=6))
def test_whatever_is_taken_the_hubs_client_takes(parts: list[str]) -> None:
    try:
        connection = hub(" ; ".join(parts))
    except SettingsError as error:
        assert all(fault.startswith("X ") for fault in error.faults)  # noqa: PT017 # the fault is one of two ends
        return
    EventHubProducerClient.from_connection_string(connection.connection_string or "", eventhub_name="flowlogs").close()


@pytest.mark.parametrize("text", ["AccountName=logs", "AccountName=logs;AccountKey=", f"BlobEndpoint={URI}"])
def test_a_storage_connection_string_that_can_not_sign_is_a_fault(text: str) -> None:
    [fault] = faults(storage, text)
    assert fault == "X has neither AccountKey nor SharedAccessSignature; an identity takes X__accountName instead"


def test_an_account_key_that_is_not_base64_is_a_fault_without_the_key() -> None:
    [fault] = faults(storage, f"AccountName=logs;AccountKey={KEY[1:]}")
    assert fault == "X has an AccountKey that is not base64; copy the connection string again"


@pytest.mark.parametrize("parts", ["", "SharedAccessKeyName=send", f"SharedAccessKey={KEY}", "SharedAccessSignature="])
def test_a_hub_connection_string_that_can_not_sign_is_a_fault(parts: str) -> None:
    [fault] = faults(hub, f"Endpoint=sb://bus.example/;{parts}")
    assert fault.startswith("X lacks SharedAccessKeyName with SharedAccessKey, or SharedAccessSignature; ")


@pytest.mark.parametrize("read", [partial(storage, STORAGE), partial(storage, STORAGE.replace(";", " ; ") + " ; ")])
def test_blanks_around_the_parts_of_a_storage_connection_string_do_no_harm(
    read: Callable[[], StorageConnection],
) -> None:
    with BlobServiceClient.from_connection_string(read().connection_string or "") as client:
        assert (client.account_name, client.credential.account_key) == ("logs", KEY)


def test_blanks_around_the_parts_of_a_hub_connection_string_do_no_harm() -> None:
    blanks = HUB.replace(";", " ; ").replace("=", " = ", 2).replace(KEY, f" {KEY} ")
    assert hub(blanks).connection_string == HUB


def test_the_emulators_storage_is_written_as_the_client_takes_it() -> None:
    text = storage("usedevelopmentstorage=TRUE;DevelopmentStorageProxyUri=http://127.0.0.1").connection_string
    assert text == "UseDevelopmentStorage=true"


# Identities


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
def test_a_storage_account_is_named_by_its_endpoint_or_its_name(parts: dict[str, str], account: str, uri: str) -> None:
    assert storage(**parts) == StorageConnection("X", account, None, uri, Identity(None, managed=False))


def test_a_namespace_is_named_by_its_host() -> None:
    connection = hub(fullyQualifiedNamespace="Bus.servicebus.windows.net")
    assert connection == EventHubConnection("bus.servicebus.windows.net", "flowlogs", None, Identity())


@pytest.mark.parametrize(
    ("parts", "identity"),
    [
        ({"credential": "managedidentity", "clientId": "one"}, Identity("one", managed=True)),
        ({"credential": "managedidentity"}, Identity(None, managed=True)),
        ({"clientId": "two"}, Identity("two", managed=False)),
    ],
)
def test_a_user_assigned_identity_is_named_for_each_connection(parts: dict[str, str], identity: Identity) -> None:
    assert storage(accountName="logs", **parts).identity == identity
    assert storage(blobServiceUri=URI, **parts).identity == identity
    assert hub(fullyQualifiedNamespace="bus", **parts).identity == identity


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("credential", "clientsecret"),
        ("blobServiceUri", "logs.blob.core.windows.net"),
        ("blobServiceUri", "https://"),
        ("blobServiceUri", "https://[x"),
        ("blobServiceUri", "http://127.0.0.1:10000"),
        ("accountName", "logs.blob.core.windows.net"),
    ],
)
def test_a_wrong_part_of_a_storage_connection_is_a_fault_that_begins_with_its_name(part: str, text: str) -> None:
    account = {"accountName": "logs"} if part == "credential" else {}
    with pytest.raises(SettingsError) as caught:
        storage(**account, **{part: text})
    [fault] = caught.value.faults
    assert fault.startswith(f"X__{part} ")


@pytest.mark.parametrize(
    ("part", "text"), [("credential", "clientsecret"), ("fullyQualifiedNamespace", "sb://bus.servicebus.windows.net")]
)
def test_a_wrong_part_of_a_hub_connection_is_a_fault_that_begins_with_its_name(part: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        hub(**{"fullyQualifiedNamespace": "bus", part: text})
    [fault] = caught.value.faults
    assert fault.startswith(f"X__{part} ")


# What is missing


def test_a_missing_connection_is_a_fault_that_says_what_it_takes() -> None:
    for read in (storage, hub):
        with pytest.raises(SettingsError) as caught:
            read(" ")
        [fault] = caught.value.faults
        assert fault.startswith("X is missing: it takes ")
        assert "connection string" in fault
        assert "for an identity" in fault


@pytest.mark.parametrize("form", STORAGE_FORMS)
def test_a_storage_connection_is_there_where_any_setting_says_where(form: str) -> None:
    assert is_storage_connection({f"X{form}": "?"}, "X")
    assert not is_storage_connection({f"X{form}": " ", f"Y{form}": "?", "X__clientId": "?"}, "X")


def test_the_forms_of_a_connection_are_the_settings_that_are_asked_for() -> None:
    account = RecordingEnvironment({"X__accountName": "logs"})
    storage_connection(account, "X")
    assert account.asked == {f"X{form}" for form in (*STORAGE_FORMS, *IDENTITY_FORMS)}

    namespace = RecordingEnvironment({"X__fullyQualifiedNamespace": "bus"})
    event_hub_connection(namespace, "X", "flowlogs")
    assert namespace.asked == {f"X{form}" for form in (*EVENT_HUB_FORMS, *IDENTITY_FORMS)}
