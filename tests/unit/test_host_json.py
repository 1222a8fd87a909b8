"""host.json holds the keys that we use and no others, each with a value of its type: the host warns of nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from flowlog_core.settings.table import NETWORK_WATCHER_CONTAINERS, TriggerSource
from tests.support.app import functions_with

ROOT = Path(__file__).resolve().parents[2]

# learn.microsoft.com, "host.json reference for Azure Functions 2.x and later", its pages on blobs, event hubs, queues.
NUMBER: Final = r"\d+"
SWITCH: Final = r"true|false"
TIME: Final = r'"\d\d:\d\d:\d\d"'
LEVEL: Final = r'"(Trace|Debug|Information|Warning|Error|Critical|None)"'
BLOB_FUNCTIONS: Final = tuple(f"forward_FlowLogStorage_{name}" for name in NETWORK_WATCHER_CONTAINERS)
FUNCTIONS: Final = ("sweep", "forward_queued", "forward_batch", *BLOB_FUNCTIONS)
SETTINGS: Final = {f"{name}__accountName": "account" for name in ("FlowLogStorage", "AzureWebJobsStorage")} | {
    "FlowLogEventHub__fullyQualifiedNamespace": "namespace.servicebus.windows.net"
}
KEYS: Final = {
    "version": r'"2\.0"',
    "functionTimeout": TIME,
    "extensionBundle.id": r'"Microsoft\.Azure\.Functions\.ExtensionBundle"',
    "extensionBundle.version": r'"\[4\.\*, 5\.0\.0\)"',
    "extensions.blobs.maxDegreeOfParallelism": NUMBER,
    "extensions.blobs.poisonBlobThreshold": NUMBER,
    "extensions.eventHubs.maxEventBatchSize": NUMBER,
    "extensions.eventHubs.minEventBatchSize": NUMBER,  # the greatest one at most
    "extensions.eventHubs.maxWaitTime": TIME,  # counts where the least batch is greater than 1
    "extensions.eventHubs.prefetchCount": NUMBER,
    "extensions.queues.batchSize": NUMBER,  # 32 at most
    "extensions.queues.newBatchThreshold": NUMBER,
    "extensions.queues.maxDequeueCount": NUMBER,
    "extensions.queues.maxPollingInterval": TIME,
    "extensions.queues.messageEncoding": r'"(none|base64)"',
    "logging.logLevel.default": LEVEL,
    "logging.logLevel.Azure.Core": LEVEL,
    "logging.logLevel.Microsoft.Azure.WebJobs.Hosting.OptionsLoggingService": LEVEL,
    "logging.logLevel.Host.Aggregator": LEVEL,
    "logging.logLevel.Host.Bindings": LEVEL,
    "logging.logLevel.Host.Results": LEVEL,
    "logging.logLevel.Function": LEVEL,
    **{f"logging.logLevel.Function.{name}{of}": LEVEL for name in FUNCTIONS for of in ("", ".User")},
    "logging.applicationInsights.samplingSettings.isEnabled": SWITCH,
    "logging.applicationInsights.samplingSettings.maxTelemetryItemsPerSecond": NUMBER,
    "logging.applicationInsights.samplingSettings.excludedTypes": r'"(Exception|Trace|Request|;)+"',
}


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Walk to every value that is no object, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def faults_of(content: str) -> list[str]:
    """Say which keys are none of ours, and which have a value of another type; names are case-sensitive."""
    return [
        f"{path}: {json.dumps(value)}"
        for path, value in leaves(json.loads(content))
        if path not in KEYS or not re.fullmatch(KEYS[path], json.dumps(value))
    ]


def test_every_key_of_host_json_is_one_that_the_host_reads_and_has_a_value_of_its_type() -> None:
    assert faults_of((ROOT / "host.json").read_text(encoding="utf-8")) == []


def test_a_misspelt_key_and_a_value_of_another_type_are_noticed() -> None:
    content = '{"extensions": {"queues": {"batchsize": 8, "batchSize": "8", "maxPollingInterval": 5}}}'

    assert faults_of(content) == [
        "extensions.queues.batchsize: 8",
        'extensions.queues.batchSize: "8"',
        "extensions.queues.maxPollingInterval: 5",
    ]


def test_every_key_of_the_table_is_in_use() -> None:
    used = {path for path, _ in leaves(json.loads((ROOT / "host.json").read_text(encoding="utf-8")))}

    assert used == KEYS.keys()


def level_of(category: str) -> str:
    """Return the level from which on the host keeps lines of a category: that of the longest name it begins with."""
    levels = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]["logLevel"]
    names = [name for name in levels if category == name or category.startswith(f"{name}.")]
    level: str = levels[max(names, key=len, default="default")]
    return level


@pytest.mark.parametrize("trigger_source", get_args(TriggerSource))
def test_of_each_function_the_host_drops_its_own_lines_of_success_and_keeps_what_the_app_logs(
    trigger_source: str,
) -> None:
    functions = functions_with(SETTINGS | {"FLOWLOG_TRIGGER_SOURCE": trigger_source})

    assert {name: level_of(f"Function.{name}") for name in functions} == dict.fromkeys(functions, "Warning")
    assert {name: level_of(f"Function.{name}.User") for name in functions} == dict.fromkeys(functions, "Information")


def test_every_function_that_host_json_names_is_one_that_the_app_registers() -> None:
    registered = {
        name
        for source in get_args(TriggerSource)
        for name in functions_with(SETTINGS | {"FLOWLOG_TRIGGER_SOURCE": source})
    }

    assert registered == set(FUNCTIONS)


def test_what_the_app_logs_in_a_function_of_another_name_is_kept_as_well() -> None:
    assert level_of("Function.forward_FlowLog_other_insights-logs-flowlogflowevent.User") == "Information"


def test_no_warning_is_dropped_and_the_request_of_a_failed_run_is_kept() -> None:
    levels = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]["logLevel"]

    # The host logs the request of a run that failed at Error, and any other one at Information.
    assert levels.pop("Host.Results") == "Error"
    assert set(levels.values()) <= {"Trace", "Information", "Warning"}
