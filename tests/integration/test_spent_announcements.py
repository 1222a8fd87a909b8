"""Announcements that are spent without a flow having been forwarded: the sweep forwards their blobs."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, StandardBlobTier

from flowlog_core.adapters.storage.checkpoints import CONTAINER, AzureCheckpointStore
from flowlog_core.forwarding.listing import hour_prefix
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from tests.support.app_log import log_event, log_events_of, reports
from tests.support.flow_logs import VNET, document, vnet_record

APP = Path(__file__).resolve().parents[2]


class Announced:
    """The app with a blob trigger, and the source and state accounts, which are one."""

    def __init__(self, storage: Azurite, hub: EventHub) -> None:
        self.settings = {
            "AzureWebJobsStorage": storage.connection_string,
            "FlowLogStorage": storage.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
            "FLOWLOG_START": "all",
            "FLOWLOG_SWEEP_GRACE_SECONDS": "0",
        }
        self.hub = hub
        self.service = BlobServiceClient.from_connection_string(storage.connection_string)
        self.destination = Settings.read(self.settings).event_hub.destination
        self._logs = self.service.create_container(VNET.container)

    def put(self, mac: str) -> SourceBlob:
        name = f"flowLogResourceID=/NET/{hour_prefix(datetime.now(UTC))}m=00/macAddress={mac}/PT1H.json"
        self._logs.upload_blob(name, document([vnet_record(2)]))
        return SourceBlob("devstoreaccount1", VNET.container, name)

    def runs(self, worker: WorkerProcess, blob: SourceBlob) -> list[str]:
        """Return the outcomes of the runs on a blob."""
        return [
            event.fields["outcome"]
            for event in log_events_of(worker)
            if event.name == "flowlog.run" and event.fields["blob"] == blob.path
        ]

    def wait_for_another(self, worker: WorkerProcess) -> None:
        """Let a blob that comes later be forwarded: what the host would deliver again, it has delivered by then."""
        for mac in ("0000000000AA", "0000000000BB"):
            worker.wait_for(run_on(self.put(mac), "complete"), timeout=30)


def run_on(blob: SourceBlob, outcome: str) -> Callable[[Mapping[str, Any]], bool]:
    """Say whether a run on a blob was reported that ended so; for `WorkerProcess.wait_for`."""

    def is_one(reported: Mapping[str, Any]) -> bool:
        event = log_event(reported)
        if event is None or event.name != "flowlog.run":
            return False
        return (event.fields["blob"], event.fields["outcome"]) == (blob.path, outcome)

    return is_one


def invocations(worker: WorkerProcess, blob: SourceBlob) -> list[tuple[bool, int]]:
    """Return of each invocation for a blob whether it succeeded, and which attempt it was."""
    name = f"{blob.container}/{blob.name}"
    events = [event for event in worker.seen() if event.get("blob") == name and "ok" in event]
    return [(event["ok"], event["attempt"]) for event in events]


@pytest.fixture
def announced(hub: EventHub) -> Iterator[Announced]:
    with Azurite() as storage:  # its own, so that no other test's blobs are forwarded
        made = Announced(storage, hub)
        yield made
        made.service.close()


def test_a_lease_that_a_killed_process_left_spends_the_event_and_the_next_sweep_forwards_the_blob(
    announced: Announced,
) -> None:
    blob = announced.put("0000000000CC")
    store = AzureCheckpointStore(announced.service, announced.destination)
    assert store.acquire(blob, lambda: None) is not None  # and its process is no more

    with WorkerProcess(APP, settings=announced.settings, poll_seconds=0.2) as worker:
        worker.wait_for(run_on(blob, "leaseHeld"), timeout=30)
        announced.wait_for_another(worker)
        assert invocations(worker, blob) == [(True, 1)]
        assert announced.runs(worker, blob) == ["leaseHeld"]

        # As time does, within 60 s; nothing but the sweep looks at the blob then.
        lapse(announced, blob)
        worker.fire_timer("sweep")
        worker.wait_for(reports("flowlog.sweep"), timeout=30)

    assert announced.runs(worker, blob) == ["leaseHeld", "complete"]
    assert invocations(worker, blob) == [(True, 1)]


def test_an_archived_blob_spends_its_event_without_a_fault_and_flows_with_a_sweep_once_it_is_rehydrated(
    announced: Announced,
) -> None:
    blob = announced.put("0000000000CC")
    client = announced.service.get_blob_client(blob.container, blob.name)
    client.set_standard_blob_tier(StandardBlobTier.ARCHIVE)

    with WorkerProcess(APP, settings=announced.settings, poll_seconds=0.2) as worker:
        worker.wait_for(run_on(blob, "archived"), timeout=30)
        announced.wait_for_another(worker)
        worker.fire_timer("sweep")
        worker.wait_for(reports("flowlog.sweep"), timeout=30)
        (archived,) = [event.fields for event in log_events_of(worker) if event.name == "flowlog.archived"]
        assert archived == {"count": 1, "blobs": [blob.path]}
        assert invocations(worker, blob) == [(True, 1)]

        client.set_standard_blob_tier(StandardBlobTier.HOT)
        worker.fire_timer("sweep")
        worker.wait_for(reports("flowlog.sweep"), count=2, timeout=30)

    assert announced.runs(worker, blob) == ["archived", "complete"]
    caught = [event.fields["caught"] for event in log_events_of(worker) if event.name == "flowlog.sweep"]
    assert caught == [0, 1]
    assert [event for event in log_events_of(worker) if event.name == "flowlog.fault"] == []


def lapse(announced: Announced, blob: SourceBlob) -> None:
    checkpoint = CheckpointNames(announced.destination).of(blob)
    BlobLeaseClient(announced.service.get_blob_client(CONTAINER, checkpoint)).break_lease(lease_break_period=0)
