"""SIGTERM to the worker in mid-run: what was acknowledged is committed, the lease is free, nothing comes twice."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from flowlog_core.adapters.storage.checkpoints import CONTAINER
from flowlog_core.log_events import LogEvent
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import HostEvent, WorkerProcess
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.writer import Backlog, write_backlog
from tests.support.app import APP, settings_for
from tests.support.app_log import log_event, log_events_of
from tests.support.storage_proxy import Request, StorageProxy

BACKLOG_BYTES = 12 * 1024 * 1024  # several chunks, after each of which the app commits


@pytest.fixture
def backlog(storage: Azurite) -> Backlog:
    """A blob that the app commits several times."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        minute = int(time.time() / 60) - 30
        return write_backlog(StorageAccount(service), fleet(1, "sigterm")[0], minute, BACKLOG_BYTES, "sigterm")


def assert_lease_is_free(storage: Azurite) -> None:
    """Take the lease of the only flow log's checkpoint, and release it."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        container = service.get_container_client(CONTAINER)
        (name,) = (name for name in container.list_blob_names() if name.endswith("PT1H.json"))
        lease = BlobLeaseClient(container.get_blob_client(name))
        try:
            lease.acquire(15)
        except ResourceExistsError:
            pytest.fail("the lease is still held")
        lease.release()


def completes(reported: HostEvent) -> bool:
    """Whether a run is reported that forwarded something to the end."""
    event = log_event(reported)
    return (
        event is not None and event.name == "flowlog.run" and bool(event.fields["complete"] and event.fields["flows"])
    )


def runs_of(worker: WorkerProcess) -> list[LogEvent]:
    return [event for event in log_events_of(worker) if event.name == "flowlog.run"]


@contextmanager
def serve(settings: Mapping[str, str], function: str) -> Iterator[WorkerProcess]:
    with WorkerProcess(APP, settings=settings, poll_seconds=0.1) as worker:
        if function == "sweep":
            worker.fire_timer("sweep")
        yield worker


@pytest.mark.parametrize("function", ["forward", "sweep"])
def test_sigterm_ends_a_run_with_its_lease_free_and_the_next_one_goes_on_from_there(
    storage: Azurite, hub: EventHub, backlog: Backlog, function: str
) -> None:
    settings = settings_for(storage, hub, FLOWLOG_SWEEP_HOURS="168", FLOWLOG_SWEEP_GRACE_SECONDS="0")
    if function == "sweep":
        settings["FLOWLOG_TRIGGER_SOURCE"] = "Sweep"

    with StorageProxy(storage.connection_string) as proxy:
        signals: list[int] = []

        def end_at_a_commit(request: Request) -> None:
            if request.operation == "PUT metadata" and request.blob.endswith("PT1H.json") and not signals:
                signals.append(signal.SIGTERM)
                os.kill(worker.pid, signal.SIGTERM)

        state = {"FLOWLOG_STATE": "State", "State": proxy.connection_string}
        with serve(settings | state, function) as worker:
            proxy.trouble = end_at_a_commit
            ended = worker.wait_for(lambda event: event["event"] == "host.stopped", timeout=30)
            (stopped,) = runs_of(worker)
    assert_lease_is_free(storage)
    with serve(settings, function) as again:
        event = log_event(again.wait_for(completes))  # the blob's announcement and a sweep may meet

    assert event is not None
    assert ended["abandoned"] == 0
    assert stopped.fields["outcome"] == "stopped"
    assert event.fields["from"] == stopped.fields["to"] > 0
    assert stopped.fields["flows"] + event.fields["flows"] == backlog.flows
    assert hub.counters().events == stopped.fields["events"] + event.fields["events"]
