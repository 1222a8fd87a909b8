"""The app's log, as the local run follows it: what its passes did, and what a person must not miss."""

import json
import threading

from flowlog_core.cli.output.flow_display import Display
from flowlog_core.log_events import LogEvent
from local.comparison import Comparison
from local.functions_host.process import HostEvent, WorkerProcess


class AppLog:
    """Follows the events of the app's host on a thread of its own, until the host has ended.

    Attributes:
        bytes_read: Bytes of source blobs that the app's passes read.
        records: Records that they forwarded.

    """

    def __init__(self, worker: WorkerProcess, comparison: Comparison, display: Display) -> None:
        """Start to follow a host that has been started."""
        self.bytes_read = 0
        self.records = 0
        self._worker = worker
        self._comparison = comparison
        self._display = display
        self._thread = threading.Thread(target=self._follow, name="app log", daemon=True)
        self._thread.start()

    def wait_for_end(self) -> None:
        """Wait until all that the host reported has been read."""
        self._thread.join()

    def _follow(self) -> None:
        for event in self._worker.events():
            if event["event"] in {"host.failed", "host.poison", "host.scan_failed"}:
                self._display.note(json.dumps(event))
            elif event["event"] == "log":
                self._take(event)

    def _take(self, line: HostEvent) -> None:
        logged = LogEvent.read(line["message"])
        if logged is None:
            if line["level"] in {"ERROR", "CRITICAL"}:
                self._display.note(line["message"])
        elif logged.name == "flowlog.run":
            self.bytes_read += logged.fields["bytes"]
            self.records += logged.fields["records"]
            self._comparison.put_in_quarantine(logged.fields["quarantined"])
        elif line["level"] in {"WARNING", "ERROR"} and logged.name != "flowlog.quarantined":
            self._display.note(line["message"])
