"""Announcements by an event hub, through the host, with the app's own host.json: many in one invocation."""

from collections import Counter
from collections.abc import Sequence

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.storage.blob import BlobServiceClient

from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from local.network_watcher.expected import Expected
from tests.support.announcements import created
from tests.support.app import APP, settings_for
from tests.support.app_log import log_events_of
from tests.support.end_to_end import Reader, writer
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.hubs import OpenHub

ANNOUNCEMENTS = "flowlog-announcements"
BATCH = 128  # so many are enough for an invocation at once
JUNK = [b"junk", b"[]", b'{"eventType": 1}', b"\xff\x00", b"[" * 5000]
UNREADABLE = SourceBlob("devstoreaccount1", VNET.container, VNET.name)


@pytest.fixture
def hub(open_hub: OpenHub) -> EventHub:
    """The hub of the flows, and beside it the one of the announcements."""
    return open_hub(others=(ANNOUNCEMENTS,), consumer_groups=("$Default", "forwarder"))


def announce(hub: EventHub, messages: Sequence[bytes]) -> None:
    """Send announcements to one partition."""
    with EventHubProducerClient.from_connection_string(hub.connection_string, eventhub_name=ANNOUNCEMENTS) as producer:
        producer.send_batch([EventData(message) for message in messages], partition_key="subject")


def put_with_unreadable_checkpoint(storage: Azurite, hub: EventHub, blob: SourceBlob) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.get_blob_client(blob.container, blob.name).upload_blob(document([vnet_record(2)]))
        name = CheckpointNames(f"localhost/{hub.name}").of(blob)
        service.create_container("flowlog-checkpoints").upload_blob(name, b"", metadata={"schema": "unknown"})


def test_one_invocation_forwards_each_announced_blob_once_whatever_becomes_of_another(
    storage: Azurite, hub: EventHub
) -> None:
    reader = Reader(hub)
    written: dict[SourceBlob, None] = {}

    def expect(append: Expected) -> None:
        reader.comparison.expect(append)
        written[SourceBlob.from_path(append.blob)] = None

    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="EventHub")
    with writer(storage, expect) as watcher, WorkerProcess(APP, settings=settings) as worker:
        for _ in range(2):
            watcher.minute()
        put_with_unreadable_checkpoint(storage, hub, UNREADABLE)
        once = [created(blob) for blob in (UNREADABLE, *written)]
        announce(hub, [*JUNK, *once * (BATCH // len(once))])
        invoked = worker.wait_for(lambda event: event["event"] == "host.invoked")
        worker.stop()
        stopped = worker.wait_for(lambda event: event["event"] == "host.stopped")

    assert (invoked["function"], invoked["events"]) == ("forward_batch", len(JUNK) + len(once) * (BATCH // len(once)))
    assert (stopped["invoked"], stopped["failed"]) == (1, 0)
    logged = log_events_of(worker)
    runs = Counter((event.fields["blob"], event.fields["outcome"]) for event in logged if event.name == "flowlog.run")
    assert runs == {(blob.path, "complete"): 1 for blob in written} | {(UNREADABLE.path, "failed"): 2}
    assert {event.fields["error"] for event in logged if event.name == "flowlog.fault"} == {"CheckpointUnreadableError"}
    assert [event.name for event in logged].count("flowlog.ignored") == 2  # no JSON, and no event; [] says nothing
    assert len(written) == 5
    assert reader.verdict() == []
