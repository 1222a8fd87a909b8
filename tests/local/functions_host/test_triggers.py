"""Triggers are read from an app's index, and what they send is what the host sends."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.functions_host.app_folder import BlobLimits, HostError, read_blob_limits, read_local_settings
from local.functions_host.blob_scan import ContainerScan
from local.functions_host.triggers import BlobTrigger, TimerTrigger, read_triggers
from local.functions_host.worker import RpcFunctionMetadata, RpcRetryOptions

DEFERRED = {"SupportsDeferredBinding": True}


def function(*bindings: Mapping[str, object], retry: RpcRetryOptions | None = None) -> RpcFunctionMetadata:
    return RpcFunctionMetadata(
        name="serve",
        function_id="id",
        managed_dependency_enabled=False,
        directory="/app",
        script_file="function_app.py",
        entry_point="serve",
        is_proxy=False,
        language="python",
        bindings={},
        raw_bindings=[json.dumps(binding) for binding in bindings],
        retry_options=retry,
        properties={},
    )


def blob_trigger(path: str = "inbox/{name}", **settings: str) -> BlobTrigger:
    binding = {"type": "blobTrigger", "name": "client", "path": path, "connection": "Store", "properties": DEFERRED}
    (trigger,) = read_triggers([function(binding)], settings)
    assert isinstance(trigger, BlobTrigger)
    return trigger


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


@pytest.mark.parametrize(
    ("path", "name", "captures"),
    [
        ("inbox/{name}", "a/b c.json", {"name": "a/b c.json"}),
        ("inbox/{name}", "two\nlines", {"name": "two\nlines"}),
        ("inbox/{folder}/{name}.json", "a/b/c.json", {"folder": "a/b", "name": "c"}),
        ("inbox/{name}.json", "a.txt", None),
        ("inbox/{name}.json", "a_json", None),
        ("inbox/fixed+name", "fixed+name", {}),
        ("inbox/fixed+name", "fixed+name2", None),
        ("inbox", "anything/at all", {}),
        ("%Box%/{name}", "a", {"name": "a"}),
    ],
)
def test_a_path_matches_names_and_captures_its_placeholders(
    path: str, name: str, captures: dict[str, str] | None
) -> None:
    trigger = blob_trigger(path, Box="inbox")

    assert trigger.container == "inbox"
    assert trigger.match_name(name) == captures


def test_a_timer_is_read_with_its_schedule_and_sends_its_status() -> None:
    binding = {"type": "timerTrigger", "name": "timer", "schedule": "%When%", "runOnStartup": True}
    settings = {"When": "0 0 0 1 1 *", "AzureWebJobs_serve_Disabled": "1"}
    (trigger,) = read_triggers([function(binding)], settings)
    assert isinstance(trigger, TimerTrigger)
    assert (trigger.schedule.text, trigger.run_on_startup, trigger.disabled) == ("0 0 0 1 1 *", True, True)

    due = datetime(2027, 1, 1, tzinfo=UTC)
    sent = trigger.make_arguments(None, due)

    assert sent.parameter.name == "timer"
    assert json.loads(sent.parameter.data.json or "") == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "0001-01-01T00:00:00+00:00",
            "LastUpdated": "0001-01-01T00:00:00+00:00",
            "Next": due.isoformat(),
        },
        "IsPastDue": False,
    }
    assert sent.trigger_metadata.keys() == {"TimerTrigger"}


def test_a_schedule_without_a_status_and_a_run_that_was_missed_are_sent_as_such() -> None:
    (trigger,) = read_triggers([function({"type": "timerTrigger", "name": "timer", "schedule": "* * * * * *"})], {})
    assert isinstance(trigger, TimerTrigger)

    sent = json.loads(trigger.make_arguments(None, None, is_past_due=True).parameter.data.json or "")

    assert (sent["ScheduleStatus"], sent["IsPastDue"]) == (None, True)


@pytest.mark.parametrize(
    ("bindings", "fault"),
    [
        ([{"type": "httpTrigger"}], "function serve has the bindings httpTrigger: this host serves functions with"),
        ([{"type": "timerTrigger"}, {"type": "blob"}], "function serve has the bindings timerTrigger, blob"),
        ([{"type": "blobTrigger", "properties": {"SupportsDeferredBinding": False}}], "binds the blob's content"),
        ([{"type": "blobTrigger", "properties": DEFERRED, "path": "%No%/{x}"}], "names No, which is no app setting"),
        ([{"type": "blobTrigger", "properties": DEFERRED, "path": "{box}/{x}"}], "a placeholder for its container"),
        ([{"type": "timerTrigger", "schedule": "hourly"}], "function serve: schedule 'hourly' has 1 fields"),
        ([{"type": "timerTrigger", "schedule": "0 0 0 30 2 *"}], "function serve: schedule .* never comes"),
    ],
)
def test_what_is_not_served_is_a_fault_that_names_the_function(bindings: list[dict[str, object]], fault: str) -> None:
    with pytest.raises(HostError, match=fault):
        read_triggers([function(*bindings)], {})


def test_a_retry_policy_is_a_fault() -> None:
    with pytest.raises(HostError, match="function serve: this host serves no retry policies"):
        read_triggers([function({"type": "timerTrigger"}, retry=RpcRetryOptions(3, "fixed_delay"))], {})


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "function serve: there is no app setting Store, which its connection names"),
        (
            {"Store__blobServiceUri": "https://x"},
            r"identity-based \(Store__blobServiceUri\).* set Store to a connection",
        ),
        ({"Store": "secret"}, "function serve: Store holds no connection string: Connection string is either blank or"),
    ],
)
def test_a_connection_without_a_connection_string_is_a_fault(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(HostError, match=fault) as error:
        ContainerScan(blob_trigger(), settings)

    assert "secret" not in str(error.value)


def test_a_scan_gives_each_changed_etag_once(azurite: Azurite) -> None:
    scan = ContainerScan(blob_trigger("inbox/{name}.txt"), {"Store": azurite.connection_string})
    with BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        assert scan.scan() == []
        container = storage.create_container("inbox")
        for name in ("a.txt", "b.txt", "c.json"):
            container.upload_blob(name, b"1")
        assert [event.blob for event in scan.scan()] == ["inbox/a.txt", "inbox/b.txt"]
        assert scan.scan() == []
        container.upload_blob("b.txt", b"2", overwrite=True)
        container.upload_blob("b.txt", b"3", overwrite=True)
        container.delete_blob("a.txt")
        assert [event.blob for event in scan.scan()] == ["inbox/b.txt"]
        storage.delete_container("inbox")
        assert scan.scan() == []


def test_a_blob_event_carries_what_the_host_sends(azurite: Azurite) -> None:
    scan = ContainerScan(blob_trigger("box/{folder}/{name}"), {"Store": azurite.connection_string})
    with BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        storage.create_container("box").upload_blob("a b/50%.txt", b"12345", metadata={"by": "me"})
        (event,) = scan.scan()

    data = event.arguments.parameter.data.model_binding_data
    assert event.arguments.parameter.name == "client"
    assert data is not None
    assert (data.version, data.source, data.content_type) == ("1.0", "AzureStorageBlobs", "application/json")
    assert json.loads(data.content) == {"Connection": "Store", "ContainerName": "box", "BlobName": "a b/50%.txt"}
    metadata = event.arguments.trigger_metadata
    assert metadata["BlobTrigger"].string == "box/a b/50%.txt"
    assert json.loads(metadata["Uri"].json or "").endswith("/devstoreaccount1/box/a%20b/50%25.txt")
    assert json.loads(metadata["Metadata"].json or "") == {"by": "me"}
    assert json.loads(metadata["Properties"].json or "")["ContentLength"] == 5
    assert metadata.keys() == {"BlobTrigger", "Uri", "Properties", "Metadata", "folder", "name"}
    assert (metadata["folder"].string, metadata["name"].string) == ("a b", "50%.txt")


def test_limits_come_from_host_json(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"extensions": {"blobs": {"maxDegreeOfParallelism": 3}}}', "utf-8")

    assert read_blob_limits(tmp_path) == BlobLimits(parallel=3, attempts=5)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "can't read .*host.json: No such file"),
        ("{", "host.json is no JSON"),
        ("[]", "holds no JSON object"),
        ('{"extensions": 1}', "'extensions' is 1, not a JSON object"),
        (
            '{"extensions": {"blobs": {"poisonBlobThreshold": 0}}}',
            "poisonBlobThreshold is 0, not an integer from 1",
        ),
    ],
)
def test_a_host_json_that_can_not_be_used_is_a_fault(tmp_path: Path, content: str | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "host.json").write_text(content, "utf-8")
    with pytest.raises(HostError, match=fault):
        read_blob_limits(tmp_path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"IsEncrypted": true, "Values": {}}', "its values are encrypted"),
        ('{"Values": {"B": 1, "A": null, "C": "c"}}', "these values are no strings: A, B"),
    ],
)
def test_local_settings_that_can_not_be_used_are_a_fault(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(content, "utf-8")
    with pytest.raises(HostError, match=fault):
        read_local_settings(file)
