"""The host serves the sample app in a process of its own, on a real Azurite."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobBlock, BlobServiceClient

from local.azurite import Azurite
from local.functions_host.app_folder import HostError
from local.functions_host.process import HostEnded, HostEvent, WorkerProcess

APP = Path(__file__).parent / "sample_app"
NEVER = "0 0 0 1 1 *"


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """Two accounts: one for the tests that share a host, one for those with a host of their own."""
    with Azurite(accounts=["own", "shared"]) as azurite:
        yield azurite


@pytest.fixture(scope="module")
def host(azurite: Azurite) -> Iterator[WorkerProcess]:
    with serve(azurite, settings={"SampleStorage": azurite.connection_string_of("shared")}) as host:
        yield host


@pytest.fixture
def shared(azurite: Azurite) -> Iterator[BlobServiceClient]:
    """The storage of the shared host."""
    with fresh_containers(azurite.connection_string_of("shared")) as storage:
        yield storage


@pytest.fixture
def storage(azurite: Azurite) -> Iterator[BlobServiceClient]:
    """The storage of a test's own host."""
    with fresh_containers(azurite.connection_string_of("own")) as storage:
        yield storage


@contextmanager
def fresh_containers(connection_string: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(connection_string) as storage:
        for container in ("inbox", "gates"):
            storage.create_container(container)
        yield storage
        for container in ("inbox", "gates"):
            storage.delete_container(container)


def serve(
    azurite: Azurite,
    *,
    settings: dict[str, str] | None = None,
    grace_seconds: float = 10.0,
    duplicate: bool = False,
    only_new: bool = False,
) -> WorkerProcess:
    return WorkerProcess(
        APP,
        settings={"SampleStorage": azurite.connection_string, "SAMPLE_SCHEDULE": NEVER} | (settings or {}),
        poll_seconds=0.05,
        grace_seconds=grace_seconds,
        duplicate=duplicate,
        only_new=only_new,
    )


def upload(storage: BlobServiceClient, name: str, text: str = "text") -> None:
    storage.get_blob_client("inbox", name).upload_blob(text.encode(), overwrite=True)


def open_gate(storage: BlobServiceClient, name: str) -> None:
    storage.get_blob_client("gates", name).upload_blob(b"")


def is_event(event: HostEvent, kind: str, blob: str) -> bool:
    return event.get("event") == kind and event.get("blob") == f"inbox/{blob}"


def wait_for(host: WorkerProcess, kind: str, blob: str, count: int = 1) -> HostEvent:
    return host.wait_for(lambda event: is_event(event, kind, blob), count=count)


def wait_for_log(host: WorkerProcess, message: str) -> HostEvent:
    return host.wait_for(lambda event: event["event"] == "log" and message in event["message"])


def all_events(host: WorkerProcess) -> list[HostEvent]:
    """Everything the host said, once it has ended."""
    return list(host.events())


def calls_of(host: WorkerProcess, blob: str, count: int) -> list[dict[str, Any]]:
    """What the sample app was called with for this blob, once there were `count` calls."""
    wait_for(host, "host.invoked", blob, count)
    wait_for_log(host, f'"blob": {json.dumps(blob)}')
    lines = [line for line in host.seen() if line["event"] == "log" and line["logger"] == "sample"]
    calls = [json.loads(line["message"]) for line in lines if line["message"].startswith('{"function"')]
    return [call for call in calls if call["blob"] == blob]


def test_the_index_is_reported(host: WorkerProcess) -> None:
    assert host.functions == ("record", "take", "tick", "at_start")
    assert host.ready["functions"][0] == {
        "name": "record",
        "type": "blobTrigger",
        "path": "inbox/{name}",
        "connection": "SampleStorage",
        "source": "EventGrid",
        "disabled": False,
    }
    assert host.ready["functions"][1] == {
        "name": "take",
        "type": "queueTrigger",
        "queue": "messages",
        "connection": "SampleStorage",
        "disabled": False,
    }
    assert host.ready["functions"][2] == {
        "name": "tick",
        "type": "timerTrigger",
        "schedule": NEVER,
        "runOnStartup": False,
        "disabled": False,
    }


def test_a_new_blob_and_each_append_are_one_invocation_each(host: WorkerProcess, shared: BlobServiceClient) -> None:
    blob = shared.get_blob_client("inbox", "grows.txt")
    blob.upload_blob(b"")
    wait_for(host, "host.invoked", "grows.txt")
    for number in (1, 2):
        blob.stage_block(str(number), f"part {number} ".encode())
        blob.commit_block_list([BlobBlock(str(block)) for block in range(1, number + 1)])
        wait_for(host, "host.invoked", "grows.txt", count=1 + number)
    upload(shared, "after.txt")
    wait_for(host, "host.invoked", "after.txt")

    calls = calls_of(host, "grows.txt", 3)

    assert [call["text"] for call in calls] == ["", "part 1 ", "part 1 part 2 "]
    assert all(call["container"] == "inbox" and call["function"] == "record" for call in calls)


@pytest.mark.parametrize(
    "name",
    [
        "resourceId=/SUBSCRIPTIONS/0F1E/y=2026/m=11/macAddress=002248/PT1H.json",
        "with space and + plus.txt",
        "50% of %25 and %2F.txt",
        "Größe/日本 & <co>?#.txt",
    ],
)
def test_a_blobs_name_arrives_as_it_is(host: WorkerProcess, shared: BlobServiceClient, name: str) -> None:
    upload(shared, name, "found by this name")

    assert calls_of(host, name, 1)[0]["text"] == "found by this name"


def test_a_failing_blob_is_tried_five_times_and_given_up(host: WorkerProcess, shared: BlobServiceClient) -> None:
    upload(shared, "fail/always")

    poison = wait_for(host, "host.poison", "fail/always")
    failures = [event for event in host.seen() if is_event(event, "host.failed", "fail/always")]

    assert poison["attempts"] == 5
    assert [event["attempt"] for event in failures] == [1, 2, 3, 4, 5]
    assert {event["error"] for event in failures} == {"ValueError: no luck with fail/always"}
    assert 'raise ValueError(f"no luck with {name}")' in failures[0]["stack"]


def test_a_blob_that_fails_twice_is_served_by_its_third_attempt(host: WorkerProcess, shared: BlobServiceClient) -> None:
    upload(shared, "flaky/twice")

    assert wait_for(host, "host.invoked", "flaky/twice")["attempt"] == 3


def test_the_apps_log_arrives_with_its_level_and_logger(host: WorkerProcess, shared: BlobServiceClient) -> None:
    upload(shared, "fail/with a line")

    failed = wait_for(host, "host.failed", "fail/with a line")
    assert wait_for_log(host, "with a line") == {
        "event": "log",
        "level": "ERROR",
        "logger": "sample",
        "message": "about to fail for fail/with a line",
        "invocation": failed["invocation"],
    }


def test_log_lines_without_a_running_invocation_are_dropped_and_counted(
    azurite: Azurite, storage: BlobServiceClient
) -> None:
    with serve(azurite) as host:
        for name in ("own", "copied", "late", "last"):  # one after the other: `late` has ended when `last` begins
            upload(storage, f"thread/{name}")
            wait_for(host, "host.invoked", f"thread/{name}")
        assert host.stop() == 0
        events = all_events(host)

    invocations = {event["blob"]: event["invocation"] for event in events if "blob" in event}
    lines = {event["message"]: event["invocation"] for event in events if event["event"] == "log"}
    arrived = {message: invocation for message, invocation in lines.items() if "in a thread" in message}
    assert arrived == {
        "in a thread: copied": invocations["inbox/thread/copied"],
        "in a thread: last": invocations["inbox/thread/last"],
    }
    assert events[-1]["event"] == "host.stopped"
    assert events[-1]["dropped"] >= 3  # those of `own` and `late`, and what was logged while the app was imported


def test_the_apps_storage_requests_are_logged_but_not_those_of_the_host_nor_the_runtimes_own_lines(
    host: WorkerProcess, shared: BlobServiceClient
) -> None:
    upload(shared, "logged.txt")
    wait_for(host, "host.invoked", "logged.txt")
    lines = [event for event in host.seen() if event["event"] == "log" and event["level"] == "INFO"]

    assert [line for line in lines if "inbox/logged.txt" in line["message"]]
    assert not [line for line in lines if "comp=list" in line["message"]]
    assert {line["logger"] for line in lines} == {"sample", "azure.core.pipeline.policies.http_logging_policy"}


def test_a_timer_can_be_fired_at_once(host: WorkerProcess) -> None:
    host.fire_timer("tick")

    line = wait_for_log(host, '"tick"')
    message = line["message"]

    ran = host.wait_for(lambda event: event["event"] == "host.invoked" and event["function"] == "tick")
    assert line["invocation"] == ran["invocation"]
    assert json.loads(message)["past_due"] is False
    assert json.loads(message)["tick"]["Next"].endswith("-01-01T00:00:00+00:00")
    with pytest.raises(ValueError, match="no timer 'record'; there are: tick, at_start"):
        host.fire_timer("record")


def test_a_timer_that_runs_on_startup_does(host: WorkerProcess) -> None:
    assert wait_for_log(host, "started")["message"] == "started, past due: False"


def test_no_more_blobs_are_served_at_a_time_than_host_json_says(host: WorkerProcess, shared: BlobServiceClient) -> None:
    names = [f"hold/crowd/{number}" for number in range(5)]
    for name in names:
        upload(shared, name)
    host.wait_for(lambda event: "holding hold/crowd" in str(event.get("message")), count=2)
    open_gate(shared, "crowd")

    most = [calls_of(host, name, 1)[0]["most_inside"] for name in names]

    assert max(most) == 2


def test_duplicates_come_twice_and_no_more_and_out_of_order(azurite: Azurite, storage: BlobServiceClient) -> None:
    names = [f"{number:02}.txt" for number in range(20)]
    for name in names:
        upload(storage, name)
    with serve(azurite, duplicate=True) as host:
        for name in names:
            wait_for(host, "host.invoked", name, count=2)
        upload(storage, "last.txt")
        wait_for(host, "host.invoked", "last.txt", count=2)
        host.stop()
        events = [event for event in all_events(host) if event["event"] == "host.invoked" and "blob" in event]
    served = [event["blob"].removeprefix("inbox/") for event in events]

    assert sorted(served) == sorted(2 * [*names, "last.txt"])
    # Two run at a time: by that alone, the first deliveries would swap places with their neighbours at most.
    assert max(abs(int(name[:2]) - place) for place, name in enumerate(served[:20])) > 4


def test_timers_keep_their_schedule_and_disabled_functions_are_left_alone(
    azurite: Azurite, storage: BlobServiceClient
) -> None:
    upload(storage, "nobody.txt")
    settings = {"SAMPLE_SCHEDULE": "* * * * * *", "AzureWebJobs.record.Disabled": "true"}
    with serve(azurite, settings=settings) as host:
        ticks = [
            host.wait_for(lambda event: event["event"] == "log" and '"tick"' in event["message"], count=count)
            for count in (1, 2)
        ]
        host.stop()
        events = all_events(host)

    assert [json.loads(tick["message"]) for tick in ticks] == [{"tick": {}, "past_due": False}] * 2
    assert not [event for event in events if event.get("function") == "record"]
    assert host.ready["functions"][0]["disabled"] is True


def test_a_stop_lets_running_invocations_finish_and_begins_new_ones_meanwhile(
    azurite: Azurite, storage: BlobServiceClient
) -> None:
    for name in ("hold/stop/1", "hold/stop/2", "hold/stop/waiting"):
        upload(storage, name)
    with serve(azurite) as host:
        host.wait_for(lambda event: "holding" in str(event.get("message")), count=2)
        os.kill(host.pid, signal.SIGTERM)
        host.wait_for(lambda event: event["event"] == "host.stopping")
        open_gate(storage, "stop")
        stopped = host.wait_for(lambda event: event["event"] == "host.stopped")

        assert stopped["abandoned"] == 0
        assert stopped["failed"] == 0
        assert host.stop() == 0
    held = [event for event in all_events(host) if event["event"] == "host.invoked" and "blob" in event]
    assert len(held) == 3  # the third one waited for its turn when the host was asked to stop


def test_a_stop_abandons_what_does_not_finish_in_time(azurite: Azurite, storage: BlobServiceClient) -> None:
    upload(storage, "hold/for ever/1")
    with serve(azurite, grace_seconds=0.1) as host:
        wait_for_log(host, "holding")

        assert host.stop() == 1
    stopped = [event for event in all_events(host) if event["event"] == "host.stopped"]
    assert [event["abandoned"] for event in stopped] == [1]


def test_after_a_kill_every_blob_is_new_unless_only_new_ones_are_wanted(
    azurite: Azurite, storage: BlobServiceClient
) -> None:
    upload(storage, "old.txt")
    upload(storage, "hold/kill/1")
    with serve(azurite) as host:
        wait_for(host, "host.invoked", "old.txt")
        wait_for_log(host, "holding")
        assert host.kill() == -signal.SIGKILL
        with pytest.raises(HostEnded, match="exit code -9"):
            host.wait_for(lambda event: event["event"] == "host.stopped")
    open_gate(storage, "kill")
    with serve(azurite) as again:
        wait_for(again, "host.invoked", "old.txt")
        wait_for(again, "host.invoked", "hold/kill/1")
    with serve(azurite, only_new=True) as careful:
        upload(storage, "new.txt")
        wait_for(careful, "host.invoked", "new.txt")
        careful.stop()
        served = [event["blob"] for event in all_events(careful) if "blob" in event]

    assert served == ["inbox/new.txt"]


def test_a_connection_that_names_no_setting_is_raised_at_the_start() -> None:
    fault = "function record: there is no app setting SampleStorage, which its connection names"
    with pytest.raises(HostError, match=fault), WorkerProcess(APP, settings={"SAMPLE_SCHEDULE": NEVER}):
        pytest.fail("the host serves an app that it can't serve")


def test_settings_of_the_hosts_own_environment_are_not_the_apps(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobs.record.Disabled", "true")
    with serve(azurite) as host:
        assert host.ready["functions"][0]["disabled"] is False


def test_the_host_outlives_an_outage_of_storage(tmp_path: Path) -> None:
    azurite = Azurite(data=tmp_path)
    with ExitStack() as stack:
        with azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
            storage.create_container("inbox")
            host = stack.enter_context(serve(azurite))
            upload(storage, "before.txt")
            wait_for(host, "host.invoked", "before.txt")
        failed = host.wait_for(lambda event: event["event"] == "host.scan_failed")
        with azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
            upload(storage, "after.txt")
            wait_for(host, "host.invoked", "after.txt")
            host.stop()
    served = [event["blob"] for event in all_events(host) if event["event"] == "host.invoked" and "blob" in event]

    assert failed["function"] == "record"
    assert served == ["inbox/before.txt", "inbox/after.txt"]
