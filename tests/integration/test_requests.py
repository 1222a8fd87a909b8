"""What a run costs in storage requests and bytes, counted on the wire."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.wiring import UseCases, wire
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.storage_proxy import StorageProxy

MINUTES = 60
TUPLES = 270  # a minute's record of 16 KiB and more


@dataclass
class Counted:
    """A forwarder whose storage requests all go through the proxy."""

    proxy: StorageProxy
    forwarder: Forwarder
    hub: EventHub
    service: BlobServiceClient
    blob: SourceBlob

    def write(self, data: bytes) -> None:
        self.service.get_blob_client(self.blob.container, self.blob.name).upload_blob(data, overwrite=True)


def environment(storage: str, hub: EventHub) -> dict[str, str]:
    return {
        "FlowLogStorage": storage,
        "AzureWebJobsStorage": storage,
        "FlowLogEventHub": hub.connection_string,
        "FLOWLOG_EVENTHUB_NAME": "flowlogs",
        "FLOWLOG_START": "all",
    }


@contextmanager
def another(counted: Counted) -> Iterator[UseCases]:
    """Give the use cases of another process."""
    made = wire(Settings.read(environment(counted.proxy.connection_string, counted.hub)))
    try:
        yield made
    finally:
        made.services.sink.close()


@pytest.fixture
def counted(azurite: Azurite, hub: EventHub) -> Iterator[Counted]:
    with StorageProxy(azurite.connection_string) as proxy:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        made = wire(Settings.read(environment(proxy.connection_string, hub)))
        with suppress(ResourceExistsError):
            service.create_container(VNET.container)
        name = VNET.name.replace("/0_NETWORKWATCHERRG", f"/{uuid.uuid4()}_NETWORKWATCHERRG")
        yield Counted(proxy, made.forwarder, hub, service, SourceBlob("devstoreaccount1", VNET.container, name))
        service.close()
        made.services.sink.close()


def test_over_an_hour_of_appends_at_most_five_percent_more_than_the_appended_bytes_are_read(counted: Counted) -> None:
    records = [vnet_record(TUPLES, number=number) for number in range(MINUTES)]
    assert min(map(len, records)) >= 16 * 1024

    for count in range(1, MINUTES + 1):
        counted.write(document(records[:count]))
        assert len(counted.forwarder.forward(counted.blob).passes) == 1

    appended = len(document(records))
    read = counted.proxy.body_bytes["GET blob", counted.blob.container]
    assert sum(event.properties["flows"] for event in counted.hub.events()) == TUPLES * MINUTES  # type: ignore[misc]  # a long
    assert appended <= read <= 1.05 * appended


def test_a_quiet_append_costs_one_read_and_three_cheap_requests(counted: Counted) -> None:
    counted.write(document([vnet_record(5)]))
    counted.forwarder.forward(counted.blob)
    counted.write(document([vnet_record(5), vnet_record(5, number=1)]))
    counted.proxy.reset()

    (report,) = counted.forwarder.forward(counted.blob).passes

    assert counted.proxy.requests == {
        ("PUT lease acquire", "flowlog-checkpoints"): 1,
        ("GET blob", counted.blob.container): 1,
        ("PUT metadata", "flowlog-checkpoints"): 1,
        ("PUT lease release", "flowlog-checkpoints"): 1,
    }
    assert report.requests == counted.proxy.requests.total() == 4


def test_a_checkpoint_that_another_process_committed_is_read_again(counted: Counted) -> None:
    counted.write(document([vnet_record(5)]))
    counted.forwarder.forward(counted.blob)
    counted.write(document([vnet_record(5), vnet_record(5, number=1)]))
    with another(counted) as other:
        other.forwarder.forward(counted.blob)
    counted.write(document([vnet_record(5, number=number) for number in range(3)]))
    counted.proxy.reset()

    (report,) = counted.forwarder.forward(counted.blob).passes

    assert report.flows == 5
    assert counted.proxy.requests["HEAD blob", "flowlog-checkpoints"] == 1
    assert report.requests == 5


def test_a_checkpoint_that_was_listed_is_not_read_again(counted: Counted) -> None:
    counted.write(document([vnet_record(5)]))
    counted.forwarder.forward(counted.blob)
    counted.write(document([vnet_record(5), vnet_record(5, number=1)]))
    with another(counted) as other:
        assert other.services.checkpoints.find([counted.blob], "").keys() == {counted.blob}
        counted.proxy.reset()
        (report,) = other.forwarder.forward(counted.blob).passes

    assert (report.flows, report.requests) == (5, 4)
    assert counted.proxy.requests["HEAD blob", "flowlog-checkpoints"] == 0


def test_the_first_run_on_a_blob_costs_four_more(counted: Counted) -> None:
    counted.write(document([vnet_record(5)]))
    counted.forwarder.forward(counted.blob)  # makes the container
    other = replace(counted.blob, name=counted.blob.name.replace("h=23", "h=22"))
    counted.service.get_blob_client(other.container, other.name).upload_blob(document([vnet_record(5)]))
    counted.proxy.reset()

    (report,) = counted.forwarder.forward(other).passes

    assert report.requests == counted.proxy.requests.total() == 8
    assert counted.proxy.requests["PUT blob", "flowlog-checkpoints"] == 1


def test_a_blob_that_was_never_seen_costs_three_requests_and_leaves_nothing_behind(counted: Counted) -> None:
    counted.write(document([vnet_record(5)]))
    counted.forwarder.forward(counted.blob)  # makes the container
    counted.proxy.reset()

    (report,) = counted.forwarder.forward(replace(counted.blob, name=f"never/{counted.blob.name}")).passes

    assert counted.proxy.requests == {
        ("PUT lease acquire", "flowlog-checkpoints"): 1,
        ("HEAD blob", counted.blob.container): 2,  # before the checkpoint would be made, and after the pass
    }
    assert report.requests == 3
