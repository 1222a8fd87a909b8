"""The step after deployment: the functions are compared, and phase 2 is deployed, without a key ever being seen."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.scripts.after_deploy import ATTEMPTS, DEFAULT_PAUSE, PHASE_2_ATTEMPTS, expected_functions
from tests.infra.command_line import INFRA, Ran, run
from tests.infra.predictions import Prediction
from tests.support.app import functions_with

CONTAINERS = ["insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent"]
FUNCTIONS = [f"forward_FlowLogStorage_{container}" for container in CONTAINERS] + ["sweep"]
LIST = ["functionapp", "function", "list"]
CREATE = ["deployment", "group", "create"]
SETTINGS = ["functionapp", "config", "appsettings", "list"]
SHOW_APP = ["functionapp", "show"]
SUBSCRIPTIONS = ["eventgrid", "system-topic", "event-subscription", "list"]
SHOW = ["eventgrid", "system-topic", "event-subscription", "show"]
NAMES = [f"flow-{container}" for container in CONTAINERS]


def values(trigger_source: str = "EventGrid") -> dict[str, Any]:
    place = {"connection": "FlowLogStorage", "topicName": "topic", "subscriptionId": "sub", "resourceGroup": "logs"}
    return {
        "appName": "flow-app",
        "prefix": "flow",
        "triggerSource": trigger_source,
        "sources": [place],
        "containers": CONTAINERS,
        "deadLetterAccountId": "/subscriptions/sub/resourceGroups/app/providers/x/state",
    }


def calling(*functions: str) -> tuple[list[str], int, Any]:
    """Answer which of the app's functions a subscription calls."""
    return SHOW, 0, [name in functions for name in sorted(FUNCTIONS)]


ALL_IS_WELL: list[tuple[list[str], int, Any]] = [
    (SETTINGS, 0, []),
    (SHOW_APP, 0, '"flow-app.azurewebsites.net"'),
    (SUBSCRIPTIONS, 0, NAMES),
    *((["-n", name, *SHOW], 0, calling(function)[2]) for name, function in zip(NAMES, FUNCTIONS, strict=False)),
]
"""Answers about the settings and the subscriptions; those that stand before them come first."""


def after_deploy(folder: Path, answers: list[tuple[list[str], int, Any]], trigger_source: str = "EventGrid") -> Ran:
    answers = [*answers, *ALL_IS_WELL]
    output = json.dumps(values(trigger_source))
    arguments = ("--resource-group", "app", "--pause", "0")
    return run(folder, "after_deploy.py", *arguments, answers=answers, AFTER_DEPLOY=output)


def test_it_waits_for_minutes_and_says_how_far_it_is(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    few: list[tuple[list[str], int, Any]] = [(LIST, 0, indexed[:count]) for count in (0, 1)]
    ran = after_deploy(tmp_path, [*few, (LIST, 0, indexed), (CREATE, 0, "")])

    assert ran.status == 0, ran.errors
    assert re.findall(r"flow-app has (\d) of 3 functions", ran.errors) == ["0", "1"]
    # Roles may take ten minutes to be in force, and functions some to be indexed.
    assert ATTEMPTS * DEFAULT_PAUSE >= 600
    assert PHASE_2_ATTEMPTS * DEFAULT_PAUSE * 4 >= 600


def test_phase_2_is_deployed_once_the_functions_are_there(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    ran = after_deploy(tmp_path, [(LIST, 0, []), (LIST, 0, indexed), (CREATE, 0, '"Succeeded"')])

    assert ran.status == 0, ran.errors
    steps = [call[1 : call.index(next(word for word in call if word.startswith("-")))] for call in ran.calls]
    assert steps == [SETTINGS, LIST, LIST, CREATE, SHOW_APP, SUBSCRIPTIONS, SHOW, SHOW]
    call = ran.calls[steps.index(CREATE)]
    assert call[call.index("--template-file") + 1] == str(INFRA / "eventSubscriptions.bicep")
    parameters = {name: each["value"] for name, each in json.loads(call[-1])["parameters"].items()}
    assert parameters == {name: value for name, value in values().items() if name != "triggerSource"}


def test_no_key_is_asked_for_or_handed_over(tmp_path: Path) -> None:
    ran = after_deploy(tmp_path, [(LIST, 0, [f"flow-app/{name}" for name in FUNCTIONS]), (CREATE, 0, "")])

    assert not any("key" in word.lower() for call in ran.calls for word in call)
    queries = [call[call.index("--query") + 1] for call in ran.calls if "--include-full-endpoint-url" in call]
    assert len(queries) == len(NAMES)
    # The URL holds the key: what is asked for is whether it contains a function's name.
    question = r"(contains|ends_with)\(destination\.endpointUrl, '[^']+'\)"
    assert all(re.fullmatch(rf"\[{question}((, | \|\| ){question})*\]", query) for query in queries)


def test_a_subscription_to_a_function_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    answers = [
        (LIST, 0, indexed),
        (CREATE, 0, ""),
        (SUBSCRIPTIONS, 0, [*NAMES, "by-hand"]),
        (["-n", "by-hand", *SHOW], 0, calling()[2]),
    ]
    ran = after_deploy(tmp_path, answers)

    assert ran.status == 1
    assert "by-hand of the topic topic" in ran.errors


def test_a_function_that_no_subscription_calls_is_a_fault(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    ran = after_deploy(tmp_path, [(LIST, 0, indexed), (CREATE, 0, ""), (SUBSCRIPTIONS, 0, NAMES[:1])])

    assert (ran.status, f"No event subscription calls {FUNCTIONS[1]}." in ran.errors) == (1, True)


def test_an_empty_setting_of_the_hosts_account_is_a_fault_with_its_remedy(tmp_path: Path) -> None:
    ran = after_deploy(tmp_path, [(SETTINGS, 0, ["AzureWebJobsStorage"])])

    assert ran.status == 1
    assert "appsettings delete -g app -n flow-app --setting-names AzureWebJobsStorage" in ran.errors
    assert len(ran.calls) == 1


def test_a_phase_2_that_fails_is_tried_again(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    ran = after_deploy(tmp_path, [(LIST, 0, indexed), (CREATE, 1, "no such key"), (CREATE, 0, "")])

    assert ran.status == 0
    assert "Not yet (trying for 0.0 minutes more)" in ran.errors
    assert "no such key" in ran.errors


def test_a_phase_2_that_goes_on_failing_is_a_fault(tmp_path: Path) -> None:
    indexed = [f"flow-app/{name}" for name in FUNCTIONS]
    ran = after_deploy(tmp_path, [(LIST, 0, indexed), (CREATE, 1, "Url validation failed")])

    assert ran.status == 1
    assert "Url validation failed" in ran.errors
    assert "Traceback" not in ran.errors


@pytest.mark.parametrize("indexed", [FUNCTIONS[:1], [*FUNCTIONS, "stranger"]])
def test_functions_that_are_missing_or_too_many_are_a_fault_and_nothing_is_subscribed(
    tmp_path: Path, indexed: list[str]
) -> None:
    ran = after_deploy(tmp_path, [(LIST, 0, [f"flow-app/{name}" for name in indexed])])

    assert ran.status == 1
    assert str(sorted(indexed)) in ran.errors
    assert str(sorted(FUNCTIONS)) in ran.errors
    assert not any(call[1:4] == CREATE for call in ran.calls)


@pytest.mark.parametrize("trigger_source", ["StorageQueue", "EventHub", "Sweep"])
def test_without_the_web_hook_there_is_no_phase_2(tmp_path: Path, trigger_source: str) -> None:
    expected = expected_functions(trigger_source, ["FlowLogStorage"], CONTAINERS)
    ran = after_deploy(tmp_path, [(LIST, 0, [f"flow-app/{name}" for name in expected])], trigger_source)

    assert ran.status == 0, ran.errors
    assert not any(call[1:4] == CREATE or "eventgrid" in call for call in ran.calls)


def test_a_deployment_that_is_named_is_asked_for_what_it_put_out(tmp_path: Path) -> None:
    # Resource Manager gives the name of an output back with letters in the other case.
    outputs = {"afteR_DEPLOY": {"type": "String", "value": json.dumps(values("Sweep"))}}
    answers = [(["deployment", "group", "show", "flow"], 0, outputs), (LIST, 0, ["flow-app/sweep"]), *ALL_IS_WELL]

    ran = run(
        tmp_path, "after_deploy.py", "--resource-group", "app", "--deployment", "flow", "--pause", "0", answers=answers
    )

    assert ran.status == 0, ran.errors


def test_without_outputs_it_says_what_to_name(tmp_path: Path) -> None:
    ran = run(tmp_path, "after_deploy.py", "--resource-group", "app", answers=[])

    assert (ran.status, "--deployment NAME" in ran.errors) == (1, True)


def indexed(trigger_source: str, connections: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the functions that the app registers, and their triggers."""
    settings = {
        "FLOWLOG_TRIGGER_SOURCE": trigger_source,
        "FLOWLOG_SOURCES": ",".join(connections),
        "FLOWLOG_CONTAINERS": ",".join(CONTAINERS),
        "FlowLogEventHub__fullyQualifiedNamespace": "hubs.servicebus.windows.net",
        "AzureWebJobsStorage__blobServiceUri": "https://host.blob.core.windows.net/",
        "AzureWebJobsStorage__queueServiceUri": "https://host.queue.core.windows.net/",
    } | {
        f"{each}__blobServiceUri": f"https://{each.lower().replace('_', '')}.blob.core.windows.net/"
        for each in connections
    }
    return functions_with(settings)


@pytest.mark.parametrize("trigger_source", ["EventGrid", "StorageQueue", "EventHub", "Sweep"])
def test_the_expected_functions_are_those_that_the_app_registers(trigger_source: str) -> None:
    connections = ("FlowLogStorage", "FlowLog_other")

    assert set(indexed(trigger_source, connections)) == expected_functions(
        trigger_source, list(connections), CONTAINERS
    )


def test_the_queue_that_topics_deliver_to_is_the_one_that_the_app_listens_to(
    predicted: Callable[[str], Prediction],
) -> None:
    trigger = indexed("StorageQueue", ("FlowLogStorage",))["forward_queued"]
    queue = predicted("queue")

    assert trigger["connection"] == "AzureWebJobsStorage"
    made = {name.rpartition("/")[2] for name in queue.of("Microsoft.Storage/storageAccounts/queueServices/queues")}
    delivered = {
        each["properties"]["deliveryWithResourceIdentity"]["destination"]["properties"]["queueName"]
        for each in queue.of("Microsoft.EventGrid/systemTopics/eventSubscriptions").values()
    }
    assert made == delivered == {trigger["queueName"]}


def test_the_hub_that_topics_deliver_to_is_the_one_that_the_app_listens_to(
    predicted: Callable[[str], Prediction],
) -> None:
    trigger = indexed("EventHub", ("FlowLogStorage",))["forward_batch"]
    hub = predicted("hub")

    delivered = {
        each["properties"]["deliveryWithResourceIdentity"]["destination"]["properties"]["resourceId"].rpartition("/")[2]
        for each in hub.of("Microsoft.EventGrid/systemTopics/eventSubscriptions").values()
    }
    assert delivered == {trigger["eventHubName"]}
    group = f"hubs/{trigger['eventHubName']}/{trigger['consumerGroup']}"
    assert group in hub.of("Microsoft.EventHub/namespaces/eventhubs/consumergroups")
    assert trigger["connection"] == "FlowLogEventHub"
