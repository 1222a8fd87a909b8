"""The Functions app: registers the triggers and wires the adapters; no logic of its own."""

import os
from functools import cache

import azure.functions as func
from azurefunctions.extensions.bindings import blob

from flowlog_core.adapters.wiring import forwarder
from flowlog_core.blob import SourceBlob
from flowlog_core.forward import Forwarder
from flowlog_core.settings import Settings

_BLOB_SOURCES = {
    "EventGrid": func.BlobSource.EVENT_GRID,
    "LogsAndContainerScan": func.BlobSource.LOGS_AND_CONTAINER_SCAN,
}

settings = Settings.read(os.environ)
app = func.FunctionApp()


@cache
def process_forwarder() -> Forwarder:
    """Give the forwarder whose clients live as long as the process."""
    return forwarder(settings)


def register(account: str, connection: str, container: str) -> None:
    """Register the function that forwards the blobs of one container."""

    @app.function_name(f"forward_{connection}_{container}")
    @app.blob_trigger(
        arg_name="client",
        path=f"{container}/{{name}}",
        connection=connection,
        source=_BLOB_SOURCES[settings.trigger_source],
    )
    def forward(client: blob.BlobClient) -> None:
        # Only the names are taken from the client: it is made anew for each call, credential and TLS session included.
        process_forwarder().forward(SourceBlob(account, client.container_name, client.blob_name))


for source in settings.sources:
    for container in settings.containers:
        register(source.account, source.name, container)
