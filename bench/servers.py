"""The product as the app wires it, on Azurite and the local hub."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from azure.storage.blob import BlobServiceClient

from bench.hub_process import HubProcess
from flowlog_core.forwarding.forwarder import Forwarder
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
        services: What it works with.
        writer: A client of the source account, for writing blobs.
        hub: The destination.

    """

    forwarder: Forwarder
    services: Services
    writer: BlobServiceClient
    hub: HubProcess


@contextmanager
def wired() -> Iterator[Wired]:
    """Start the servers and wire the product to them."""
    with ExitStack() as stack:
        azurite = stack.enter_context(Azurite())
        hub = stack.enter_context(HubProcess())
        writer = stack.enter_context(BlobServiceClient.from_connection_string(azurite.connection_string))
        made = wire(Settings.read(settings_for(azurite.connection_string, hub.connection_string)))
        stack.callback(made.services.sink.close)
        yield Wired(made.forwarder, made.services, writer, hub)
