"""The templates for readers in Azure compile, and deploy the files that the other tests run."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.sentinel_files import FILTERING, PLAIN, RULES, custom_columns, function_of, text_of
from tests.infra.compiler import Built, Compiler
from tests.support.tools import require_tool

CONSUMERS = Path(__file__).resolve().parents[2] / "consumers"
FILES = sorted(str(file.relative_to(CONSUMERS)) for file in CONSUMERS.rglob("*.bicep"))
TIMES = {"PT15M": timedelta(minutes=15), "PT30M": timedelta(minutes=30), "PT1H": timedelta(hours=1)}
TIMES["P14D"] = timedelta(days=14)

Build = Callable[[str], Built]


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler(require_tool("bicep")) as compiler:
        yield compiler


@pytest.fixture(scope="module")
def build(compiler: Compiler) -> Build:
    return lambda name: compiler.build(CONSUMERS / name)


def resources(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return what a template deploys of a type."""
    listed = template["resources"]
    each = listed.values() if isinstance(listed, dict) else listed
    return [resource for resource in each if resource["type"] == kind and not resource.get("existing")]


def test_there_are_templates() -> None:
    assert FILES == [
        "data-explorer/connection.bicep",
        "sentinel/association.bicep",
        "sentinel/event-hub.bicep",
        "sentinel/workspace.bicep",
    ]


@pytest.mark.parametrize("name", FILES)
def test_the_compiler_its_linter_and_its_formatter_find_nothing(compiler: Compiler, name: str) -> None:
    assert compiler.build(CONSUMERS / name).diagnostics == []
    assert compiler.formatted(CONSUMERS / name) == (CONSUMERS / name).read_text(encoding="utf-8")


def test_the_workspace_gets_the_table_and_the_parsers_of_the_files(build: Build) -> None:
    template = build("sentinel/workspace.bicep").template
    (table,) = resources(template, "Microsoft.OperationalInsights/workspaces/tables")
    parsers = resources(template, "Microsoft.OperationalInsights/workspaces/savedSearches")

    deployed = json.dumps([table, template["variables"]])
    assert all(json.dumps({"name": name, "type": kind}) in deployed for name, kind in custom_columns().items())
    assert [parser["properties"]["functionAlias"] for parser in parsers] == [FILTERING, PLAIN]
    variables = template["variables"]
    assert ", ".join(variables["filterParameters"]) == function_of(FILTERING)[0][1:-1]
    assert parsers[1]["properties"]["functionParameters"] == function_of(PLAIN)[0][1:-1]
    assert all(text_of(f"{name}.kql") in texts_of(template) for name in (FILTERING, PLAIN))


def test_each_rule_looks_back_as_far_as_its_query_and_as_often_as_its_window(build: Build) -> None:
    variables = build("sentinel/workspace.bicep").template["variables"]
    # A text from a file is a variable of its own: [variables('$fxv#3')].
    deployed = {variables[rule["query"].split("'")[1]]: rule for rule in variables["rules"]}

    assert len(deployed) == len(RULES)
    for name in RULES:
        query = text_of(f"rules/{name}.kql")
        rule = deployed[query]
        spans = {key: span(text) for key, text in re.findall(r"^let (\w+) = (\d+[dhm]);", query, re.MULTILINE)}
        assert TIMES[rule["frequency"]] == spans["window"]
        assert TIMES[rule["period"]] >= max(spans["window"] + spans["delay"], spans.get("baseline", timedelta()))
        assert len(query) < 10_000  # learn.microsoft.com, azure/sentinel/scheduled-rules-overview


def span(text: str) -> timedelta:
    unit = {"d": "days", "h": "hours", "m": "minutes"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def texts_of(value: object) -> set[str]:
    """Return every text in a template."""
    if isinstance(value, dict):
        return set().union(*map(texts_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(texts_of, value))
    return {value} if isinstance(value, str) else set()


def test_the_data_collection_rule_has_both_transformations(build: Build) -> None:
    template = build("sentinel/event-hub.bicep").template
    (rule,) = resources(template, "Microsoft.Insights/dataCollectionRules")

    assert {text_of("transform-flow.kql"), text_of("transform-asim.kql")} <= texts_of(template)
    assert rule["properties"]["dataFlows"][0]["transformKql"] == "[variables('target').transformation]"


def test_the_data_connection_fills_the_table_by_the_mapping_of_the_script(build: Build) -> None:
    template = build("data-explorer/connection.bicep").template
    (connection,) = resources(template, "Microsoft.Kusto/clusters/databases/dataConnections")
    script = (CONSUMERS / "data-explorer" / "database.kql").read_text(encoding="utf-8")

    properties = connection["properties"]
    assert f".create-merge table {properties['tableName']} (" in script
    assert f'table {properties["tableName"]} ingestion json mapping "{properties["mappingRuleName"]}"' in script
    assert properties["dataFormat"] == "JSON"
    assert script in texts_of(template)
