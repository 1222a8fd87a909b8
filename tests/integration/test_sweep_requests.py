"""What a sweep costs in storage requests, counted on the wire."""

import uuid
from datetime import UTC, datetime

from azure.storage.blob import BlobServiceClient

from flowlog_core.forwarding.listing import HOUR, hour_prefix, hours_prefix
from flowlog_core.settings import Settings
from flowlog_core.wiring import wire
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.flow_logs import document, vnet_record
from tests.support.storage_proxy import StorageProxy

RESOURCES = 3
LEVELS = 2  # the container, and `flowLogResourceID=/`


def test_a_quiet_sweep_lists_each_level_and_resource_once_and_reads_no_checkpoint(
    azurite: Azurite, hub: EventHub
) -> None:
    name = f"c{uuid.uuid4().hex}"
    with (
        StorageProxy(azurite.connection_string) as proxy,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
    ):
        settings = {
            "FlowLogStorage": proxy.connection_string,
            "AzureWebJobsStorage": proxy.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_EVENTHUB_NAME": "flowlogs",
            "FLOWLOG_CONTAINERS": name,
            "FLOWLOG_START": "all",
            "FLOWLOG_SWEEP_HOURS": "1",
            "FLOWLOG_SWEEP_GRACE_SECONDS": "0",
        }
        made = wire(Settings.read(settings))
        container = service.create_container(name)
        while True:
            hour = datetime.now(UTC).hour
            for number in range(RESOURCES):
                blob = f"flowLogResourceID=/NET{number}/{hour_prefix(datetime.now(UTC))}m=00/macAddress=01/PT1H.json"
                container.upload_blob(blob, document([vnet_record(1)]), overwrite=True)
            for _ in range(2):
                made.sweeper.sweep()  # the first one forwards, and the second one finds all complete
            proxy.reset()
            quiet = made.sweeper.sweep()
            if datetime.now(UTC).hour == hour:  # otherwise all is looked at anew
                break
        requests = dict(proxy.requests)
        made.services.sink.close()

    hours = [quiet.from_hour + number * HOUR for number in range((quiet.to_hour - quiet.from_hour) // HOUR + 1)]
    alike = len({hours_prefix(hour) for hour in hours})  # 1, or 2 soon after 00:00, 10:00 and 20:00
    assert (quiet.seen, quiet.behind, quiet.complete) == (RESOURCES, 0, True)
    assert requests == {
        ("HEAD blob", "flowlog-checkpoints"): 1,
        ("GET list", name): LEVELS + RESOURCES * alike,
        ("PUT metadata", "flowlog-checkpoints"): 1,
        ("GET blob", "flowlog-checkpoints"): 1,
        ("PUT blob", "flowlog-checkpoints"): 1,
    }
