"""Admission: what the gate refuses is left out of listings, and logged."""

import logging
from collections.abc import Iterator

from flowlog_core.forwarding.ports import BlobListing, ListedBlob, Log
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate, outside_text


class AdmittedListing:
    """A listing of the blobs that pass the gate; see `ports.BlobListing`."""

    def __init__(self, listing: BlobListing, gate: Gate, log: Log) -> None:
        """Take a listing of everything; a flow log that does not pass is logged each time that it is listed."""
        self.prefixes = listing.prefixes
        self._listing = listing
        self._gate = gate
        self._log = log

    def blobs(self, account: str, container: str, under: str) -> Iterator[ListedBlob]:
        """See `ports.BlobListing.blobs`; other blobs than flow logs may be in a container, and are no fault."""
        for each in self._listing.blobs(account, container, under):
            refusal = self._gate.refusal(each.blob)
            if refusal is None:
                yield each
            elif each.blob.is_flow_log:
                log_ignored(self._log, refusal, each.blob)


def log_ignored(log: Log, reason: str, blob: SourceBlob | None = None) -> None:
    """Log what is dropped because it does not pass the gate, or announces nothing."""
    named = {} if blob is None else {"blob": outside_text(blob.path)}
    log("flowlog.ignored", {"reason": reason} | named, level=logging.WARNING)
