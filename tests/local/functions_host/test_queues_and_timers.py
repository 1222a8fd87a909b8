"""The host serves queue messages as the real one does, and goes on with a timer where an earlier host ended."""

import base64
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.functions_host.app_folder import HostError, QueueLimits, read_queue_limits
from local.functions_host.process import HostEvent, WorkerProcess

APP = Path(__file__).parent / "sample_app"
NEVER = "0 0 0 1 1 *"


@pytest.fixture
def azurite() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def queues(azurite: Azurite) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_queue("messages")
        yield service


def folder_with(folder: Path, **queue_settings: object) -> Path:
    """Copy the sample app, with these settings of queues."""
    copied = folder / "app"
    shutil.copytree(APP, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": queue_settings}}))
    return copied


def serve(azurite: Azurite, app: Path = APP, *, schedule: str = NEVER) -> WorkerProcess:
    storage = azurite.connection_string
    settings = {"SampleStorage": storage, "AzureWebJobsStorage": storage, "SAMPLE_SCHEDULE": schedule}
    return WorkerProcess(app, settings=settings, poll_seconds=0.05)


def is_poison(event: HostEvent) -> bool:
    return bool(event["event"] == "host.poison")


def taken(host: WorkerProcess) -> list[tuple[str, int]]:
    """What the app was called with: text and attempt."""
    lines = [event["message"] for event in host.seen() if event["event"] == "log" and '"take"' in event["message"]]
    return [(line["take"], line["attempt"]) for line in map(json.loads, lines)]


def contents(queues: QueueServiceClient, name: str) -> list[str]:
    try:
        return [str(message.content) for message in queues.get_queue_client(name).peek_messages(32)]
    except ResourceNotFoundError:
        return []


def test_by_default_messages_are_base64_and_any_other_is_poison_without_a_run(
    azurite: Azurite, queues: QueueServiceClient, tmp_path: Path
) -> None:
    queue = queues.get_queue_client("messages")
    with serve(azurite, folder_with(tmp_path)) as host:
        queue.send_message('{"plain": 1}')
        poison = host.wait_for(is_poison)
        queue.send_message(base64.b64encode(b"text").decode())
        host.wait_for(lambda event: event["event"] == "host.invoked" and event["function"] == "take")

    assert poison["attempts"] == 0
    assert taken(host) == [("text", 1)]
    assert (contents(queues, "messages"), contents(queues, "messages-poison")) == ([], ['{"plain": 1}'])


def test_without_an_encoding_messages_arrive_as_they_are(
    azurite: Azurite, queues: QueueServiceClient, tmp_path: Path
) -> None:
    sent = ['{"plain": 1}', base64.b64encode(b"text").decode()]
    with serve(azurite, folder_with(tmp_path, messageEncoding="none")) as host:
        for text in sent:
            queues.get_queue_client("messages").send_message(text)
        host.wait_for(lambda event: event["event"] == "host.invoked" and event["function"] == "take", count=2)

    assert sorted(taken(host)) == sorted((text, 1) for text in sent)


def test_a_message_that_fails_is_tried_five_times_and_goes_to_the_poison_queue(
    azurite: Azurite, queues: QueueServiceClient, tmp_path: Path
) -> None:
    with serve(azurite, folder_with(tmp_path, messageEncoding="none")) as host:
        queues.get_queue_client("messages").send_message("fail always")
        assert host.wait_for(is_poison)["attempts"] == 5

    assert taken(host) == [("fail always", attempt) for attempt in (1, 2, 3, 4, 5)]
    assert (contents(queues, "messages"), contents(queues, "messages-poison")) == ([], ["fail always"])


def test_limits_of_queues_come_from_host_json(tmp_path: Path) -> None:
    app = folder_with(tmp_path, batchSize=8, newBatchThreshold=0, maxDequeueCount=2, messageEncoding="none")

    assert read_queue_limits(app) == QueueLimits(batch_size=8, new_batch_threshold=0, attempts=2, encoding="none")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({"batchSize": 0}, "queues.batchSize is 0"), ({"messageEncoding": "utf"}, "queues.messageEncoding is 'utf'")],
)
def test_limits_of_queues_that_can_not_be_used_are_a_fault(
    tmp_path: Path, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(HostError, match=fault):
        read_queue_limits(folder_with(tmp_path, **settings))


def status_blob(azurite: Azurite) -> BlobClient:
    return BlobClient.from_connection_string(azurite.connection_string, "azure-webjobs-hosts", "timers/tick/status")


def ticks_of(azurite: Azurite, invoked: str) -> list[dict[str, Any]]:
    """Serve until a timer has run; return what the app's own timer was called with."""
    with serve(azurite) as host:
        host.wait_for(lambda event: event.get("function") == invoked)
        host.stop()
        lines = [event["message"] for event in host.events() if event["event"] == "log"]
    return [json.loads(line) for line in lines if '"tick"' in line]


def test_a_timer_that_was_missed_is_past_due_once_at_the_next_start(azurite: Azurite) -> None:
    first = ticks_of(azurite, "at_start")
    last, missed = (datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (10, 5))
    with status_blob(azurite) as blob:
        blob.upload_blob(json.dumps({"Last": last.isoformat(), "Next": missed.isoformat()}), overwrite=True)
        second = ticks_of(azurite, "tick")
        kept = json.loads(blob.download_blob().readall())
    third = ticks_of(azurite, "at_start")

    assert first == []  # the very first start runs nothing
    assert [(tick["past_due"], tick["tick"]["Last"]) for tick in second] == [(True, last.isoformat())]
    assert datetime.fromisoformat(kept["Next"]) > datetime.now(UTC)
    assert third == []
