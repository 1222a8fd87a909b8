"""The one place that puts the adapters behind the ports."""

import random
import time
from datetime import UTC, datetime

from flowlog_core.adapters.blobs import AzureBlobSource
from flowlog_core.adapters.checkpoints import AzureCheckpointStore
from flowlog_core.adapters.credentials import blob_service
from flowlog_core.adapters.event_hub import EventHubSink
from flowlog_core.adapters.quarantine import AzureQuarantine
from flowlog_core.forward import Forwarder
from flowlog_core.settings import Settings
from flowlog_core.telemetry import JsonLog


class SystemClock:
    """The machine's time and chance; see `ports.Clock`."""

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `ports.Clock.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `ports.Clock.sleep`."""
        time.sleep(seconds)

    def random(self) -> float:
        """See `ports.Clock.random`."""
        return random.random()  # noqa: S311 # spreads retries; nothing is kept secret by it


def forwarder(settings: Settings) -> Forwarder:
    """Make a forwarder whose clients are opened when first used."""
    state = blob_service(settings.state)
    return Forwarder(
        source=AzureBlobSource({source.account: blob_service(source) for source in settings.sources}),
        checkpoints=AzureCheckpointStore(state, settings.event_hub.destination),
        sink=EventHubSink(settings.event_hub),
        quarantine=AzureQuarantine(state),
        clock=SystemClock(),
        log=JsonLog(),
        options=settings.forward,
    )
