"""What docs/privacy.md says of places and times is what a deployment makes."""

from pathlib import Path
from typing import Any

import pytest

from flowlog_core.settings.table import NETWORK_WATCHER_CONTAINERS
from tests.infra.conftest import Predict
from tests.infra.predictions import Prediction

ROOT = Path(__file__).resolve().parents[2]


def page() -> str:
    return (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


@pytest.fixture
def made(predicted: Predict) -> Prediction:
    """With the queue, which has more places than the others."""
    return predicted("queue")


def days_of_rules(made: Prediction) -> dict[str, int]:
    """Return after how many days what begins with a prefix is deleted."""
    (policy,) = made.of("Microsoft.Storage/storageAccounts/managementPolicies").values()
    return {
        prefix: rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
        for rule in policy["properties"]["policy"]["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }


def properties_of(made: Prediction, kind: str) -> list[dict[str, Any]]:
    return [each["properties"] for each in made.of(kind).values()]


def test_every_container_and_queue_that_holds_data_is_on_the_page(made: Prediction) -> None:
    kinds = ("blobServices/containers", "queueServices/queues")
    paths = [path for kind in kinds for path in made.of(f"Microsoft.Storage/storageAccounts/{kind}")]
    names = {path.rpartition("/")[2] for path in paths} - {"app-package", *NETWORK_WATCHER_CONTAINERS}

    assert names == {"flowlog-checkpoints", "flowlog-quarantine", "flowlog-dead-letters", "flowlog-events"}
    assert [name for name in sorted(names) if f"`{name}`" not in page()] == []


def test_the_times_on_the_page_are_those_of_a_deployment_that_sets_none(made: Prediction) -> None:
    days = days_of_rules(made)
    checkpoints = {count for prefix, count in days.items() if prefix.startswith("flowlog-checkpoints/")}
    (hub,) = properties_of(made, "Microsoft.EventHub/namespaces/eventhubs")
    (workspace,) = properties_of(made, "Microsoft.OperationalInsights/workspaces")
    subscriptions = properties_of(made, "Microsoft.EventGrid/systemTopics/eventSubscriptions")
    destinations = [each["deliveryWithResourceIdentity"]["destination"] for each in subscriptions]
    seconds = {each["properties"]["queueMessageTimeToLiveInSeconds"] for each in destinations}

    assert checkpoints == {37}
    for said in (
        "`sourceRetentionDays` (30)",
        "`sourceRetentionDays` + 7 (37)",
        f"`quarantineDays` ({days['flowlog-quarantine/']})",
        f"`hub.retentionHours` ({hub['retentionDescription']['retentionTimeInHours']})",
        f"{workspace['retentionInDays']} days, or what the existing workspace",
    ):
        assert said in page()
    assert (seconds, "seconds; a day at most" in page()) == ({86_400}, True)


def test_only_what_the_page_says_is_deleted_by_a_rule_is(made: Prediction) -> None:
    containers = {prefix.partition("/")[0] for prefix in days_of_rules(made)}

    assert containers == {"flowlog-quarantine", "flowlog-checkpoints"}
    assert "until you delete them; no rule does" in page()


def test_nothing_that_a_deployment_makes_takes_shared_keys(made: Prediction) -> None:
    accounts = properties_of(made, "Microsoft.Storage/storageAccounts")
    (namespace,) = properties_of(made, "Microsoft.EventHub/namespaces")

    assert {each["allowSharedKeyAccess"] for each in accounts} == {False}
    assert namespace["disableLocalAuth"] is True
    assert "no account of the deployment takes shared keys" in page()
