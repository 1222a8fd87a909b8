"""The app settings that the templates set, held against those that the app and the platform read."""

import re
from collections.abc import Mapping
from typing import Final

from flowlog_core.settings import Settings
from tests.infra.bicep import BicepFile, properties, text, walk
from tests.support.environment import RecordingEnvironment

# What the platform reads beside the app, and what for.
PLATFORM: Final[Mapping[str, str]] = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "the host's telemetry: where to",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "the host's telemetry: as whom",
    "AzureWebJobsStorage__accountName": "the host's own account: by name, in the public cloud",
    "AzureWebJobsStorage__blobServiceUri": "the host's own account: keys, locks, code",
    "AzureWebJobsStorage__queueServiceUri": "the host's own account: queues of triggers",
    "AzureWebJobsStorage__tableServiceUri": "the host's own account: diagnostic events",
    "AzureWebJobsStorage__credential": "the host's own account: as whom",
    "AzureWebJobsStorage__clientId": "the host's own account: as whom",
    "PYTHON_THREADPOOL_THREAD_COUNT": "the Python worker: executions at once",
    "FUNCTIONS_WORKER_PROCESS_COUNT": "the host: Python workers at once",
    "{source}__queueServiceUri": "the blob trigger: where its poison queue is",
}
SOURCE: Final = "{source}"
_VALUES: Final = {
    "__accountName": "{}",
    "__blobServiceUri": "https://{}.blob.core.windows.net/",
    "__fullyQualifiedNamespace": "{}.servicebus.windows.net",
    "__clientId": "00000000-0000-0000-0000-000000000000",
    "__credential": "managedidentity",
}

_TEXTS: Final = {
    "FLOWLOG_CONTAINERS": "insights-logs-flowlogflowevent",
    "FLOWLOG_EVENTHUB_NAME": "flowlogs",
    "FLOWLOG_EVENTHUB_TRANSPORT": "amqp",
}


def settings_made(file: BicepFile) -> dict[str, str]:
    """Give the settings that appSettings.bicep makes, with their values as they are written.

    A source's settings stand under ``{source}__…``.
    """
    made = {}
    for node in walk(file.root):
        entry = properties(node)
        if set(entry) == {"name", "value"} and entry["name"].type == "string":
            name = text(entry["name"])[1:-1].replace("${source.connection}", SOURCE)
            made[name] = text(entry["value"])
    return made


def settings_chosen(files: Mapping[str, BicepFile]) -> set[str]:
    """Give the settings that main.bicepparam hands to the app."""
    forwarding = files["main.bicepparam"].symbols["forwarding"].value
    assert forwarding is not None
    return set(properties(forwarding))


def environment(made: Mapping[str, str], trigger_source: str, sources: tuple[str, ...]) -> dict[str, str]:
    """Give what the app would find: literal values as they are, others by example."""
    found = {}
    for name, written in made.items():
        for source in sources if SOURCE in name else ("",):
            full = name.replace(SOURCE, source)
            found[full] = _value(full, written)
    return found | {"FLOWLOG_TRIGGER_SOURCE": trigger_source, "FLOWLOG_SOURCES": ",".join(sources)}


def _value(name: str, written: str) -> str:
    literal = re.fullmatch(r"'([^$']*)'", written)
    if literal is not None:
        return literal[1]
    connection, _, suffix = name.partition("__")
    if suffix:
        return _VALUES.get(f"__{suffix}", "https://example.org/").format(connection.replace("_", "").lower())
    return _TEXTS.get(name, "")


def setting_faults(made: Mapping[str, str], chosen: set[str], trigger_source: str) -> list[str]:
    """Find settings that nobody reads, and have the app read all; it raises where one is missing or wrong."""
    sources = ("FlowLogStorage", "Other")
    recorder = RecordingEnvironment(environment(made, trigger_source, sources))
    Settings.read(recorder)
    asked = {name.replace(sources[0], SOURCE) for name in recorder.asked}
    return [
        f"{name} is read by neither the app nor the platform"
        for name in sorted({*made, *chosen} - asked - PLATFORM.keys())
    ] + [f"{name} is set twice" for name in sorted(made.keys() & chosen)]
