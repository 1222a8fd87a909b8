"""What each way of deploying makes is known before it is deployed, and is what it should be."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.predictions import PLACE, SUBSCRIPTION, WAYS, Prediction, account_id

Predict = Callable[[str], Prediction]
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CONTAINERS = ("insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent")
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
SUBSCRIPTIONS = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
APP = "userAssignedIdentities/app"
# What the app may in its own resource group. Adding to this list is a decision about security; see docs/deploy.md.
OWN = {
    ("storageAccounts/host", "Storage Blob Data Owner"),
    ("storageAccounts/host", "Storage Queue Data Contributor"),
    ("storageAccounts/host", "Storage Table Data Contributor"),
    ("storageAccounts/state/blobServices/default/containers/flowlog-checkpoints", "Storage Blob Data Contributor"),
    ("storageAccounts/state/blobServices/default/containers/flowlog-quarantine", "Storage Blob Data Contributor"),
    ("namespaces/hubs/eventhubs/flowlogs", "Azure Event Hubs Data Sender"),
    ("components/flow-insights", "Monitoring Metrics Publisher"),
}
READS = "Storage Blob Data Reader"
QUEUE = "storageAccounts/host/queueServices/default/queues/flowlog-events"
ANNOUNCEMENTS = "namespaces/hubs/eventhubs/flowlog-announcements"
DEAD_LETTERS = "storageAccounts/state/blobServices/default/containers/flowlog-dead-letters"
FLOW_LOG = ("userAssignedIdentities/flow-flow-log", "storageAccounts/logs", "Storage Blob Data Contributor")


@EVERY_WAY
def test_every_condition_and_every_name_but_of_roles_is_known_before_a_deployment(predicted: Predict, way: str) -> None:
    prediction = predicted(way)

    assert prediction.diagnostics == []
    assert [each["id"] for each in prediction.resources if "condition" in each] == []
    unknown = [each for each in prediction.resources if "[" in each["name"] or "[" in each["id"]]
    assert {each["type"] for each in unknown} <= {ASSIGNMENT}
    # Of a role assignment's name nothing is unknown but the principal.
    assert all(each["name"].count("reference(") == 1 for each in unknown)


@EVERY_WAY
def test_no_two_resources_are_one(predicted: Predict, way: str) -> None:
    ids = Counter(each["id"].lower() for each in predicted(way).resources)

    assert [each for each, count in ids.items() if count > 1] == []


@EVERY_WAY
def test_nothing_is_made_for_what_nobody_named(predicted: Predict, way: str) -> None:
    names = [name for each in predicted(way).resources for name in each["id"].removeprefix("/").split("/")]

    assert {"none", ""} & set(names) == set()


def test_what_is_not_named_gets_names_that_azure_takes(predicted: Predict) -> None:
    for account in predicted("unnamed").of("Microsoft.Storage/storageAccounts"):
        assert account.isalnum()
        assert account == account.lower()
        assert len(account) <= 24  # the limit of storage accounts


def test_by_default_the_app_reads_a_new_account_and_calls_come_by_web_hook(predicted: Predict) -> None:
    default = predicted("default")

    assert default.roles == {
        *((APP, *each) for each in OWN),
        (APP, "storageAccounts/logs", READS),
        ("systemTopics/flowlog-logs", DEAD_LETTERS, "Storage Blob Data Contributor"),
        FLOW_LOG,
    }
    assert default.of(SUBSCRIPTIONS) == {}  # phase 2
    assert default.settings["FLOWLOG_TRIGGER_SOURCE"] == "EventGrid"
    assert default.app["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"] == [
        {"name": "blob", "instanceCount": 1}
    ]
    assert [rule["ipAddress"] for rule in default.app["siteConfig"]["ipSecurityRestrictions"]] == ["AzureEventGrid"]


def test_a_large_deployment_has_larger_instances_and_a_hub_that_grows(predicted: Predict) -> None:
    large = predicted("large")

    scale = large.app["functionAppConfig"]["scaleAndConcurrency"]
    assert (scale["instanceMemoryMB"], scale["maximumInstanceCount"]) == (4096, 100)
    (namespace,) = large.of("Microsoft.EventHub/namespaces").values()
    assert namespace["properties"]["isAutoInflateEnabled"] is True
    assert namespace["properties"]["maximumThroughputUnits"] == 20  # as docs/deploy.md says
    (hub,) = large.of("Microsoft.EventHub/namespaces/eventhubs").values()
    assert hub["properties"]["partitionCount"] == 32  # as docs/deploy.md says


def closed(prediction: Prediction) -> dict[str, str]:
    """Return whether public networks may reach what a deployment makes."""
    kinds = ("Microsoft.Storage/storageAccounts", "Microsoft.EventHub/namespaces", "Microsoft.Web/sites")
    return {
        name: each["properties"]["publicNetworkAccess"] for kind in kinds for name, each in prediction.of(kind).items()
    }


def endpoints(prediction: Prediction) -> dict[str, tuple[str, str]]:
    """Return what each private endpoint leads to, and its subnet."""
    found = {}
    for name, each in prediction.of("Microsoft.Network/privateEndpoints").items():
        properties: dict[str, Any] = each["properties"]
        (connection,) = properties["privateLinkServiceConnections"] + properties["manualPrivateLinkServiceConnections"]
        target = connection["properties"]["privateLinkServiceId"].rpartition("/")[2]
        (group,) = connection["properties"]["groupIds"]
        found[name] = (f"{target} {group}", properties["subnet"]["id"])
    return found


def test_only_a_private_deployment_closes_public_endpoints(predicted: Predict) -> None:
    assert set(closed(predicted("default")).values()) == {"Enabled"}
    # The app's stays open to the ranges that code is deployed from, and to them alone.
    assert closed(predicted("private")) == {
        "host": "Disabled",
        "state": "Disabled",
        "logs": "Disabled",
        "hubs": "Disabled",
        "flow-app": "Enabled",
    }
    site = predicted("private").app["siteConfig"]
    assert (site["ipSecurityRestrictionsDefaultAction"], site["scmIpSecurityRestrictionsDefaultAction"]) == (
        "Deny",
        "Deny",
    )
    assert [rule["ipAddress"] for rule in site["scmIpSecurityRestrictions"]] == ["192.0.2.0/24"]
    assert set(closed(predicted("landing zone")).values()) == {"Disabled"}


def test_a_private_deployment_makes_its_network_zones_and_endpoints(predicted: Predict) -> None:
    private = predicted("private")

    network = f"{PLACE}/Microsoft.Network/virtualNetworks/flow-vnet/subnets"
    assert private.app["virtualNetworkSubnetId"] == f"{network}/app"
    assert endpoints(private) == {
        name: (target, f"{network}/endpoints")
        for name, target in {
            "flow-host-blob": "host blob",
            "flow-host-queue": "host queue",
            "flow-host-table": "host table",
            "flow-state-blob": "state blob",
            "flow-hub": "hubs namespace",
            "flow-app": "flow-app sites",
            "flow-source-logs": "logs blob",
        }.items()
    }
    zones = set(private.of("Microsoft.Network/privateDnsZones"))
    assert len(zones) == 5  # blob, queue, table, namespace, sites
    assert {name.split("/")[0] for name in private.of("Microsoft.Network/privateDnsZones/virtualNetworkLinks")} == zones
    records = private.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    assert {name.split("/")[0] for name in records} == set(endpoints(private))
    assert private.settings["FLOWLOG_TRIGGER_SOURCE"] == "StorageQueue"


def test_a_landing_zone_brings_its_network_zones_identity_workspace_and_action_groups(predicted: Predict) -> None:
    zone = predicted("landing zone")

    made = {each["type"] for each in zone.resources}
    assert (
        not {
            "Microsoft.Network/virtualNetworks",
            "Microsoft.Network/privateDnsZones",
            "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
            "Microsoft.ManagedIdentity/userAssignedIdentities",
            "Microsoft.OperationalInsights/workspaces",
            "Microsoft.Insights/actionGroups",
        }
        & made
    )
    subnets = f"{PLACE}/Microsoft.Network/virtualNetworks/landing/subnets"
    assert zone.app["virtualNetworkSubnetId"] == f"{subnets}/app"
    assert {subnet for _, subnet in endpoints(zone).values()} == {f"{subnets}/endpoints"}
    assert zone.settings["FlowLogEventHub__clientId"] == "their-client"
    # The owner of the source assigns the role there.
    assert {each for each in zone.roles if "topic" not in each[0].lower()} == {
        ("their-principal", *each) for each in OWN
    }
    for alert in zone.of("Microsoft.Insights/scheduledQueryRules").values():
        assert alert["properties"]["actions"]["actionGroups"] == [f"{PLACE}/Microsoft.Insights/actionGroups/theirs"]


def test_existing_accounts_of_other_subscriptions_get_a_topic_a_role_and_alerts_there(predicted: Predict) -> None:
    existing = predicted("existing accounts")

    assert existing.roles == {
        *((APP, *each) for each in OWN),
        (APP, "2/network/storageAccounts/one", READS),
        (APP, "3/network/storageAccounts/two", READS),
        ("2/network/systemTopics/flowlog-one", DEAD_LETTERS, "Storage Blob Data Contributor"),
        ("3/network/systemTopics/theirs", DEAD_LETTERS, "Storage Blob Data Contributor"),
    }
    (topic,) = existing.of("Microsoft.EventGrid/systemTopics").values()
    assert (topic["name"], topic["location"]) == ("flowlog-one", "westeurope")
    assert topic["properties"]["source"] == account_id("2", "one")
    scopes = {each["properties"]["scopes"][0] for each in existing.of("Microsoft.Insights/metricAlerts").values()}
    assert scopes == {
        account_id(number, name).replace(
            "Microsoft.Storage/storageAccounts/" + name, f"Microsoft.EventGrid/systemTopics/{topic}"
        )
        for number, name, topic in (("2", "one", "flowlog-one"), ("3", "two", "theirs"))
    }
    foreign = {each["type"] for each in existing.resources if "/resourceGroups/network/" in each["id"]}
    assert foreign == {"Microsoft.EventGrid/systemTopics", "Microsoft.Insights/metricAlerts", ASSIGNMENT}
    assert existing.settings["FLOWLOG_SOURCES"] == "FlowLog_one,Two"
    assert existing.settings["Two__blobServiceUri"] == "https://two.blob.core.windows.net/"
    assert "logs" not in existing.of("Microsoft.Storage/storageAccounts")


def test_the_role_on_a_source_is_for_its_flow_log_containers_alone(predicted: Predict) -> None:
    (assignment,) = [
        each
        for each in predicted("default").resources
        if each["type"] == ASSIGNMENT and "condition" in each["properties"]
    ]

    condition = assignment["properties"]["condition"]
    assert all(f"containers:name] StringEquals '{container}'" in condition for container in CONTAINERS)
    assert condition.count("StringEquals") == len(CONTAINERS)


def test_with_the_queue_a_topic_delivers_to_it_with_its_own_identity(predicted: Predict) -> None:
    queue = predicted("queue")

    subscriptions = queue.of(SUBSCRIPTIONS)
    assert set(subscriptions) == {f"flowlog-logs/flow-{container}" for container in CONTAINERS}
    for name, each in subscriptions.items():
        subscription = each["properties"]
        container = name.partition("/flow-")[2]
        assert subscription["filter"] == {
            "includedEventTypes": ["Microsoft.Storage.BlobCreated"],
            "subjectBeginsWith": f"/blobServices/default/containers/{container}/blobs/",
            "subjectEndsWith": "/PT1H.json",
            "isSubjectCaseSensitive": True,
        }
        delivery = subscription["deliveryWithResourceIdentity"]
        assert delivery["identity"] == {"type": "SystemAssigned"}
        assert delivery["destination"]["properties"]["resourceId"] == f"{PLACE}/Microsoft.Storage/storageAccounts/host"
        assert delivery["destination"]["properties"]["queueName"] == "flowlog-events"
    topic = "systemTopics/flowlog-logs"
    assert {each for each in queue.roles if each[0] == topic} == {
        (topic, QUEUE, "Storage Queue Data Message Sender"),
        (topic, DEAD_LETTERS, "Storage Blob Data Contributor"),
    }
    assert queue.app["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"] == []
    assert queue.app["siteConfig"]["ipSecurityRestrictions"] == []


def test_with_the_event_hub_a_topic_delivers_to_it_and_the_app_reads_it(predicted: Predict) -> None:
    hub = predicted("hub")

    subscriptions = hub.of(SUBSCRIPTIONS)
    assert set(subscriptions) == {f"flowlog-logs/flow-{container}" for container in CONTAINERS}
    for each in subscriptions.values():
        delivery = each["properties"]["deliveryWithResourceIdentity"]
        assert delivery["identity"] == {"type": "SystemAssigned"}
        assert delivery["destination"] == {
            "endpointType": "EventHub",
            "properties": {
                "resourceId": f"{PLACE}/Microsoft.EventHub/namespaces/hubs/eventhubs/flowlog-announcements",
                "deliveryAttributeMappings": [
                    {"name": "PartitionKey", "type": "Dynamic", "properties": {"sourceField": "subject"}}
                ],
            },
        }
    (made,) = [
        each["properties"]
        for name, each in hub.of("Microsoft.EventHub/namespaces/eventhubs").items()
        if name == "hubs/flowlog-announcements"
    ]
    assert made["partitionCount"] == 4
    assert "hubs/flowlog-announcements/forwarder" in hub.of("Microsoft.EventHub/namespaces/eventhubs/consumergroups")
    topic = "systemTopics/flowlog-logs"
    assert {each for each in hub.roles if each[0] == topic} == {
        (topic, ANNOUNCEMENTS, "Azure Event Hubs Data Sender"),
        (topic, DEAD_LETTERS, "Storage Blob Data Contributor"),
    }
    assert (APP, ANNOUNCEMENTS, "Azure Event Hubs Data Receiver") in hub.roles
    assert hub.settings["FLOWLOG_TRIGGER_SOURCE"] == "EventHub"
    assert hub.settings["FLOWLOG_ANNOUNCEMENT_HUB"] == "flowlog-announcements"


def test_event_grid_reaches_the_hub_of_a_private_deployment_as_a_trusted_service(predicted: Predict) -> None:
    rules = "Microsoft.EventHub/namespaces/networkRuleSets"

    assert predicted("private hub").of(rules)["hubs/default"]["properties"] == {
        "publicNetworkAccess": "Disabled",
        "defaultAction": "Deny",
        "trustedServiceAccessEnabled": True,
    }
    assert predicted("hub").of(rules) == {}


def test_the_sweep_alone_needs_no_event_grid(predicted: Predict) -> None:
    sweep = predicted("sweep")

    assert not any("EventGrid" in each["type"] for each in sweep.resources)
    assert sweep.roles == {*((APP, *each) for each in OWN), (APP, "storageAccounts/logs", READS), FLOW_LOG}


def test_locks_keep_state_hub_and_source_and_a_flow_log_writes_with_an_identity(predicted: Predict) -> None:
    locked = predicted("flow log with locks")

    locks = [each["id"] for each in locked.resources if each["type"] == "Microsoft.Authorization/locks"]
    assert sorted(each.partition("/providers/Microsoft.Authorization")[0].rpartition("/")[2] for each in locks) == [
        "hubs",
        "logs",
        "state",
    ]
    (log,) = locked.of("Microsoft.Network/networkWatchers/flowLogs").values()
    assert log["id"].startswith(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/NetworkWatcherRG/")
    assert log["name"] == "NetworkWatcher_westeurope/flow-shop"
    assert log["properties"]["storageId"] == f"{PLACE}/Microsoft.Storage/storageAccounts/logs"
    identity = f"{PLACE}/Microsoft.ManagedIdentity/userAssignedIdentities/flow-flow-log"
    assert log["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    assert locked.roles >= {FLOW_LOG}
    (group,) = locked.of("Microsoft.Insights/actionGroups").values()
    assert [each["emailAddress"] for each in group["properties"]["emailReceivers"]] == ["operator@example.org"]
    assert not [each for each in predicted("default").resources if each["type"] == "Microsoft.Authorization/locks"]
