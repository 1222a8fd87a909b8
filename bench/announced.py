"""Appends that are announced at once, as an event hub delivers them, beside the same with a run for each."""

import gc
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Final

from bench.inputs import VNET, Sizes
from bench.measure import BenchError, Sample, Tell
from bench.quiet_fleet import QuietFleet
from bench.row import Row, value_row
from bench.servers import Wired, wired
from flowlog_core.forwarding.announced_batch import BatchForwarder
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.invocation_log import InvocationPool
from flowlog_core.source.blob import SourceBlob

SECTION: Final = "announced"

_EACH: Final = "a run each"
_BATCH: Final = "one batch"


@dataclass(slots=True)
class _Passes:
    """A log that counts what passes report.

    Attributes:
        flows: Acknowledged.
        requests: To storage.

    """

    flows: int = 0
    requests: int = 0

    def __call__(self, event: str, fields: Mapping[str, object], *, level: int = logging.INFO) -> None:  # noqa: ARG002 # see `ports.Log`
        if event == "flowlog.run":
            self.flows += int(str(fields["flows"]))
            self.requests += int(str(fields["requests"]))


@dataclass(slots=True)
class _Costs:
    """What an append cost in each round: milliseconds by both clocks, and storage requests."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def rows(self, figure: str) -> list[Row]:
        name, requests = f"{figure}, an append", Sample(tuple(self.requests))
        return [
            value_row(SECTION, VNET, name, Sample(tuple(self.processor)), "ms", clock="processor"),
            value_row(SECTION, VNET, name, Sample(tuple(self.wall)), "ms", clock="wall"),
            value_row(SECTION, VNET, f"{figure}, storage requests an append", requests, "requests"),
        ]


class _Announced:
    """Interfaces that all append, and the two ways to forward that."""

    def __init__(self, product: Wired, appends: int, executor: Executor) -> None:
        self._fleet = QuietFleet(product, appends)
        self._passes = _Passes()
        ports = replace(product.services.forward_ports, log=self._passes)
        self._forwarder = Forwarder(ports, product.services.checkpoints, ForwardOptions(start="all"))
        self._batches = BatchForwarder(
            self._forwarder,
            executor=executor,
            clock=ports.clock,
            log=self._passes,
            run_seconds=product.settings.forward.run_seconds,
        )
        self._messages = [_announce(blob) for blob in self._fleet.blobs]

    def forward_each(self) -> None:
        """Forward one append after another."""
        for message in self._messages:
            self._forwarder.forward_announced(message)

    def forward_batch(self) -> None:
        """Forward all appends in one invocation."""
        self._batches.forward_announced_batch(self._messages)

    def measure(self, forward: Callable[[], None], costs: _Costs) -> None:
        """Append to each blob, and forward that.

        Raises:
            BenchError: Flows are missing.

        """
        self._fleet.append()
        flows, requests, appends = self._passes.flows, self._passes.requests, len(self._messages)
        gc.collect()
        wall, processor = time.perf_counter(), time.process_time()
        forward()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        if self._passes.flows - flows != appends * self._fleet.flows:
            raise BenchError(f"announced: of {appends * self._fleet.flows:,} flows {self._passes.flows - flows:,} came")
        costs.processor.append(1000 * processor / appends)
        costs.wall.append(1000 * wall / appends)
        costs.requests.append((self._passes.requests - requests) / appends)


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Forward appends in both ways, in turns."""
    each, batch = _Costs(), _Costs()
    with wired() as product, InvocationPool(product.settings.sweep.parallel, thread_name_prefix="batch") as executor:
        announced = _Announced(product, sizes.batch, executor)
        announced.measure(announced.forward_batch, _Costs())  # each blob's first run, which isn't counted
        for number in range(sizes.repeats):
            tell(f"round {number + 1} of {sizes.repeats}")
            announced.measure(announced.forward_each, each)
            announced.measure(announced.forward_batch, batch)
    share = Sample(tuple(batch.processor)).over(Sample(tuple(each.processor))).times(100)
    return [
        Row(SECTION, VNET, "appends at once", sizes.batch, "appends"),
        *each.rows(_EACH),
        *batch.rows(_BATCH),
        value_row(SECTION, VNET, "one batch, of a run each", share, "%", clock="processor"),
    ]


def _announce(blob: SourceBlob) -> bytes:
    """Announce an append, as Event Grid does."""
    event = {
        "topic": f"/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{blob.account}",
        "subject": f"/blobServices/default/containers/{blob.container}/blobs/{blob.name}",
        "eventType": "Microsoft.Storage.BlobCreated",
    }
    return json.dumps([event]).encode()
