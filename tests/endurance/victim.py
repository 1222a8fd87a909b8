"""A host of the app that is killed at a moment of one's choice: at once, or between a send and its commit."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.storage.checkpoints import CONTAINER
from flowlog_core.forwarding.checkpoint import Checkpoint
from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from tests.support.app import APP
from tests.support.storage_proxy import Request, StorageProxy, Trouble

_COMMIT: Final = "PUT metadata"
_FLOW_LOG: Final = "/PT1H.json"  # other metadata is of no blob, such as the time of the last sweep
_POLL_SECONDS: Final = 0.2


class Victim:
    """A host behind a storage proxy of its own; a context manager. A killed one is followed by another."""

    def __init__(
        self,
        azurite: Azurite,
        hub: EventHub,
        *,
        settings: Mapping[str, str],
        trouble: Callable[[], Trouble | None],
    ) -> None:
        """Prepare; nothing is started before entry.

        Args:
            azurite: The storage account.
            hub: The destination.
            settings: The app's, without connections to storage.
            trouble: Asked for each storage request what goes wrong with it.

        """
        self._hub = hub
        self._trouble = trouble
        self._stack = ExitStack()
        self._service = BlobServiceClient.from_connection_string(azurite.connection_string)
        self._proxy = StorageProxy(azurite.connection_string)
        self._host_storage = azurite.connection_string
        self._settings = settings
        self._lock = threading.Lock()
        self._armed = False
        self._died = threading.Event()

    def __enter__(self) -> Self:
        """Start the host and wait until it serves."""
        self._stack.enter_context(self._service)
        self._stack.enter_context(self._proxy)
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the host."""
        self._stack.close()

    def kill(self) -> None:
        """Kill the host at once, and start another."""
        self._host.kill()
        self._start()

    def kill_before_commit(self, *, within: float) -> bool:
        """Kill the host when it asks to commit what the hub has acknowledged, and start another.

        The commit is not passed on. Where the host does not commit in time, it is killed then.

        Args:
            within: Seconds.

        Returns:
            Whether it was killed between a send and its commit.

        """
        self._died.clear()
        with self._lock:
            self._armed = True
        met = self._died.wait(within)
        with self._lock:
            met, self._armed = met or not self._armed, False
        self._host.kill()
        self._start()
        return met

    def _start(self) -> None:
        self._proxy.trouble = lambda _: None  # the host looks once which blobs there are
        storage = self._proxy.connection_string
        settings = {
            **self._settings,
            "AzureWebJobsStorage": self._host_storage,
            "FlowLogStorage": storage,
            "FLOWLOG_STATE": "FlowLogState",
            "FlowLogState": storage,
        }
        self._host = self._stack.enter_context(
            WorkerProcess(APP, settings=settings, poll_seconds=_POLL_SECONDS, only_new=True)
        )
        self._proxy.trouble = self._meet

    def _meet(self, request: Request) -> Trouble | None:
        with self._lock:
            if self._armed and request.operation == _COMMIT and self._has_sent_more(request):
                self._host.kill()
                self._armed = False
                self._died.set()
                return Trouble.CUT_BEFORE
        return self._trouble()

    def _has_sent_more(self, commit: Request) -> bool:
        """Whether a commit goes beyond the stored checkpoint, to where an event ends that the hub has.

        The host that commits holds the blob's lease, so that no other moves either meanwhile.
        """
        if commit.container != CONTAINER or not commit.blob.endswith(_FLOW_LOG):
            return False
        stored = self._service.get_blob_client(CONTAINER, commit.blob).get_blob_properties().metadata
        end = Checkpoint.from_metadata(commit.metadata).range_end
        return end > Checkpoint.from_metadata(stored).range_end and any(
            commit.blob.endswith(f"/{event.properties['blob']}") and event.properties["rangeEnd"] == end
            for event in self._hub.events()
        )
