"""Every alert has a query or a metric, a threshold that can be chosen, and an entry in the runbook."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.infra.compiler import Compiler
from tests.infra.predictions import WAYS, Prediction, predict

ROOT = Path(__file__).resolve().parents[2]
QUERIES = ROOT / "infra" / "queries"
LOG_ALERTS = "Microsoft.Insights/scheduledQueryRules"
METRIC_ALERTS = "Microsoft.Insights/metricAlerts"
CHOSEN = {
    "lagSeconds": 101,
    "quarantined": 102,
    "poisoned": 103,
    "throttled": 104,
    "failures": 105,
    "unfinishedSweeps": 106,
    "silentSources": 107,
    "deadLetters": 108,
    "deliveryFailures": 109,
}


def criteria(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one condition of an alert."""
    (criterion,) = alert["properties"]["criteria"]["allOf"]
    found: dict[str, Any] = criterion
    return found


def thresholds(prediction: Prediction) -> dict[str, float]:
    """Return the threshold of each alert by the name of its entry in the runbook."""
    return {
        re.findall(r'"([^"]+)"\.$', alert["properties"]["description"])[0]: criteria(alert)["threshold"]
        for kind in (LOG_ALERTS, METRIC_ALERTS)
        for alert in prediction.of(kind).values()
    }


def test_every_alert_has_an_entry_in_the_runbook(predicted: Callable[[str], Prediction]) -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    alerts = runbook[runbook.index("\n## Alerts\n") : runbook.index("\n## Runbooks without an alert\n")]

    assert sorted(thresholds(predicted("default"))) == sorted(re.findall(r"^### (.+)$", alerts, re.MULTILINE))


def test_every_threshold_can_be_chosen(compiler: Compiler, templates: Path) -> None:
    way = {**WAYS["default"], "alertThresholds": {**CHOSEN, "silentMinutes": 30}}
    prediction = predict(compiler, templates, way)

    assert sorted(thresholds(prediction).values()) == sorted([*CHOSEN.values(), 0])
    silence = prediction.of(LOG_ALERTS)["flow-silence"]
    assert silence["properties"]["windowSize"] == "PT30M"


def test_every_query_is_that_of_an_alert(predicted: Callable[[str], Prediction]) -> None:
    used = [criteria(alert)["query"] for alert in predicted("default").of(LOG_ALERTS).values()]

    assert sorted(used) == sorted(path.read_text(encoding="utf-8") for path in QUERIES.iterdir())
