"""What the app does about names from outside that no setting knows: nothing but a log line, counted on the wire."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from flowlog_core.log_events import LogEvent
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.flow_logs import document, vnet_record
from tests.support.storage_proxy import StorageProxy

APP = Path(__file__).resolve().parents[2]
ACCOUNT = "devstoreaccount1"
NAME = "flowLogResourceID=/NET/y=2026/m=11/d=20/h=23/m=00/macAddress=00155D000001/PT1H.json"

CALL = """
import json, logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
import function_app
from azure.functions import EventHubEvent, QueueMessage
from flowlog_core.adapters.functions_host.blob_name import BlobName
functions = {each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()}
for function, *arguments in json.load(sys.stdin):
    if function == "forward_queued":
        functions[function](QueueMessage(body=arguments[0].encode()))
    elif function == "forward_batch":
        functions[function]([EventHubEvent(body=each.encode()) for each in arguments])
    elif function == "sweep":
        functions[function](None)
    else:
        functions[function](BlobName(*arguments))
"""


class Site:
    """The app over a storage account whose requests are counted, and a container of its own to watch."""

    def __init__(self, proxy: StorageProxy, azurite: Azurite, hub: EventHub) -> None:
        self.proxy = proxy
        self.hub = hub
        self.service = BlobServiceClient.from_connection_string(azurite.connection_string)
        self.container = f"logs-{uuid.uuid4().hex[:12]}"
        self.other = f"other-{uuid.uuid4().hex[:12]}"
        self.service.create_container(self.container)
        self.service.create_container(self.other)

    def put(self, container: str, name: str) -> None:
        self.service.get_blob_client(container, name).upload_blob(document([vnet_record(2)]))

    def checkpoints(self) -> list[str]:
        """Name the blobs that have a checkpoint."""
        container = self.service.get_container_client("flowlog-checkpoints")
        names = container.list_blob_names() if container.exists() else []
        return [name.partition(f"/{ACCOUNT}/")[2] for name in names if f"/{self.container}/" in name]

    def call(self, *calls: list[str], trigger_source: str) -> list[LogEvent]:
        """Call functions of the app, in a process of its own; return what it logged."""
        settings = {
            "AzureWebJobsStorage": self.proxy.connection_string,
            "FlowLogStorage": self.proxy.connection_string,
            "FlowLogEventHub": self.hub.connection_string,
            "FLOWLOG_CONTAINERS": self.container,
            "FLOWLOG_TRIGGER_SOURCE": trigger_source,
            "FLOWLOG_START": "all",
            "FLOWLOG_SWEEP_GRACE_SECONDS": "0",
        }
        done = subprocess.run(  # noqa: S603 # this checkout's own app
            [sys.executable, "-c", CALL],
            cwd=APP,
            env=os.environ | settings,
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            check=True,
        )
        return [event for event in map(LogEvent.read, done.stdout.splitlines()) if event is not None]


@pytest.fixture
def site(azurite: Azurite, hub: EventHub) -> Iterator[Site]:
    with StorageProxy(azurite.connection_string) as proxy:
        made = Site(proxy, azurite, hub)
        yield made
        made.service.close()


def created(account: str, container: str, name: str) -> str:
    return json.dumps(
        {
            "topic": f"/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{account}",
            "subject": f"/blobServices/default/containers/{container}/blobs/{name}",
            "eventType": "Microsoft.Storage.BlobCreated",
        }
    )


def ignored(logged: list[LogEvent]) -> list[str]:
    """Return why something was ignored; nothing else may have been logged."""
    assert {event.name for event in logged} <= {"flowlog.ignored"}
    return [str(event.fields["reason"]) for event in logged]


def foreign_messages(site: Site) -> list[str]:
    """Return messages of which each is to be ignored."""
    site.put(site.other, NAME)
    return [
        "junk",
        created(ACCOUNT, site.container, NAME).replace("BlobCreated", "BlobDeleted"),
        created("someoneelses", site.container, NAME),
        created(ACCOUNT, site.other, NAME),
        created(ACCOUNT, site.container, f"../{site.other}/{NAME}"),
        created(ACCOUNT, site.container, f"x/../{NAME}"),
    ]


def test_a_batch_of_events_reaches_no_blob_that_the_settings_do_not_name(site: Site) -> None:
    messages = foreign_messages(site)

    logged = site.call(["forward_batch", *messages], trigger_source="EventHub")

    assert len(ignored(logged)) == len(messages)
    assert site.proxy.requests.total() == 0


def test_a_queue_message_reaches_no_blob_that_the_settings_do_not_name(site: Site) -> None:
    messages = foreign_messages(site)

    logged = site.call(*(["forward_queued", message] for message in messages), trigger_source="StorageQueue")

    assert len(ignored(logged)) == len(messages)
    assert site.proxy.requests.total() == 0


def test_the_web_hook_of_a_blob_trigger_reaches_no_blob_that_the_settings_do_not_name(site: Site) -> None:
    site.put(site.other, NAME)
    function = f"forward_FlowLogStorage_{site.container}"
    calls = [
        [function, site.other, NAME],
        [function, site.container, f"../{site.other}/{NAME}"],
        [function, site.container, "notes.txt"],
    ]

    logged = site.call(*calls, trigger_source="EventGrid")

    assert ignored(logged) == [
        "its container is none of FLOWLOG_CONTAINERS",
        "its name has an empty segment, or one that is . or ..",
        "its name does not end in /PT1H.json",
    ]
    assert site.proxy.requests.total() == 0


def test_the_sweep_forwards_what_it_lists_except_for_odd_names(site: Site) -> None:
    hour = datetime.now(UTC)
    sound = f"NET/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress=00155D000001/PT1H.json"
    odd = sound.replace("macAddress=00155D000001", "")
    site.put(site.container, sound)
    site.put(site.container, odd)

    logged = site.call(["sweep"], trigger_source="Sweep")

    assert site.checkpoints() == [f"{site.container}/{sound}"]
    (sweep,) = [event.fields for event in logged if event.name == "flowlog.sweep"]
    assert (sweep["seen"], sweep["behind"], sweep["caught"]) == (1, 1, 1)
    assert [event.fields["blob"] for event in logged if event.name == "flowlog.run"] == [
        f"{ACCOUNT}/{site.container}/{sound}"
    ]
    assert {event.fields["blob"] for event in logged if event.name == "flowlog.ignored"} == {  # each time it is listed
        f"{ACCOUNT}/{site.container}/{odd}"
    }
