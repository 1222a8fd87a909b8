"""From the flows of one snapshot to ranges of events, which wait to be sent."""

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.events.packer import Packer
from flowlog_core.forwarding.delivery import Delivery
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.progress import Progress
from flowlog_core.source.blob import SourceBlob


class Packing:
    """Packs the flows of one snapshot for its delivery. The packer is made for the first record.

    It takes a connection to the hub, which a pass without a record does not need.
    """

    def __init__(self, blob: SourceBlob, options: ForwardOptions, progress: Progress, delivery: Delivery) -> None:
        """Begin where the last range of the progress ended."""
        self._blob = blob
        self._options = options
        self._progress = progress
        self._delivery = delivery
        self._packer: Packer | None = None

    def max_flow_bytes(self) -> int:
        """Return the length of the longest flow that fits an event; the errors are those of `Delivery.drain`."""
        return self._open().max_flow_bytes

    def add(self, end: int, encoded: EncodedRecord) -> None:
        """Pack the flows of a record that ends at `end`."""
        for packed in self._open().add(end, encoded, self._progress.pending):
            self._delivery.enqueue(packed)

    def flush(self) -> None:
        """Close the range that is open, if any."""
        if self._packer is not None:
            for packed in self._packer.flush():
                self._delivery.enqueue(packed)

    def _open(self) -> Packer:
        if self._packer is None:
            self._packer = Packer(
                self._blob,
                self._options.events,
                max_event_bytes=self._delivery.max_event_bytes(),
                generation=self._progress.reached.generation,
                range_start=self._progress.range_start,
                replay=self._options.replay,
            )
        return self._packer
