"""The app in a worker that was warm before it had the app's settings, as on Flex Consumption."""

import json
import os
import subprocess
import sys
from typing import Any

from flowlog_core.log_events import LogEvent
from tests.support.app import APP

PROGRAM = """
import asyncio, json, logging, os, sys, threading
import azure_functions_runtime as runtime
from local.functions_host.triggers import read_triggers
from local.functions_host.worker import Arguments, ModelBindingData, ParameterBinding, TypedData, invoke, load_app
from tests.support.app import APP

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
sys.path.insert(0, str(APP))


async def main(settings, reference):
    triggers = {each.function: each for each in read_triggers(await load_app(APP, os.environ | settings), os.environ)}
    together = threading.Barrier(16)
    waiting = [runtime.get_threadpool_executor().submit(together.wait, 10) for _ in range(16)]
    print(json.dumps({"at once": sum(each.exception() is None for each in waiting)}))
    trigger = triggers["forward_Logs_" + reference["ContainerName"]]
    data = ModelBindingData("1.0", "AzureStorageBlobs", "application/json", json.dumps(reference).encode())
    arguments = Arguments(ParameterBinding(trigger.parameter, TypedData(model_binding_data=data)), {})
    print(json.dumps({"error": await invoke("1", trigger.function_id, arguments)}))


asyncio.run(main(*json.load(sys.stdin)))
"""
CONTAINER = "insights-logs-flowlogflowevent"
SETTINGS = {
    "FLOWLOG_SOURCES": "Logs",
    "Logs__accountName": "logs",
    "FLOWLOG_STATE": "State",
    "State__accountName": "state",
    "FlowLogEventHub__fullyQualifiedNamespace": "hub.servicebus.windows.net",
    "PYTHON_THREADPOOL_THREAD_COUNT": "16",
}


def call(name: str) -> tuple[dict[str, Any], list[LogEvent]]:
    """Load the app and call its blob function; return what the program says, and the app's log events."""
    reference = {"Connection": "Logs", "ContainerName": CONTAINER, "BlobName": name}
    done = subprocess.run(  # noqa: S603 # this checkout's own app
        [sys.executable, "-c", PROGRAM],
        cwd=APP,
        env=os.environ.copy(),
        input=json.dumps([SETTINGS, reference]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    logged = [event for event in map(LogEvent.read, lines) if event is not None]
    said: dict[str, Any] = {}
    for line in lines:
        if line.startswith(('{"at once"', '{"error"')):
            said |= json.loads(line)
    return said, logged


def test_sixteen_functions_run_at_once_and_a_source_may_be_an_account_name() -> None:
    said, logged = call("notes.txt")

    assert said == {"at once": 16, "error": None}
    # The function was called, with the names: it needs no request to refuse this one.
    assert [(event.name, event.fields["blob"]) for event in logged] == [
        ("flowlog.ignored", f"logs/{CONTAINER}/notes.txt")
    ]
