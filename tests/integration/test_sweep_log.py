"""What a sweep's passes log, in the log of a host that drops lines without an invocation."""

import time
from dataclasses import replace

from azure.storage.blob import BlobServiceClient

from flowlog_core.log_events import LogEvent
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import HostEvent, WorkerProcess
from tests.support.app import APP, settings_for
from tests.support.flow_logs import VNET, document, vnet_record

FOREIGN = {"schema": "99", "offset": "1"}
"""A checkpoint that this version does not read."""


def put(service: BlobServiceClient, settings: dict[str, str], *, resource: str, records: list[bytes]) -> SourceBlob:
    """Write a blob of this hour, which no event announces."""
    name = time.strftime(
        f"flowLogResourceID=/{resource}/y=%Y/m=%m/d=%d/h=%H/m=00/macAddress=00155D123456/PT1H.json", time.gmtime()
    )
    (source,) = Settings.read(settings).sources
    blob = replace(VNET, account=source.account, name=name)
    service.get_blob_client(blob.container, blob.name).upload_blob(document(records))
    return blob


def put_checkpoint(
    service: BlobServiceClient, settings: dict[str, str], blob: SourceBlob, metadata: dict[str, str]
) -> None:
    container = service.create_container("flowlog-checkpoints")
    name = CheckpointNames(Settings.read(settings).event_hub.destination).of(blob)
    container.upload_blob(name, b"", metadata=metadata)


def sweep(settings: dict[str, str]) -> list[HostEvent]:
    """Let a fresh host sweep once, and return all that it reported."""
    with WorkerProcess(APP, settings=settings, only_new=True) as host:
        host.fire_timer("sweep")
        host.wait_for(lambda event: event.get("function") == "sweep", timeout=60)
        assert host.stop() == 0
        return list(host.events())


def test_every_line_of_a_swept_blob_arrives_with_the_sweeps_invocation(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="Sweep")
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.create_container(VNET.container)
        sound = put(service, settings, resource="sound", records=[vnet_record(3)])
        unknown = vnet_record(2).replace(b'"flowLogVersion":4', b'"flowLogVersion":5')
        broken = put(service, settings, resource="broken", records=[vnet_record(3), unknown])
        failing = put(service, settings, resource="failing", records=[vnet_record(3)])
        put_checkpoint(service, settings, failing, FOREIGN)

    events = sweep(settings)

    (invocation,) = [event["invocation"] for event in events if event.get("function") == "sweep"]
    logged = [event for event in events if event["event"] == "log"]
    lines = [line for event in logged if (line := LogEvent.read(event["message"])) is not None]
    assert {event["invocation"] for event in logged} == {invocation}
    assert {(line.name, line.fields["blob"]) for line in lines if "blob" in line.fields} == {
        ("flowlog.run", sound.path),
        ("flowlog.quarantined", broken.path),
        ("flowlog.run", broken.path),
        ("flowlog.run", failing.path),
        ("flowlog.fault", failing.path),
    }
    (summary,) = [line.fields for line in lines if line.name == "flowlog.sweep"]
    assert (summary["behind"], summary["caught"], summary["failed"]) == (3, 2, 1)


def test_a_setting_that_is_unknown_is_one_warning_with_the_first_invocation(storage: Azurite, hub: EventHub) -> None:
    settings = settings_for(storage, hub, FLOWLOG_TRIGGER_SOURCE="Sweep", FLOWLOG_SWEEP_HOUR="5")

    with WorkerProcess(APP, settings=settings, only_new=True) as host:
        for number in (1, 2):
            host.fire_timer("sweep")
            host.wait_for(lambda event: event.get("function") == "sweep", count=number, timeout=60)
        assert host.stop() == 0
        events = list(host.events())

    logged = [event for event in events if event["event"] == "log"]
    lines = [(event, line) for event in logged if (line := LogEvent.read(event["message"])) is not None]
    ((event, warning),) = [each for each in lines if each[1].name == "flowlog.setting_unknown"]
    first = next(each["invocation"] for each in events if each.get("function") == "sweep")
    assert (event["level"], event["invocation"]) == ("WARNING", first)
    assert warning.fields == {
        "count": 1,
        "reasons": ["FLOWLOG_SWEEP_HOUR is not known; the nearest setting is FLOWLOG_SWEEP_HOURS"],
    }
