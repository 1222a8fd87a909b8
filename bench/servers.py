"""The product as the app wires it, on Azurite and the local hub."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from azure.storage.blob import BlobServiceClient

from bench.hub_process import HubProcess
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.settings import Settings
from flowlog_core.wiring import Services, wire
from local.azurite import Azurite


def settings_for(storage: str, hub: str, **more: str) -> dict[str, str]:
    """Give the app's settings, by connection strings of storage and hub."""
    return {
        "AzureWebJobsStorage": storage,
        "FlowLogStorage": storage,
        "FlowLogEventHub": hub,
        "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
        "FLOWLOG_START": "all",
    } | more


@dataclass(frozen=True, slots=True)
class Wired:
    """The product in this process.

    Attributes:
        forwarder: Forwards one blob.
        sweeper: Sweeps the containers.
        services: What they work with.
        destination: The name of the destination.
        writer: A client of the source account, for writing blobs.
        hub: The destination.
        settings: The app's.

    """

    forwarder: Forwarder
    sweeper: Sweeper
    services: Services
    destination: str
    writer: BlobServiceClient
    hub: HubProcess
    settings: Settings

    @contextmanager
    def restarted(self) -> Iterator["Wired"]:
        """Wire the product once more, as another process does."""
        made = wire(self.settings)
        try:
            yield replace(self, forwarder=made.forwarder, sweeper=made.sweeper, services=made.services)
        finally:
            made.services.sink.close()


@contextmanager
def wired(**more: str) -> Iterator[Wired]:
    """Start the servers and wire the product to them, with further settings."""
    with ExitStack() as stack:
        azurite = stack.enter_context(Azurite())
        hub = stack.enter_context(HubProcess())
        writer = stack.enter_context(BlobServiceClient.from_connection_string(azurite.connection_string))
        settings = Settings.read(settings_for(azurite.connection_string, hub.connection_string, **more))
        made = wire(settings)
        stack.callback(made.services.sink.close)
        destination = settings.event_hub.destination
        yield Wired(made.forwarder, made.sweeper, made.services, destination, writer, hub, settings)
