"""The app as deployed: its folder, its functions, and settings for a run on Azurite and the local hub."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

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


_INDEX: Final = """
import json
import function_app
functions = function_app.app.get_functions()
print(json.dumps({each.get_function_name(): each.get_trigger().get_dict_repr() for each in functions}, default=str))
"""


def functions_with(settings: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the functions that the app registers with these settings, and their triggers, of a fresh process."""
    done = subprocess.run(  # noqa: S603 # this checkout's own app
        [sys.executable, "-c", _INDEX],
        cwd=APP,
        env={**os.environ, **settings},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    functions: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return functions
