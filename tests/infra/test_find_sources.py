"""Existing source accounts are written down as main.bicep takes them, with the topic that each has already."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.settings import Settings
from flowlog_core.settings.table import NETWORK_WATCHER_CONTAINERS
from tests.infra.command_line import run
from tests.infra.compiler import Built

ACCOUNT = "/subscriptions/11111111-2222/resourceGroups/logs/providers/Microsoft.Storage/storageAccounts/flowlogs1"
SHOW = ["storage", "account", "show"]
LIST = ["eventgrid", "system-topic", "list"]
Answers = list[tuple[list[str], int, Any]]


def account(kind: str = "StorageV2") -> tuple[list[str], int, Any]:
    return SHOW, 0, {"kind": kind, "location": "westeurope"}


def topic(name: str = "defender", group: str = "Logs", identity: str | None = "SystemAssigned") -> dict[str, Any]:
    return {
        "name": name,
        "source": ACCOUNT.upper(),
        "resourceGroup": group,
        "identity": identity and {"type": identity, "principalId": "x"},
    }


def test_an_account_without_a_topic_gets_one_made(tmp_path: Path) -> None:
    ran = run(tmp_path, "find_sources.py", ACCOUNT, answers=[account(), (LIST, 0, [])])

    assert ran.status == 0, ran.errors
    assert json.loads(ran.output) == [
        {
            "accountId": ACCOUNT,
            "connection": "FlowLog_flowlogs1",
            "location": "westeurope",
            "topicName": "",
            "ownerAssignsRoles": False,
        }
    ]


@pytest.mark.parametrize("identity", ["SystemAssigned", "SystemAssigned, UserAssigned"])
def test_an_existing_topic_is_used(tmp_path: Path, identity: str) -> None:
    answers: Answers = [account(), (LIST, 0, [topic(identity=identity)])]
    ran = run(tmp_path, "find_sources.py", "--owner-assigns-roles", ACCOUNT, answers=answers)

    (source,) = json.loads(ran.output)
    assert (source["topicName"], source["ownerAssignsRoles"]) == ("defender", True)


def test_the_topic_that_an_earlier_deployment_made_goes_on_being_looked_after(tmp_path: Path) -> None:
    answers: Answers = [account(), (LIST, 0, [topic(name="flowlog-flowlogs1")])]
    ran = run(tmp_path, "find_sources.py", ACCOUNT, answers=answers)

    assert json.loads(ran.output)[0]["topicName"] == ""


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([account(), (LIST, 0, [topic(identity=None)])], "--identity systemassigned"),
        ([account(), (LIST, 0, [topic(identity="UserAssigned")])], "--identity systemassigned"),
        ([account(), (LIST, 0, [topic(group="elsewhere")])], "another resource group"),
        ([account("Storage")], "upgrade it to v2"),
        ([(SHOW, 3, "AuthorizationFailed")], "AuthorizationFailed"),
    ],
)
def test_an_account_that_cannot_be_used_as_it_is_is_told_with_what_to_do(
    tmp_path: Path, answers: Answers, said: str
) -> None:
    ran = run(tmp_path, "find_sources.py", ACCOUNT, answers=answers)

    assert ran.status == 1
    assert said in ran.errors
    assert ran.output == ""
    assert "Traceback" not in ran.errors


def test_what_is_no_account_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "find_sources.py", "flowlogs1", answers=[])

    assert (ran.status, "no id of a storage account" in ran.errors) == (1, True)


def test_under_azd_the_accounts_come_from_its_environment_and_the_result_goes_there(tmp_path: Path) -> None:
    answers: Answers = [account(), (LIST, 0, []), (["env", "set", "DEPLOY_SOURCES"], 0, "")]
    ran = run(tmp_path, "find_sources.py", "--azd", answers=answers, DEPLOY_SOURCE_IDS=f"{ACCOUNT},{ACCOUNT}2")

    assert ran.status == 0, ran.errors
    assert ran.calls[-1][:4] == ["azd", "env", "set", "DEPLOY_SOURCES"]
    assert [source["connection"] for source in json.loads(ran.calls[-1][4])] == [
        "FlowLog_flowlogs1",
        "FlowLog_flowlogs12",
    ]


def test_under_azd_without_accounts_nothing_is_done(tmp_path: Path) -> None:
    ran = run(tmp_path, "find_sources.py", "--azd", answers=[])

    assert (ran.status, ran.calls) == (0, [])


def test_what_is_written_down_is_what_the_templates_take(tmp_path: Path, built: Callable[[str], Built]) -> None:
    ran = run(tmp_path, "find_sources.py", ACCOUNT, answers=[account(), (LIST, 0, [])])
    (source,) = json.loads(ran.output)

    assert set(source) <= set(built("types.bicep").template["definitions"]["sourceType"]["properties"])


def test_what_is_written_down_is_a_connection_that_the_app_takes(tmp_path: Path) -> None:
    ran = run(tmp_path, "find_sources.py", ACCOUNT, answers=[account(), (LIST, 0, [])])
    (source,) = json.loads(ran.output)

    settings = Settings.read(
        {
            "FLOWLOG_SOURCES": source["connection"],
            f"{source['connection']}__blobServiceUri": "https://flowlogs1.blob.core.windows.net/",
            "AzureWebJobsStorage__accountName": "host",
            "FlowLogEventHub__fullyQualifiedNamespace": "hub.servicebus.windows.net",
        }
    )
    assert [each.account for each in settings.sources] == ["flowlogs1"]
    assert settings.containers == NETWORK_WATCHER_CONTAINERS
