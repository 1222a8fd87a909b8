"""A site as an operator has it: storage and a hub, the app's settings, flow logs, and the command line."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from flowlog_core.cli import main
from flowlog_core.log_events import JsonLog
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.wiring import Services, connect
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.flow_logs import document, vnet_record

ACCOUNT = "devstoreaccount1"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


class Site:
    """Its containers and its hub are its own, so that sites can share a storage account."""

    def __init__(
        self, azurite: Azurite, hub: EventHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.hub = hub
        self.container = f"logs-{uuid.uuid4().hex[:12]}"
        self.service = BlobServiceClient.from_connection_string(azurite.connection_string)
        self.service.create_container(self.container)
        self.settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "FlowLogStorage": azurite.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_EVENTHUB_NAME": hub.name,
            "FLOWLOG_CONTAINERS": self.container,
            "FLOWLOG_START": "all",
        }
        for name, value in self.settings.items():
            monkeypatch.setenv(name, value)
        self._capsys = capsys
        self._services: list[Services] = []
        # Not the hour under way, so that a test that runs across its end sees the same as any other.
        self.hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR

    def run(self, *arguments: str) -> Ran:
        """Run a command in this process, as its script would."""
        self._capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as error:  # argparse's own
            status = int(error.code or 0)
        written = self._capsys.readouterr()
        return Ran(status, written.out, written.err)

    def blob(self, *, mac: str = "00155D000001", hours_ago: int = 0, resource: str = "NET") -> SourceBlob:
        """Name a blob of `hour`, or of an hour before it."""
        hour = self.hour - hours_ago * HOUR
        name = f"flowLogResourceID=/{resource}/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={mac}/PT1H.json"
        return SourceBlob(ACCOUNT, self.container, name)

    def put(self, blob: SourceBlob, records: Sequence[bytes] | int = 3) -> bytes:
        """Write a blob, of these records or of so many with two flows each; give its bytes."""
        if isinstance(records, int):
            records = [vnet_record(2, number=number) for number in range(records)]
        data = document(list(records))
        self.service.get_blob_client(blob.container, blob.name).upload_blob(data, overwrite=True)
        return data

    def services(self, **settings: str) -> Services:
        """Connect as the app does, with these settings beside the site's own."""
        made = connect(self.read_settings(settings), JsonLog())
        self._services.append(made)
        return made

    def forward(self, *blobs: SourceBlob, **settings: str) -> None:
        """Forward blobs as the app does."""
        forwarder = self.services(**settings).forwarder(self.read_settings(settings).forward)
        for blob in blobs:
            forwarder.forward(blob)

    def read_settings(self, more: Mapping[str, str]) -> Settings:
        """Read the site's settings and these."""
        return Settings.read({**self.settings, **more})

    def close(self) -> None:
        """Close the connections."""
        for services in self._services:
            services.sink.close()
        self.service.close()
