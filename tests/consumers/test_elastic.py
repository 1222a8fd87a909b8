"""The configuration for Elastic takes what the product writes: pipeline, mapping, lifecycle, inputs and query agree."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.schemas.cases import CASES
from tests.schemas.ecs_fields import FIELDS
from tests.schemas.publishers import Event, events_of

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "consumers" / "elastic"
INPUTS: Final = ("filebeat-event-hubs.yml", "filebeat-kafka.yml")
ADDED_BY_FILEBEAT: Final = {
    "@timestamp": "2026-11-20T09:05:00.000Z",
    "agent": {"type": "filebeat"},
    "azure": {"eventhub": "flowlogs", "partition_id": "0"},
    "ecs": {"version": "8.0.0"},
    "input": {"type": "azure-eventhub"},
}


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def mapped(properties: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in properties.items():
        if "properties" in value:
            yield from mapped(value["properties"], f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def run_pipeline(document: Event) -> tuple[str, Event]:
    """Do what the pipeline's processors are documented to do; return the document's id and the document."""
    document_id = ""
    for processor in read("pipeline.json")["processors"]:
        match processor:
            case {"remove": {"keep": kept}}:
                document = {key: value for key, value in document.items() if key in kept}
            case {"remove": {"field": field}}:
                del document[field]
            case {"json": {"field": field, "add_to_root": True}}:
                document = document | json.loads(document[field])
            case {"set": {"field": "_id", "value": "{{{event.id}}}"}}:
                document_id = document["event"]["id"]
            case other:
                raise AssertionError(other)
    return document_id, document


def test_the_mapping_is_strict_and_has_the_fields_of_the_table() -> None:
    mappings = read("index-template.json")["template"]["mappings"]

    assert mappings["dynamic"] == "strict"
    assert dict(mapped(mappings["properties"])) == {
        name: {"type": field.type} | ({"ignore_above": 1024} if field.type == "keyword" else {})
        for name, field in FIELDS.items()
    }


@pytest.mark.parametrize("subject", CASES)
def test_the_pipeline_makes_a_flow_of_what_filebeat_read_under_its_own_id(subject: str) -> None:
    events = [event for raw in CASES[subject].records for event in events_of(raw, "ecs")]

    for event in events:
        made = run_pipeline(ADDED_BY_FILEBEAT | {"message": json.dumps(event)})
        assert made == (event["event"]["id"], event)
    assert len(events) == CASES[subject].flows > 0


def test_template_pipeline_and_lifecycle_are_known_by_the_names_of_the_page() -> None:
    settings = read("index-template.json")["template"]["settings"]["index"]
    page = (ROOT / "docs" / "consumers" / "elastic.md").read_text(encoding="utf-8")

    for path, file in (
        (f"_ilm/policy/{settings['lifecycle']['name']}", "lifecycle.json"),
        (f"_ingest/pipeline/{settings['default_pipeline']}", "pipeline.json"),
        ("_index_template/azure-flow-log", "index-template.json"),
    ):
        assert re.search(rf"{path} .*{file}", page), path
    assert list(read("lifecycle.json")["policy"]["phases"]) == ["hot", "delete"]


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_writes_to_a_data_stream_of_the_template(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    (pattern,) = read("index-template.json")["index_patterns"]

    (index,) = re.findall(r"^  index: (\S+)$", text, re.MULTILINE)
    assert index.startswith(pattern.removesuffix("*"))
    assert "setup.template.enabled: false" in text
    assert "setup.ilm.enabled: false" in text


def test_the_queries_are_those_of_the_page_and_name_fields_of_the_table() -> None:
    page = (ROOT / "docs" / "consumers" / "elastic.md").read_text(encoding="utf-8")
    esql = (FOLDER / "denied.esql").read_text(encoding="utf-8")
    (kql,) = re.findall(r"```text\n(event\..*)\n```", page)

    assert esql in page
    for query in (esql, kql):
        named = re.findall(r"(?<![-\w.])(?:@timestamp|[a-z]+\.[a-z_.]+)(?!-)", re.sub(r'"[^"]*"|logs-\S+', "", query))
        assert len(named) > 1
        assert set(named) <= set(FIELDS)
