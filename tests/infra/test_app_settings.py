"""The app reads every setting that the templates set, and starts with them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from flowlog_core.settings import Settings
from flowlog_core.settings.table import SETTINGS
from tests.infra.compiler import Built, Compiler
from tests.infra.predictions import WAYS, Prediction, predict
from tests.support.environment import RecordingEnvironment

ROOT: Final = Path(__file__).resolve().parents[2]
# What the platform reads beside the app, and what for.
PLATFORM: Final[Mapping[str, str]] = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "the host's telemetry: where to",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "the host's telemetry: as whom",
    "AzureWebJobsStorage__blobServiceUri": "the host's own account: keys, locks, code",
    "AzureWebJobsStorage__accountName": "the host's own account: by name, in the public cloud",
    "AzureWebJobsStorage__queueServiceUri": "the host's own account: queues of triggers",
    "AzureWebJobsStorage__tableServiceUri": "the host's own account: diagnostic events",
    "AzureWebJobsStorage__credential": "the host's own account: as whom",
    "AzureWebJobsStorage__clientId": "the host's own account: as whom",
    "PYTHON_THREADPOOL_THREAD_COUNT": "the Python worker: executions at once",
    "FlowLogStorage__queueServiceUri": "the blob trigger: where its poison queue is",
    "FlowLog_one__queueServiceUri": "the blob trigger: where its poison queue is",
    "Two__queueServiceUri": "the blob trigger: where its poison queue is",
}
Predict = Callable[[str], Prediction]


def unread(settings: Mapping[str, str]) -> set[str]:
    """Have the app read its settings, and return those that neither it nor the platform asks for."""
    recorder = RecordingEnvironment(dict(settings))
    Settings.read(recorder)
    return settings.keys() - recorder.asked - PLATFORM.keys()


@pytest.mark.parametrize("way", ["default", "private", "landing zone", "existing accounts", "sweep"])
def test_the_app_reads_each_setting_and_finds_all_it_needs(predicted: Predict, way: str) -> None:
    assert unread(predicted(way).settings) == set()


def test_the_hub_is_reached_as_the_parameter_says(compiler: Compiler, templates: Path) -> None:
    way = {**WAYS["default"], "hubTransport": "websockets"}

    assert unread(predict(compiler, templates, way).settings) == set()
    assert predict(compiler, templates, way).settings["FLOWLOG_EVENTHUB_TRANSPORT"] == "websockets"


@pytest.mark.parametrize(("way", "logged"), [("default", "each"), ("large", "minute")])
def test_a_large_deployment_logs_sums_of_runs_and_another_one_each_pass(
    predicted: Predict, way: str, logged: str
) -> None:
    assert predicted(way).settings["FLOWLOG_RUN_LOG"] == logged


def test_the_app_finds_its_accounts_and_its_hub(predicted: Predict) -> None:
    settings = Settings.read(predicted("existing accounts").settings)

    assert [source.account for source in settings.sources] == ["one", "two"]
    assert settings.event_hub.destination == "hubs.servicebus.windows.net/flowlogs"


def test_the_file_of_parameters_names_settings_of_the_app(compiler: Compiler) -> None:
    parameters = compiler.build_parameters(ROOT / "infra" / "main.bicepparam").template["parameters"]

    assert set(parameters["forwarding"]["value"]) <= {setting.name for setting in SETTINGS}


def test_the_python_worker_has_a_thread_for_each_execution_that_the_host_lets_run(predicted: Predict) -> None:
    extensions = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]
    queues = extensions["queues"]
    threads = int(predicted("default").settings["PYTHON_THREADPOOL_THREAD_COUNT"])

    assert extensions["blobs"]["maxDegreeOfParallelism"] == threads
    # The host fetches a batch whenever so few messages are being served.
    assert queues["batchSize"] + queues["newBatchThreshold"] == threads


def test_every_trigger_source_of_the_templates_is_one_that_the_app_takes(
    built: Callable[[str], Built], predicted: Predict
) -> None:
    definitions = built("types.bicep").template["definitions"]
    settings = predicted("default").settings

    for source in definitions["triggerSourceType"]["allowedValues"]:
        Settings.read(settings | {"FLOWLOG_TRIGGER_SOURCE": source})


def test_the_output_names_the_hub_as_the_app_does(predicted: Predict) -> None:
    prediction = predicted("default")

    assert prediction.outputs["EVENT_HUB"] == Settings.read(prediction.settings).event_hub.destination
    assert json.loads(prediction.outputs["AFTER_DEPLOY"])["appName"] == "flow-app"
