"""The checks notice what they are for: each is tried on a copy of the templates with one thing broken."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowlog_core.errors import SettingsError
from flowlog_core.settings import Settings
from tests.infra.compiler import Compiler
from tests.infra.policies import policy_faults
from tests.infra.predictions import WAYS, Prediction, predict
from tests.infra.test_app_settings import unread


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to break: of a file, text and what stands in its place."""

    file: str
    old: str
    new: str

    def make(self, folder: Path) -> None:
        path = folder / self.file
        before = path.read_text(encoding="utf-8")
        assert self.old in before
        path.write_text(before.replace(self.old, self.new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (
            Change("main.bicep", "    tags: tags\n", "    tag: tags\n"),
            'missing the following required properties: "tags"',
        ),
        (Change("main.bicep", "    lock: lock\n", ""), 'missing the following required properties: "lock"'),
        (Change("main.bicep", "storageSku: storageSku", "storageSku: storageSkew"), '"storageSkew" does not exist'),
        (Change("main.bicep", "'modules/data.bicep'", "'modules/date.bicep'"), "Could not find file"),
        (
            Change("main.bicep", "app.outputs.principalId", "app.outputs.principal"),
            'does not contain property "principal"',
        ),
        (Change("main.bicep", "partitions: isLarge", "partition: isLarge"), '"partitions"'),
        (Change("main.bicep", "source.?topicName)", "source.?topic)"), 'The property "topic" does not exist'),
        (
            Change("main.bicep", "resourceGroup().location", "resourceGroup().place"),
            'does not contain property "place"',
        ),
        (Change("main.bicep", "concat(", "conca("), '"conca" does not exist'),
        (
            Change("modules/alerts.bicep", "thresholds.?lagSeconds", "thresholds.?lag"),
            'The property "lag" does not exist',
        ),
        (Change("modules/appSettings.bicep", "setting.value", "setting.values"), 'does not contain property "values"'),
        (
            Change("modules/app.bicep", "made!.properties.clientId", "made!.properties.client"),
            'contain property "client"',
        ),
        (Change("modules/app.bicep", "    name: appName\n", "    nam: appName\n"), '"nam" is not allowed'),
        (Change("modules/network.bicep", "subnets: [", "subnet: ["), '"subnet" is not allowed'),
        (Change("modules/sources.bicep", "source.makesTopic", "source.makes"), 'The property "makes" does not exist'),
        (
            Change("modules/privateEndpoint.bicep", "param tags tagsType", "param tags tagsType\nparam spare int"),
            '"spare"',
        ),
        (Change("modules/privateEndpoint.bicep", "param tags tagsType", "param tags object"), "use-user-defined-types"),
        (Change("modules/eventHub.bicep", "namespaces@2026-01-01", "namespaces@2021-11-01"), "use-recent-api-versions"),
        (Change("modules/flowLogRole.bicep", "name: sourceAccountName", "name: 'logs'"), "no-unused-params"),
        (
            Change("modules/newSource.bicep", "    #disable-next-line what-if-short-circuiting\n", ""),
            "what-if-short-circuiting",
        ),
        (
            Change("modules/newSource.bicep", "'storageAccount.bicep' = {", "'storageAccount.bicep' = {\n  name: 'a'"),
            "no-module",
        ),
    ],
)
def test_what_leads_nowhere_or_breaks_a_rule_of_the_linter_is_found(
    compiler: Compiler, copy: Path, broken: Change, expected: str
) -> None:
    broken.make(copy)

    assert expected in "\n".join(compiler.build(copy / broken.file).diagnostics)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("param size ", "param siez ", 'parameter "siez"'),
        ("targetId:", "target:", '"target" is not allowed'),
        ("'main.bicep'", "'mian.bicep'", "Could not find file"),
        ("param size = 'small'", "param size = 'tiny'", "'tiny'"),
    ],
)
def test_a_parameter_that_the_templates_do_not_take_is_found(
    compiler: Compiler, copy: Path, old: str, new: str, expected: str
) -> None:
    Change("main.bicepparam", old, new).make(copy)

    assert expected in "\n".join(compiler.build_parameters(copy / "main.bicepparam").diagnostics)


def test_a_file_that_is_not_formatted_is_noticed(compiler: Compiler, copy: Path) -> None:
    Change("modules/flowLog.bicep", "  name: name\n", "    name:  name\n").make(copy)
    path = copy / "modules" / "flowLog.bicep"

    assert compiler.formatted(path) != path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (
            Change("modules/storageAccount.bicep", "allowBlobPublicAccess: false", "allowBlobPublicAccess: true"),
            "must be False",
        ),
        (
            Change("modules/storageAccount.bicep", "publicAccess: 'None'", "publicAccess: 'Blob'"),
            "publicAccess must be None",
        ),
        (
            Change("modules/storageAccount.bicep", "    allowSharedKeyAccess: false\n", ""),
            "allowSharedKeyAccess must be False",
        ),
        (Change("modules/storageAccount.bicep", "'TLS1_2'", "'TLS1_0'"), "minimumTlsVersion must be TLS1_2"),
        (
            Change("modules/storageAccount.bicep", "isVersioningEnabled: false", "isVersioningEnabled: true"),
            "must be False",
        ),
        (
            Change("modules/eventHub.bicep", "disableLocalAuth: true", "disableLocalAuth: false"),
            "disableLocalAuth must be True",
        ),
        (
            Change("modules/monitoring.bicep", "DisableLocalAuth: true", "DisableLocalAuth: false"),
            "DisableLocalAuth must be True",
        ),
        (Change("modules/topic.bicep", "identity: { type: 'SystemAssigned' }", ""), "identity must be SystemAssigned"),
        (Change("modules/queueSubscription.bicep", "'/PT1H.json'", "'.json'"), "subjectEndsWith must be /PT1H.json"),
        (Change("modules/eventHub.bicep", "namespaces@2026-01-01", "namespaces@2026-07-01-preview"), "is a preview"),
        (Change("modules/eventHub.bicep", "@description('Tags.')\n", ""), "tags has no description"),
        (Change("modules/webHookSubscription.bicep", "@secure()\n", ""), "blobsExtensionKey is not marked as secure"),
        (
            Change("modules/app.bicep", "appPrincipalId: principalId", "appPrincipalId: listKeys(appName, '1').a"),
            "lists keys",
        ),
        (
            Change("modules/appRoles.bicep", "@description('App: opens links to the hub and sends.')\n", ""),
            "what calls need the role",
        ),
    ],
)
def test_what_breaks_a_rule_of_ours_is_found(compiler: Compiler, copy: Path, broken: Change, expected: str) -> None:
    broken.make(copy)

    assert expected in "\n".join(policy_faults(compiler.build(copy / broken.file).template))


def test_a_condition_that_is_known_only_while_a_deployment_runs_is_noticed(compiler: Compiler, copy: Path) -> None:
    Change(
        "modules/flowLogRole.bicep",
        "roleAssignments@2022-04-01' = {",
        "roleAssignments@2022-04-01' = if (!empty(flowLogPrincipalId)) {",
    ).make(copy)

    assert any("condition" in each for each in predict(compiler, copy, WAYS["default"]).resources)


@pytest.mark.parametrize(
    "broken",
    [
        Change(
            "modules/appRoles.bicep",
            "roleAssignments@2022-04-01' = {\n  scope: eventHubs::hub",
            "roleAssignments@2022-04-01' = if (false) {\n  scope: eventHubs::hub",
        ),
        Change("modules/appRoles.bicep", "roleDefinitionId: roles.hubSender", "roleDefinitionId: roles.blobOwner"),
        Change("modules/appRoles.bicep", "scope: state::blobs::quarantine", "scope: state"),
        Change("modules/topicRoles.bicep", "triggerSource == 'StorageQueue'", "triggerSource == 'EventGrid'"),
    ],
)
def test_a_role_that_is_missing_or_too_much_changes_what_is_predicted(
    compiler: Compiler, copy: Path, predicted: Callable[[str], Prediction], broken: Change
) -> None:
    broken.make(copy)

    assert predict(compiler, copy, WAYS["queue"]).roles != predicted("queue").roles


def test_a_setting_that_nobody_reads_is_found(compiler: Compiler, copy: Path) -> None:
    Change("modules/appSettings.bicep", "'FLOWLOG_EVENTHUB_NAME'", "'FLOWLOG_EVENTHUBS_NAME'").make(copy)
    Change("modules/appSettings.bicep", "__tableServiceUri'", "__tablesUri'").make(copy)

    assert unread(predict(compiler, copy, WAYS["default"]).settings) == {
        "AzureWebJobsStorage__tablesUri",
        "FLOWLOG_EVENTHUBS_NAME",
    }


def test_a_setting_that_is_set_twice_is_found(compiler: Compiler, copy: Path) -> None:
    way = {**WAYS["default"], "forwarding": {"FLOWLOG_STATE": "Another"}}

    with pytest.raises(AssertionError, match="set twice"):
        _ = predict(compiler, copy, way).settings


@pytest.mark.parametrize("name", ["FlowLogEventHub__fullyQualifiedNamespace", "FlowLogState__blobServiceUri"])
def test_a_setting_that_the_app_needs_and_does_not_get_is_found(compiler: Compiler, copy: Path, name: str) -> None:
    Change("modules/appSettings.bicep", f"'{name}'", "'FLOWLOG_FIELD'").make(copy)

    with pytest.raises(SettingsError, match=name.partition("__")[0]):
        Settings.read(predict(compiler, copy, WAYS["default"]).settings)
