"""The templates take the platform as it is, also where it differs from what one expects."""

from collections.abc import Callable

import pytest

from tests.infra.compiler import Built
from tests.infra.predictions import WAYS, Prediction

Predict = Callable[[str], Prediction]
ENDPOINTS = "Microsoft.Network/privateEndpoints"
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@EVERY_WAY
def test_the_app_has_no_setting_that_flex_consumption_refuses(predicted: Predict, way: str) -> None:
    prediction = predicted(way)

    assert "ftpsState" not in prediction.app["siteConfig"]
    assert not {"FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_WORKER_RUNTIME"} & prediction.settings.keys()


@EVERY_WAY
def test_the_host_finds_its_account_by_name_and_by_addresses(predicted: Predict, way: str) -> None:
    settings = predicted(way).settings

    account = settings["AzureWebJobsStorage__accountName"]
    assert settings["AzureWebJobsStorage__blobServiceUri"] == f"https://{account}.blob.core.windows.net/"
    assert settings["AzureWebJobsStorage__queueServiceUri"] == f"https://{account}.queue.core.windows.net/"


def test_only_an_endpoint_that_an_owner_approves_waits_for_it(predicted: Predict) -> None:
    def waiting(way: str) -> set[str]:
        endpoints = predicted(way).of(ENDPOINTS)
        return {name for name, each in endpoints.items() if each["properties"]["manualPrivateLinkServiceConnections"]}

    assert waiting("landing zone") == {"flow-source-one"}
    assert waiting("private") == set()


@EVERY_WAY
def test_alerts_are_made_before_there_is_anything_to_query(predicted: Predict, way: str) -> None:
    for alert in predicted(way).of("Microsoft.Insights/scheduledQueryRules").values():
        assert alert["properties"]["skipQueryValidation"] is True


def test_alerts_on_a_topic_of_others_ask_for_our_subscriptions_in_both_spellings(predicted: Predict) -> None:
    dimensions = {
        name: criterion["dimensions"]
        for name, alert in predicted("existing accounts").of("Microsoft.Insights/metricAlerts").items()
        for criterion in alert["properties"]["criteria"]["allOf"]
    }

    assert dimensions["flow-dead-letters-one"] == dimensions["flow-delivery-failures-one"] == []
    (dimension,) = dimensions["flow-dead-letters-two"]
    assert dimension["name"] == "EventSubscriptionName"
    assert dimension["values"] == [
        "flow-insights-logs-networksecuritygroupflowevent",
        "flow-insights-logs-flowlogflowevent",
        "FLOW-INSIGHTS-LOGS-NETWORKSECURITYGROUPFLOWEVENT",
        "FLOW-INSIGHTS-LOGS-FLOWLOGFLOWEVENT",
    ]
    assert dimensions["flow-delivery-failures-two"] == [dimension]


def test_where_logs_of_security_groups_are_chosen_their_end_is_said(built: Callable[[str], Built]) -> None:
    template = built("main.bicep").template
    described = [
        template["parameters"]["containers"]["metadata"]["description"],
        built("types.bicep").template["definitions"]["flowLogType"]["properties"]["targetId"]["metadata"][
            "description"
        ],
    ]

    assert all("30 September 2027" in each for each in described)


def test_a_flow_log_can_filter_at_the_source(predicted: Predict) -> None:
    (log,) = predicted("flow log with locks").of("Microsoft.Network/networkWatchers/flowLogs").values()

    assert log["properties"]["enabledFilteringCriteria"] == "dstPort=443"
    assert log["properties"]["recordTypes"] == "B,E"
    assert log["apiVersion"] >= "2025-03-01"  # recordTypes came with it
