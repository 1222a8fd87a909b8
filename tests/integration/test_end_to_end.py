"""The app as deployed, in the worker process: from blobs that Network Watcher writes to events on the hub."""

import json
import os
import subprocess
import sys
import time

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.app_folder import HostError
from local.functions_host.process import WorkerProcess
from local.network_watcher.expected import Expected
from tests.support.app import APP, functions_with, settings_for
from tests.support.app_log import log_events_of
from tests.support.end_to_end import Reader, writer

CONTAINERS = ("insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent")


def test_the_app_has_a_function_for_each_source_and_container(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_SOURCES="FlowLogStorage,Other", FLOWLOG_TRIGGER_SOURCE="EventGrid")
    settings["Other"] = storage.connection_string.replace("devstoreaccount1", "other")

    with WorkerProcess(APP, settings=settings, poll_seconds=60) as worker:
        functions = {function["name"]: function for function in worker.ready["functions"]}

    timer = functions.pop("sweep")
    assert (timer["type"], timer["schedule"]) == ("timerTrigger", "0 */5 * * * *")
    assert set(functions) == {
        f"forward_{source}_{container}" for source in ("FlowLogStorage", "Other") for container in CONTAINERS
    }
    for name, function in functions.items():
        assert function["type"] == "blobTrigger"
        assert function["path"] == name.split("_", 2)[2] + "/{name}"
        assert function["connection"] == name.split("_", 2)[1]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"FLOWLOG_EVENT_FORMAT": "records", "FLOWLOG_EVENT_COMPRESSION": "gzip", "FLOWLOG_PARTITION_BY": "none"},
        {"FLOWLOG_EVENT_FORMAT": "json", "FLOWLOG_EVENT_MAX_BYTES": "16384"},
    ],
    ids=["ndjson", "records-gzip", "json"],
)
def test_every_flow_of_every_format_arrives_once_as_written(
    storage: Azurite, hub: EventHub, more: dict[str, str]
) -> None:
    reader = Reader(hub)
    with (
        WorkerProcess(APP, settings=settings_for(storage, hub, **more), poll_seconds=0.2) as worker,
        writer(storage, reader.comparison.expect) as watcher,
    ):
        for _ in range(20):  # over the end of an hour, and while the app works
            watcher.minute()
        reader.wait()
        assert worker.stop() == 0

    assert reader.verdict() == []
    assert reader.comparison.totals.arrived > 10_000
    runs = [event for event in log_events_of(worker) if event.name == "flowlog.run"]
    assert sum(event.fields["flows"] for event in runs) == reader.comparison.totals.arrived


def test_what_cannot_be_read_is_in_quarantine_and_all_else_arrives(storage: Azurite, hub: EventHub) -> None:
    reader = Reader(hub)
    expected: set[str] = set()

    def expect(append: Expected) -> None:
        reader.comparison.expect(append)
        expected.update(f"{append.blob}/{bad.offset}-{bad.crc}.json" for bad in append.quarantined)

    with (
        WorkerProcess(APP, settings=settings_for(storage, hub), poll_seconds=0.2),
        writer(storage, expect, hostile=True) as watcher,
    ):
        for _ in range(30):
            watcher.minute()
        reader.wait()

    reader.comparison.put_in_quarantine(reader.comparison.totals.to_be_quarantined)  # held against storage below
    assert reader.verdict() == []
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        assert set(service.get_container_client("flowlog-quarantine").list_blob_names()) == expected
    assert len(expected) > 5


def test_events_that_come_twice_and_out_of_order_change_nothing(storage: Azurite, hub: EventHub) -> None:
    reader = Reader(hub)
    with (
        WorkerProcess(APP, settings=settings_for(storage, hub), poll_seconds=0.1, duplicate=True),
        writer(storage, reader.comparison.expect) as watcher,
    ):
        for _ in range(15):
            watcher.minute()
        reader.wait()

    assert reader.verdict() == []


def test_a_second_host_goes_on_where_the_first_ended(storage: Azurite, hub: EventHub) -> None:
    reader = Reader(hub)
    with writer(storage, reader.comparison.expect) as watcher:
        for _ in range(2):
            with WorkerProcess(APP, settings=settings_for(storage, hub), poll_seconds=0.2):
                watcher.minute()
                reader.wait()

    assert reader.verdict() == []


def test_the_sweep_forwards_what_no_event_announced(storage: Azurite, hub: EventHub) -> None:
    reader = Reader(hub)
    with writer(storage, reader.comparison.expect, first_minute=int(time.time() / 60) - 5) as watcher:
        for _ in range(3):
            watcher.minute()
    settings = settings_for(storage, hub, FLOWLOG_SWEEP_GRACE_SECONDS="0")

    with WorkerProcess(APP, settings=settings, only_new=True) as worker:
        worker.fire_timer("sweep")
        reader.wait()

    assert reader.verdict() == []
    (sweep,) = [event.fields for event in log_events_of(worker) if event.name == "flowlog.sweep"]
    assert sweep["behind"] == sweep["caught"] >= 5


def test_events_can_come_by_a_storage_queue_instead(storage: Azurite, hub: EventHub) -> None:
    functions = functions_with(settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="StorageQueue"))

    assert set(functions) == {"forward_queued", "sweep"}
    trigger = functions["forward_queued"]
    assert (trigger["type"], trigger["queueName"], trigger["connection"]) == (
        "queueTrigger",
        "flowlog-events",
        "AzureWebJobsStorage",
    )


def test_events_can_come_by_an_event_hub_instead_many_at_once(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="EventHub", FLOWLOG_ANNOUNCEMENT_HUB="appends")

    functions = functions_with(settings)

    assert set(functions) == {"forward_batch", "sweep"}
    trigger = functions["forward_batch"]
    names = ("type", "eventHubName", "connection", "consumerGroup", "cardinality")
    assert [trigger[name] for name in names] == ["eventHubTrigger", "appends", "FlowLogEventHub", "forwarder", "MANY"]


ANNOUNCE = """
import json, sys
import function_app
from azure.functions import QueueMessage
(forward,) = [each for each in function_app.app.get_functions() if each.get_function_name() == "forward_queued"]
for line in sys.stdin:
    forward.get_user_function()(QueueMessage(body=line.encode()))
"""


def test_a_queued_event_gets_its_blob_forwarded(storage: Azurite, hub: EventHub) -> None:
    reader = Reader(hub)
    blobs: dict[str, None] = {}

    def expect(append: Expected) -> None:
        reader.comparison.expect(append)
        blobs[append.blob] = None

    with writer(storage, expect) as watcher:
        watcher.minute()
    messages = []
    for path in [*blobs, *blobs]:  # delivery is at least once
        account, container, name = path.split("/", 2)
        topic = f"/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{account}"
        subject = f"/blobServices/default/containers/{container}/blobs/{name}"
        messages.append(json.dumps({"topic": topic, "subject": subject, "eventType": "Microsoft.Storage.BlobCreated"}))

    subprocess.run(  # noqa: S603 # this checkout's own app
        [sys.executable, "-c", ANNOUNCE],
        cwd=APP,
        env=os.environ | settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="StorageQueue"),
        input="\n".join(messages),
        text=True,
        check=True,
    )

    assert len(blobs) == 5
    assert reader.comparison.totals.expected > 500
    assert reader.verdict() == []


def test_the_sweep_can_do_all_by_itself(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="Sweep")
    reader = Reader(hub)
    with (
        writer(storage, reader.comparison.expect, first_minute=int(time.time() / 60) - 5) as watcher,
        WorkerProcess(APP, settings=settings) as worker,
    ):
        assert worker.functions == ("sweep",)
        for _ in range(3):
            watcher.minute()
            worker.fire_timer("sweep")
        reader.wait()

    assert reader.verdict() == []


def test_all_faults_of_the_settings_are_told_at_once_at_the_start(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_EVENT_FORMAT="xml", FLOWLOG_RUN_SECONDS="soon")
    del settings["FlowLogEventHub"]

    with pytest.raises(HostError) as raised, WorkerProcess(APP, settings=settings):
        pass

    for name in ("FLOWLOG_EVENT_FORMAT", "FLOWLOG_RUN_SECONDS", "FlowLogEventHub"):
        assert name in str(raised.value)
