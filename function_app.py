"""The Functions app: registers the triggers and wires the adapters; no logic of its own."""

import os
from typing import List  # noqa: UP035 # the worker refuses the built-in type for a parameter of several events

import azure.functions as func

from flowlog_core.adapters.functions_host.blob_name import BlobName
from flowlog_core.adapters.functions_host.worker import restart_thread_pool, stop_at_sigterm
from flowlog_core.settings import Settings
from flowlog_core.settings.table import EVENT_HUB
from flowlog_core.source.blob import SourceBlob
from flowlog_core.wiring import wire

BLOB_SOURCES = {
    "EventGrid": func.BlobSource.EVENT_GRID,
    "LogsAndContainerScan": func.BlobSource.LOGS_AND_CONTAINER_SCAN,
}
QUEUE = "flowlog-events"
CONSUMER_GROUP = "forwarder"

restart_thread_pool()
settings = Settings.read(os.environ)
use_cases = wire(settings)
stop_at_sigterm(use_cases.stop)
app = func.FunctionApp()


def register_blob_trigger(account: str, connection: str, container: str, source: func.BlobSource) -> None:
    """Register the function that forwards the blobs of one container."""

    @app.function_name(f"forward_{connection}_{container}")
    @app.blob_trigger(arg_name="blob", path=f"{container}/{{name}}", connection=connection, source=source)
    def forward(blob: BlobName) -> None:
        use_cases.forward(SourceBlob(account, blob.container, blob.name))


def register_queue_trigger() -> None:
    """Register the function that forwards the blobs that Event Grid announces in a storage queue."""

    @app.function_name("forward_queued")
    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def forward_queued(message: func.QueueMessage) -> None:
        use_cases.forward_announced(message.get_body())


def register_event_hub_trigger() -> None:
    """Register the function that forwards the blobs that Event Grid announces in an event hub, many at once."""

    @app.function_name("forward_batch")
    @app.event_hub_message_trigger(
        arg_name="events",
        event_hub_name=settings.announcement_hub,
        connection=EVENT_HUB,
        consumer_group=CONSUMER_GROUP,
        cardinality=func.Cardinality.MANY,
    )
    def forward_batch(events: List[func.EventHubEvent]) -> None:  # noqa: UP006 # as above
        use_cases.forward_announced_batch([event.get_body() for event in events])


if settings.trigger_source == "StorageQueue":
    register_queue_trigger()
elif settings.trigger_source == "EventHub":
    register_event_hub_trigger()
elif settings.trigger_source in BLOB_SOURCES:
    for connection in settings.sources:
        for name in settings.containers:
            register_blob_trigger(connection.account, connection.name, name, BLOB_SOURCES[settings.trigger_source])


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule=settings.sweep_schedule)
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 # the binding looks for its name
    """Forward what no event announced."""
    use_cases.sweep()
