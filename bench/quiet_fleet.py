"""Quiet interfaces, ten in each flow log, whose blobs of this hour all have the same content."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bench.inputs import DIVERSE, HOUR, QUIET_FLOWS, SEED, VNET, interface_of
from bench.servers import Wired
from flowlog_core.adapters.storage.checkpoints import CONTAINER
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.listing import hour_prefix
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.network_watcher.block_blob import BlockBlob
from local.network_watcher.records import Recorder

_OF_A_LOG: Final = 10  # interfaces of one flow log
_WRITERS: Final = 4


class QuietFleet:
    """Interfaces that face the internet, as many as one likes.

    Attributes:
        blobs: One of each interface.
        flows: So many are in what was appended last to each of them.

    """

    def __init__(self, product: Wired, interfaces: int) -> None:
        """Make their container in the product's source account; no blob is written yet."""
        interface = interface_of(VNET)
        account, container = str(product.writer.account_name), interface.log.container
        hour = hour_prefix(datetime.now(UTC))
        self.blobs = [SourceBlob(account, container, _name(number, hour)) for number in range(interfaces)]
        self.flows = 0
        self._recorder, self._blocks = Recorder(interface, HOUR, QUIET_FLOWS, SEED, DIVERSE), BlockBlob()
        self._data = bytearray()
        self._product = product
        self._container = product.writer.get_container_client(container)
        self._container.create_container()

    def append(self) -> dict[SourceBlob, str]:
        """Append a minute to each blob; return their ETags."""
        records = self._recorder.minute()
        append = self._blocks.append([record.text for record in records])
        self.flows = sum(record.flows for record in records)
        self._data[append.start :] = append.tail
        data = bytes(self._data)

        def write(blob: SourceBlob) -> str:
            return str(self._container.get_blob_client(blob.name).upload_blob(data, overwrite=True)["etag"])

        with ThreadPoolExecutor(_WRITERS) as writers:
            return dict(zip(self.blobs, writers.map(write, self.blobs), strict=True))

    def set_complete(self, etags: dict[SourceBlob, str]) -> None:
        """Forward one blob, and write checkpoints for the others as if they had been forwarded with it."""
        self._product.forwarder.forward(self.blobs[0])
        names = CheckpointNames(self._product.destination)
        stored = self._product.writer.get_container_client(CONTAINER)
        first = stored.get_blob_client(names.of(self.blobs[0])).get_blob_properties()
        checkpoint = Checkpoint.from_metadata(first.metadata)

        def write(blob: SourceBlob) -> None:
            metadata = replace(checkpoint, etag=etags[blob]).to_metadata()
            stored.upload_blob(names.of(blob), b"", metadata=metadata)

        with ThreadPoolExecutor(_WRITERS) as writers:
            list(writers.map(write, self.blobs[1:]))


def _name(number: int, hour: str) -> str:
    log = f"0_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_NET{number // _OF_A_LOG}-FLOWLOG"
    return f"flowLogResourceID=/{log}/{hour}m=00/macAddress={number:012X}/PT1H.json"
