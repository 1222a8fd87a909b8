"""The app as deployed: its folder, and settings for a run on Azurite and the local hub."""

from pathlib import Path
from typing import Final

from local.azurite import Azurite
from local.event_hub.server import EventHub

APP: Final = Path(__file__).resolve().parents[2]


def settings_for(storage: Azurite, hub: EventHub, **more: str) -> dict[str, str]:
    """Return the app's settings; `more` replaces and adds."""
    return {
        "AzureWebJobsStorage": storage.connection_string,
        "FlowLogStorage": storage.connection_string,
        "FlowLogEventHub": hub.connection_string,
        "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
        "FLOWLOG_START": "all",
    } | more
