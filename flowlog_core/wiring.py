"""The one place that wires the adapters to the ports."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from logging import WARNING
from typing import Final

from flowlog_core.adapters.credentials import blob_service
from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.adapters.large_records import LargeRecords
from flowlog_core.adapters.storage.blobs import AzureBlobSource
from flowlog_core.adapters.storage.checkpoints import AzureCheckpointStore
from flowlog_core.adapters.storage.quarantine import AzureQuarantine
from flowlog_core.forwarding.admission import AdmittedListing
from flowlog_core.forwarding.announced_batch import BatchForwarder
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions, Start, first_hour
from flowlog_core.forwarding.outcome import RunResult
from flowlog_core.forwarding.ports import Clock, Log
from flowlog_core.forwarding.stop import StopFlag
from flowlog_core.forwarding.sweep import Sweeper
from flowlog_core.forwarding.sweep_report import SweepReport
from flowlog_core.invocation_log import InvocationPool, write_lines_of
from flowlog_core.log_events import JsonLog
from flowlog_core.settings import Settings
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate

_UNKNOWN_NAMED: Final = 20  # of the names that are no setting's; all are counted
_BACKGROUND_THREADS: Final = 32  # at most; each run on a large blob uses two, a quiet one none


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


@dataclass(frozen=True, slots=True)
class Services:
    """The accounts that the settings name, as ports.

    Attributes:
        gate: Admits the blobs that the settings name.
        source: The accounts that Network Watcher writes to.
        checkpoints: Those of the destination.
        sink: The destination.
        quarantine: Where what can't be decoded goes.
        clock: The machine's.
        log: Where log events go.
        background: Where large blobs are read ahead, and their events are sent.
        stop: Ends runs early.
        large_records: Which run forms a large record.

    """

    gate: Gate
    source: AzureBlobSource
    checkpoints: AzureCheckpointStore
    sink: EventHubSink
    quarantine: AzureQuarantine
    clock: Clock
    log: Log
    background: Executor
    stop: StopFlag
    large_records: LargeRecords

    @property
    def forward_ports(self) -> ForwardPorts:
        """What forwarding works with."""
        return ForwardPorts(
            gate=self.gate,
            source=self.source,
            sink=self.sink,
            quarantine=self.quarantine,
            clock=self.clock,
            log=self.log,
            background=self.background,
            stop=self.stop,
            large_records=self.large_records,
        )

    @property
    def listing(self) -> AdmittedListing:
        """Lists the source blobs that pass the gate."""
        return AdmittedListing(self.source, self.gate, self.log)

    def first_hour(self, start: Start) -> datetime | None:
        """Give the hour before which blobs are left alone, as `forward.first_hour`; nothing is stored.

        Raises:
            CheckpointUnreadableError: What is stored as the time of the destination's first run is no time.
            StorageError: It can't be read.

        """
        return first_hour(start, lambda: self.checkpoints.began() or self.clock.now())

    def forwarder(self, options: ForwardOptions) -> Forwarder:
        """Make the use case that forwards one blob."""
        return Forwarder(self.forward_ports, self.checkpoints, options)


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the app can do, wired to the accounts that its settings name.

    Its methods are called in an invocation's own thread, and write there what is logged; see `invocation_log`.

    Attributes:
        services: The accounts that the settings name.
        forwarder: Forwards one blob.
        batch_forwarder: Forwards the blobs of many announcements.
        sweeper: Forwards what no event announced.
        at_first: Logs what is to be logged once in a process. The platform drops what is logged before an invocation.

    """

    services: Services
    forwarder: Forwarder
    batch_forwarder: BatchForwarder
    sweeper: Sweeper
    at_first: Callable[[], None]

    def forward(self, blob: SourceBlob) -> RunResult:
        """Forward a blob of which an append was announced; see `Forwarder.forward`."""
        return self._run(lambda: self.forwarder.forward(blob, announced=True))

    def forward_announced(self, message: bytes) -> None:
        """See `Forwarder.forward_announced`."""
        self._run(lambda: self.forwarder.forward_announced(message))

    def forward_announced_batch(self, messages: Sequence[bytes]) -> None:
        """See `BatchForwarder.forward_announced_batch`."""
        self._run(lambda: self.batch_forwarder.forward_announced_batch(messages))

    def sweep(self) -> SweepReport:
        """See `Sweeper.sweep`."""
        return self._run(self.sweeper.sweep)

    def _run[T](self, work: Callable[[], T]) -> T:
        def run() -> T:
            self.at_first()
            return work()

        return write_lines_of(run)

    def stop(self) -> None:
        """Let runs and sweeps end soon, with what was acknowledged committed; see `StopFlag.request`."""
        self.services.stop.request()


def connect(settings: Settings, log: Log) -> Services:
    """Make the ports of the accounts; connections are opened when first used, and kept."""
    state = blob_service(settings.state)
    return Services(
        gate=Gate(frozenset(settings.sweep.containers)),
        source=AzureBlobSource({each.account: blob_service(each) for each in settings.sources}),
        checkpoints=AzureCheckpointStore(state, settings.event_hub.destination),
        sink=EventHubSink(settings.event_hub),
        quarantine=AzureQuarantine(state),
        clock=SystemClock(),
        log=log,
        background=InvocationPool(_BACKGROUND_THREADS, thread_name_prefix="background"),
        stop=StopFlag(),
        large_records=LargeRecords(),
    )


def wire(settings: Settings) -> UseCases:
    """Wire the app's use cases."""
    services = connect(settings, JsonLog())
    forwarder = services.forwarder(settings.forward)
    batch_forwarder = BatchForwarder(
        forwarder,
        executor=InvocationPool(settings.sweep.parallel, thread_name_prefix="batch"),
        clock=services.clock,
        log=services.log,
        run_seconds=settings.forward.run_seconds,
    )
    sweeper = Sweeper(
        listing=services.listing,
        checkpoints=services.checkpoints,
        forward=forwarder.forward,
        first_hour=forwarder.first_hour,
        executor=InvocationPool(settings.sweep.parallel, thread_name_prefix="sweep"),
        clock=services.clock,
        log=services.log,
        stop=services.stop,
        options=settings.sweep,
    )
    return UseCases(services, forwarder, batch_forwarder, sweeper, _at_first(services.log, settings))


def _at_first(log: Log, settings: Settings) -> Callable[[], None]:
    """Return what logs names that are no setting's, at its first call."""
    fields = {"count": len(settings.unknown), "reasons": list(settings.unknown[:_UNKNOWN_NAMED])}
    waiting = [fields] if settings.unknown else []

    def log_once() -> None:
        with suppress(IndexError):  # a list is taken from by one thread only
            log("flowlog.setting_unknown", waiting.pop(), level=WARNING)

    return log_once
