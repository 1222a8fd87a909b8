"""The host serves an event hub's events as the real one does: some at once, a partition's in order, and none twice."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.app_folder import EventHubLimits, HostError, read_event_hub_limits
from local.functions_host.process import HostEvent, WorkerProcess
from local.functions_host.triggers import read_triggers
from tests.local.functions_host.test_triggers import function
from tests.support.hubs import OpenHub

APP = Path(__file__).parent / "sample_app"


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


def folder_with(folder: Path, **hub_settings: object) -> Path:
    """Copy the sample app, with these settings of event hubs."""
    copied = folder / "app"
    shutil.copytree(APP, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"eventHubs": hub_settings}}))
    return copied


def serve(azurite: Azurite, hub: EventHub, app: Path) -> WorkerProcess:
    storage = azurite.connection_string
    settings = {"SampleStorage": storage, "AzureWebJobsStorage": storage, "SAMPLE_SCHEDULE": "0 0 0 1 1 *"}
    return WorkerProcess(app, settings=settings | {"SampleHub": hub.connection_string}, poll_seconds=0.05)


def send(hub: EventHub, bodies: Sequence[str], key: str | None = None) -> None:
    with EventHubProducerClient.from_connection_string(hub.connection_string, eventhub_name="sample") as producer:
        producer.send_batch([EventData(body) for body in bodies], partition_key=key)


def is_end_of_call(event: HostEvent) -> bool:
    return event["event"] in {"host.invoked", "host.failed"} and event["function"] == "take_events"


def calls(host: WorkerProcess) -> list[list[dict[str, Any]]]:
    """What the app was called with."""
    lines = [event["message"] for event in host.seen() if event["event"] == "log" and '"events"' in event["message"]]
    return [json.loads(line)["events"] for line in lines]


def test_a_call_waits_for_enough_events_and_takes_no_more_than_the_most(
    azurite: Azurite, open_hub: OpenHub, tmp_path: Path
) -> None:
    hub = open_hub("sample", partitions=1)
    app = folder_with(tmp_path, maxEventBatchSize=3, minEventBatchSize=3, maxWaitTime="00:00:01")
    bodies = [f"body {number}" for number in range(7)]
    with serve(azurite, hub, app) as host:
        send(hub, bodies, key="key")
        ends = host.wait_for(is_end_of_call, count=3)

    batches = calls(host)
    assert [[event["body"] for event in batch] for batch in batches] == [bodies[:3], bodies[3:6], bodies[6:]]
    assert [event["number"] for batch in batches for event in batch] == list(range(7))
    assert {event["key"] for batch in batches for event in batch} == {"key"}
    assert (ends["partition"], ends["events"]) == ("0", 1)


def test_what_is_there_at_the_start_is_served_and_a_call_that_fails_is_not_repeated(
    azurite: Azurite, open_hub: OpenHub, tmp_path: Path
) -> None:
    hub = open_hub("sample", partitions=2)
    send(hub, ["fail"], key="a")
    with serve(azurite, hub, folder_with(tmp_path)) as host:
        failed = host.wait_for(lambda event: event["event"] == "host.failed")
        send(hub, ["sound"], key="a")
        host.wait_for(lambda event: event["event"] == "host.invoked" and event["function"] == "take_events")

    assert failed["error"] == "ValueError: no luck with a batch"
    assert [[event["body"] for event in batch] for batch in calls(host)] == [["fail"], ["sound"]]


def test_a_hub_that_is_not_there_is_reported_once_and_served_when_it_is(
    azurite: Azurite, open_hub: OpenHub, tmp_path: Path
) -> None:
    hub = open_hub("sample", partitions=1)
    hub.stop()
    with serve(azurite, hub, folder_with(tmp_path)) as host:
        fault = host.wait_for(lambda event: event["event"] == "host.poll_failed")
        hub.start()
        send(hub, ["late"])
        host.wait_for(is_end_of_call)

    assert fault["function"] == "take_events"
    assert len([event for event in host.seen() if event["event"] == "host.poll_failed"]) == 1


def test_limits_of_event_hubs_come_from_host_json(tmp_path: Path) -> None:
    settings = {"maxEventBatchSize": 9, "minEventBatchSize": 2, "maxWaitTime": "00:01:05", "prefetchCount": 20}

    assert read_event_hub_limits(folder_with(tmp_path, **settings)) == EventHubLimits(9, 2, 65, 20)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"maxEventBatchSize": 0}, "eventHubs.maxEventBatchSize is 0"),
        ({"minEventBatchSize": 101}, "eventHubs.minEventBatchSize is 101, more than 100"),
        ({"maxWaitTime": "15"}, "eventHubs.maxWaitTime is '15', not a time"),
        ({"maxWaitTime": 15}, "eventHubs.maxWaitTime is 15, not a time"),
    ],
)
def test_limits_of_event_hubs_that_can_not_be_used_are_a_fault(
    tmp_path: Path, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(HostError, match=fault):
        read_event_hub_limits(folder_with(tmp_path, **settings))


def test_a_function_that_takes_one_event_is_a_fault() -> None:
    binding = {"type": "eventHubTrigger", "name": "event", "eventHubName": "h", "connection": "Hub"}

    with pytest.raises(HostError, match="takes one event"):
        read_triggers([function(binding)], {})
