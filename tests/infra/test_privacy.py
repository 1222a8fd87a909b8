"""What docs/privacy.md says of places and times is what the templates make."""

import re
from pathlib import Path

from flowlog_core.settings.table import NETWORK_WATCHER_CONTAINERS

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"


def page() -> str:
    return (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


def template(name: str) -> str:
    return (INFRA / name).read_text(encoding="utf-8")


def found(pattern: str, name: str) -> str:
    """Return what the one match of a pattern in a template has in its group."""
    (match,) = re.findall(pattern, template(name))
    return str(match)


def test_every_container_and_queue_that_holds_data_is_on_the_page() -> None:
    made = re.findall(r"(?:containers|queues): \[(.*?)\]", template("data.bicep"))
    names = {name for names in made for name in re.findall(r"'([\w-]+)'", names)} - {"app-package"}

    assert names == {"flowlog-checkpoints", "flowlog-quarantine", "flowlog-dead-letters", "flowlog-events"}
    assert [name for name in sorted(names) if f"`{name}`" not in page()] == []
    assert all(name.startswith("insights-logs-") for name in NETWORK_WATCHER_CONTAINERS)


def test_the_times_on_the_page_are_the_templates_defaults() -> None:
    source = int(found(r"param sourceRetentionDays int = (\d+)", "main.bicep"))
    further = int(found(r"sourceRetentionDays > 0 \? sourceRetentionDays \+ (\d+) : 0", "platform.bicep"))
    quarantine = found(r"param quarantineDays int = (\d+)", "main.bicep")
    hub = found(r"hubDefaults = \{.*retentionHours: (\d+)", "main.bicep")
    workspace = found(r"retentionDays: (\d+)\n", "platform.bicep")
    queue = int(found(r"queueMessageTimeToLiveInSeconds: (\d+)", "queueSubscription.bicep"))

    for said in (
        f"`sourceRetentionDays` ({source})",
        f"`sourceRetentionDays` + {further} ({source + further})",
        f"`quarantineDays` ({quarantine})",
        f"`hub.retentionHours` ({hub})",
        f"{workspace} days, or what the existing workspace",
    ):
        assert said in page()
    assert (queue, "seconds; a day at most" in page()) == (86_400, True)


def test_only_what_the_page_says_is_deleted_by_a_rule_is() -> None:
    rules = re.findall(r"prefixMatch: \['(flowlog-[\w-]+)/", template("lifecycle.bicep"))

    assert set(rules) == {"flowlog-quarantine", "flowlog-checkpoints"}
    assert "until you delete them; no rule does" in page()


def test_nothing_that_the_templates_make_takes_shared_keys() -> None:
    assert "allowSharedKeyAccess: false" in template("storageAccount.bicep")
    assert "disableLocalAuth: true" in template("eventHub.bicep")
    assert "no account of the deployment takes shared keys" in page()
