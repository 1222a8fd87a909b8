"""The checks notice what they are for: each is tried on a copy of the templates with one thing broken."""

import shutil
from pathlib import Path

import pytest

from flowlog_core.errors import SettingsError
from tests.infra.app_settings import setting_faults, settings_chosen, settings_made
from tests.infra.bicep import BicepSyntaxError
from tests.infra.policies import policy_faults
from tests.infra.references import read, reference_faults
from tests.infra.role_assignments import role_faults

INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "infra"
    shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("main.bicep", "    tags: tags\n", "    tag: tags\n", "platform.bicep has no parameter tag"),
        ("main.bicep", "    lock: lock\n", "", "platform.bicep asks for the parameter lock"),
        ("main.bicep", "storageSku: storageSku", "storageSku: storageSkew", "storageSkew is not declared"),
        ("main.bicep", "'platform.bicep'", "'platfrom.bicep'", "platfrom.bicep is no file"),
        ("main.bicep", "forwarder.outputs.appName", "forwarder.outputs.name", "forwarder.bicep has no output name"),
        ("main.bicep", "forwarder.outputs.appName", "forwarder.output.appName", "is not known here"),
        ("main.bicep", "chosenSize.hub", "chosenSize.hubs", "there is no key hubs"),
        ("main.bicep", "partitions: 4,", "partition: 4,", "platform.bicep uses hubSize.partitions"),
        ("main.bicep", "topicName: '', ", "", "forwarder.bicep uses sources.[].topicName"),
        ("main.bicep", "lagSeconds: 900", "lagSecond: 900", "platform.bicep uses thresholds.lagSeconds"),
        ("main.bicep", "resourceGroup().location", "resourceGroup().place", "is not known here"),
        ("appSettings.bicep", "setting.value", "setting.values", "there is no key values"),
        ("main.bicep", "union(", "onion(", "onion is no function known here"),
        ("main.bicepparam", "param size ", "param siez ", "main.bicep has no parameter siez"),
        ("main.bicepparam", "targetId:", "target:", "flowLog of main.bicep has no key target"),
        ("main.bicepparam", "using 'main.bicep'", "using 'mian.bicep'", "names no file"),
        ("app.bicep", "identity.properties.clientId", "identity.properties.client", "is not known here"),
        ("app.bicep", "name: 'function-app'", "nam: 'function-app'", "app has no property nam"),
        ("sources.bicep", "places[i].accountName", "places[i].account", "there is no key account"),
        ("sources.bicep", "!source.ownerAssignsRoles", "!source.byOwner", "forwarder.bicep uses sources.[].byOwner"),
        ("sources.bicep", "topics[i].?outputs.name", "topics[i].?outputs.nam", "topic.bicep has no output nam"),
        ("network.bicep", "zoneNames.blob", "zoneNames.blobs", "zoneNames.blobs: there is no key blobs"),
        ("storageAccount.bicep", "primaryEndpoints.queue", "primaryEndpoints.queues", "is not known here"),
        ("storageAccount.bicep", "containerName in", "container in", "container is a symbol of the file and a loop's"),
        ("privateEndpoint.bicep", "param tags object", "param tags object\nparam spare int", "spare is not used"),
    ],
)
def test_what_leads_nowhere_is_found(copy: Path, file: str, old: str, new: str, expected: str) -> None:
    change(copy, file, old, new)

    assert expected in "\n".join(map(str, reference_faults(read(copy))))


def test_a_file_that_cannot_be_parsed_is_told_with_its_line(copy: Path) -> None:
    change(copy, "flowLog.bicep", "resource watcher ", "resource ")

    with pytest.raises(BicepSyntaxError, match=r"flowLog\.bicep:\d+"):
        read(copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("storageAccount.bicep", "allowBlobPublicAccess: false", "allowBlobPublicAccess: true", "must be false"),
        ("storageAccount.bicep", "publicAccess: 'None'", "publicAccess: 'Blob'", "publicAccess must be 'None'"),
        ("storageAccount.bicep", "    allowSharedKeyAccess: false\n", "", "allowSharedKeyAccess must be false"),
        ("storageAccount.bicep", "'TLS1_2'", "'TLS1_0'", "minimumTlsVersion must be 'TLS1_2'"),
        ("storageAccount.bicep", "isVersioningEnabled: false", "isVersioningEnabled: true", "must be false"),
        ("eventHub.bicep", "disableLocalAuth: true", "disableLocalAuth: false", "disableLocalAuth must be true"),
        ("monitoring.bicep", "DisableLocalAuth: true", "DisableLocalAuth: false", "DisableLocalAuth must be true"),
        ("topic.bicep", "identity: { type: 'SystemAssigned' }", "", "identity must be 'SystemAssigned'"),
        ("queueSubscription.bicep", "'/PT1H.json'", "'.json'", "subjectEndsWith must be '/PT1H.json'"),
        ("eventHub.bicep", "namespaces@2024-01-01", "namespaces", "has no pinned version"),
        ("eventHub.bicep", "namespaces@2024-01-01", "namespaces@2024-05-01-preview", "is a preview"),
        ("eventHub.bicep", "@description('Tags.')\n", "", "tags has no @description"),
        ("app.bicep", "'roles.bicep'", "'br/public:avm/roles:1.0.0'", "is of a registry"),
        ("lifecycle.bicep", "['flowlog-quarantine/']", "['flowlog-']", "deletes by"),
        ("lifecycle.bicep", "/${destination}/${name}/'", "/${destination}/'", "deletes by"),
        ("lifecycle.bicep", "/${destination}/replay=", "/${destination}/", "deletes by"),
        ("webHookSubscription.bicep", "@secure()\n", "", "not marked with @secure"),
        ("app.bicep", "identity.properties.clientId", "listKeys(identity.id, '2023-01-31').key", "lists keys"),
        ("flowLog.bicep", "// One ", "//\n" * 150 + "// One ", "more than 150 lines"),
    ],
)
def test_what_breaks_a_rule_is_found(copy: Path, file: str, old: str, new: str, expected: str) -> None:
    change(copy, file, old, new)

    assert expected in "\n".join(map(str, policy_faults(read(copy))))


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("roles.bicep", "'2b629674-e913", "'2b629674-0000", "sendEvents has no known role"),
        ("roles.bicep", "hubSender }", "blobOwner }", "missing: appPrincipalId on hub on Azure Event Hubs Data Sender"),
        ("roles.bicep", "hubSender }", "blobOwner }", "not needed: appPrincipalId on hub on Storage Blob Data Owner"),
        ("roles.bicep", "// App: opens links to the hub and sends.\n", "", "no comment says what sendEvents is for"),
        ("app.bicep", "    eventHubName: hubName\n", "", "no module asks for sendEvents"),
        (
            "topic.bicep",
            "EventGrid/systemTopics@2025-02-15' =",
            "Authorization/roleAssignments@2022-04-01' =",
            "outside",
        ),
    ],
)
def test_a_role_that_is_missing_unknown_or_too_much_is_found(
    copy: Path, file: str, old: str, new: str, expected: str
) -> None:
    change(copy, file, old, new)

    assert expected in "\n".join(map(str, role_faults(read(copy))))


def test_a_role_assignment_that_was_taken_out_is_missed(copy: Path) -> None:
    path = copy / "roles.bicep"
    before, _, rest = path.read_text(encoding="utf-8").partition("// Topic: puts events into the queue.")
    path.write_text(before + rest[rest.index("// Topic: writes") :])

    assert [fault.text for fault in role_faults(read(copy))] == [
        "missing: topicPrincipalId on eventQueue on Storage Queue Data Message Sender"
    ]


def faults_of_settings(folder: Path) -> list[str]:
    files = read(folder)
    return setting_faults(settings_made(files["appSettings.bicep"]), settings_chosen(files), "EventGrid")


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("appSettings.bicep", "'FLOWLOG_STATE'", "'FLOWLOG_STATES'", "FLOWLOG_STATES is read by neither"),
        (
            "appSettings.bicep",
            "__tableServiceUri'",
            "__tablesUri'",
            "AzureWebJobsStorage__tablesUri is read by neither",
        ),
        ("main.bicepparam", "FLOWLOG_START:", "FLOWLOG_BEGIN:", "FLOWLOG_BEGIN is read by neither"),
        ("main.bicepparam", "FLOWLOG_START:", "FLOWLOG_STATE:", "FLOWLOG_STATE is set twice"),
    ],
)
def test_a_setting_that_nobody_reads_is_found(copy: Path, file: str, old: str, new: str, expected: str) -> None:
    change(copy, file, old, new)

    assert any(expected in fault for fault in faults_of_settings(copy))


@pytest.mark.parametrize("name", ["FlowLogEventHub__fullyQualifiedNamespace", "FlowLogState__blobServiceUri"])
def test_a_setting_that_the_app_needs_and_does_not_get_is_found(copy: Path, name: str) -> None:
    change(copy, "appSettings.bicep", f"'{name}'", "'FLOWLOG_FIELD'")

    with pytest.raises(SettingsError, match=name.partition("__")[0]):
        faults_of_settings(copy)
