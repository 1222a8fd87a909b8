"""Announcements by a storage queue, through the host, with the app's own host.json: every form of them, and junk."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from flowlog_core.forwarding.listing import hour_prefix
from flowlog_core.source.blob import SourceBlob
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from tests.support.app import APP, settings_for
from tests.support.app_log import log_events_of
from tests.support.flow_logs import VNET, document, vnet_record

QUEUE = "flowlog-events"
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda event: event,
    "in base64": lambda event: base64.b64encode(event.encode()).decode(),
    "a list of one": lambda event: f"[{event}]",
    "a list of one in base64": lambda event: base64.b64encode(f"[{event}]".encode()).decode(),
}
JUNK = ["junk", "{", "[]", "null", '{"eventType": 1}', base64.b64encode(b"\xff\x00").decode(), "[" * 5000, "Größe"]


@pytest.fixture
def queues(storage: Azurite) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(storage.connection_string) as service:
        service.create_queue(QUEUE)
        yield service


def put(storage: Azurite, mac: str) -> str:
    """Write a flow log; return the event that announces it."""
    name = f"flowLogResourceID=/NET/{hour_prefix(datetime.now(UTC))}m=00/macAddress={mac}/PT1H.json"
    blob = SourceBlob("devstoreaccount1", VNET.container, name)
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        container = service.get_container_client(VNET.container)
        if not container.exists():
            container.create_container()
        container.upload_blob(name, document([vnet_record(2)]))
    topic = f"/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{blob.account}"
    subject = f"/blobServices/default/containers/{blob.container}/blobs/{name}"
    return json.dumps({"topic": topic, "subject": subject, "eventType": "Microsoft.Storage.BlobCreated"})


def test_every_form_of_a_message_is_forwarded_and_junk_is_dropped_at_its_first_try(
    storage: Azurite, hub: EventHub, queues: QueueServiceClient
) -> None:
    sound = [form(put(storage, f"{number:012X}")) for number, form in enumerate(FORMS.values())]
    queue = queues.get_queue_client(QUEUE)
    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="StorageQueue")
    with WorkerProcess(APP, settings=settings, poll_seconds=0.1) as worker:
        for message in (*JUNK, *sound):
            queue.send_message(message)
        worker.wait_for(
            lambda event: event["event"] in {"host.invoked", "host.poison", "host.failed"},
            count=len(JUNK) + len(sound),
            timeout=30,
        )
        worker.stop()
        ended = [event["event"] for event in worker.events() if event["event"].startswith("host.")]

    assert {"host.failed", "host.poison"} & set(ended) == set()
    logged = log_events_of(worker)
    assert [event.fields["outcome"] for event in logged if event.name == "flowlog.run"] == ["complete"] * len(sound)
    assert len([event for event in logged if event.name == "flowlog.ignored"]) == len(JUNK) - 1  # [] announces nothing
    assert hub.counters().events == len(sound)
    with pytest.raises(ResourceNotFoundError):
        queues.get_queue_client(f"{QUEUE}-poison").get_queue_properties()
