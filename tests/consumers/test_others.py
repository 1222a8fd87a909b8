"""What the short guides say of the flow holds: keys, types and settings."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from flowlog_core.events.packer import EventCompression, EventFormat
from flowlog_core.flow.schemas import SchemaName
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS

ROOT = Path(__file__).resolve().parents[2]
CONSUMERS = ROOT / "consumers"
GUIDES = ROOT / "docs" / "consumers"
FLOWS = [
    json.loads(line)
    for file in sorted((ROOT / "tests" / "golden").glob("*.flows.ndjson"))
    for line in file.read_text(encoding="utf-8").splitlines()
]
WORDS = {
    *("String", "LowCardinality(String)", "STRING", "VARCHAR"),
    *("LowCardinality(Nullable(String))", "DateTime64(3 'UTC')", "TIMESTAMP"),
}
"""Types for what is text in JSON; all others are numbers."""


def text_of(file: str) -> str:
    return (CONSUMERS / file).read_text(encoding="utf-8")


def clickhouse_columns() -> dict[str, str]:
    (body,) = re.findall(r"CREATE TABLE flows\n\((.+?)\n\)\n", text_of("clickhouse/flows.sql"), re.DOTALL)
    return columns_in(body.replace("(3, 'UTC')", "(3 'UTC')"))


def spark_columns() -> dict[str, str]:
    (schema,) = re.findall(r'SCHEMA = """(.+?)"""', text_of("spark/read_flows.py"), re.DOTALL)
    return columns_in(schema)


def duckdb_columns() -> dict[str, str]:
    (body,) = re.findall(r"columns = \{(.+?)\}", text_of("duckdb/flows.sql"), re.DOTALL)
    columns = {name: kind.strip("'") for name, kind in columns_in(body.replace(":", "")).items()}
    assert columns.pop("communityId") == "VARCHAR"  # a key on request
    return columns


def columns_in(text: str) -> dict[str, str]:
    pairs = [column.split(maxsplit=1) for column in text.split(",")]
    return {name: kind.strip() for name, kind in pairs}


TABLES = {"clickhouse": clickhouse_columns, "spark": spark_columns, "duckdb": duckdb_columns}


@pytest.mark.parametrize("reader", TABLES)
def test_a_table_has_a_column_for_each_key_of_the_flow_in_its_order_and_of_its_type(reader: str) -> None:
    columns = TABLES[reader]()

    assert list(columns) == list(DEFAULT_FIELDS)
    text = {key for flow in FLOWS for key, value in flow.items() if isinstance(value, str)}
    assert {name for name, kind in columns.items() if kind in WORDS} == text


def test_a_column_of_clickhouse_takes_null_where_the_flow_may_have_it() -> None:
    nullable = {name for name, kind in clickhouse_columns().items() if "Nullable" in kind}

    assert nullable == {key for flow in FLOWS for key, value in flow.items() if value is None}


@pytest.mark.parametrize("file", ["clickhouse/denied.sql", "stream-analytics/denied.sql", "duckdb/denied.sql"])
def test_a_query_names_keys_of_the_flow(file: str) -> None:
    query = re.sub(r"--.*|'[^']*'", "", text_of(file))
    names = set(re.findall(r"\b[a-z]+[A-Z]\w*|\b(?:rule|protocol|decision)\b", query)) - {"windowEnd"}

    assert {"srcIp", "destIp", "decision"} <= names <= set(DEFAULT_FIELDS)


def test_the_pipeline_for_datadog_takes_keys_of_the_flow() -> None:
    processors = json.loads(text_of("datadog/pipeline.json"))["processors"]
    sources = [each["sources"] for each in processors]

    assert sources[0] == ["time"]
    assert {key for keys in sources for key in keys} <= set(DEFAULT_FIELDS)
    assert {each["type"] for each in processors} == {"date-remapper", "attribute-remapper"}


def test_every_format_and_compression_that_a_guide_names_is_one_of_the_settings() -> None:
    pages = "".join(
        (GUIDES / name).read_text(encoding="utf-8") for name in ("splunk.md", "any-program.md", "others.md")
    )
    rows = re.findall(r"^\| \[.+?\) \| `(\w+)` \| (.+?) \|", pages, re.MULTILINE)
    settings = re.findall(r"`FLOWLOG_EVENT_(FORMAT|COMPRESSION)(?:` \| `|=)([a-z]+)`", pages)

    assert len(rows) == 6
    assert {kind for kind, _ in rows} | {value for name, value in settings if name == "FORMAT"} <= set(
        get_args(EventFormat)
    )
    compressions = {each for _, text in rows for each in re.findall(r"`(\w+)`", text)}
    assert compressions | {value for name, value in settings if name == "COMPRESSION"} <= set(
        get_args(EventCompression)
    )
    assert len(settings) >= 4


def test_the_readme_has_every_guide_with_values_of_the_settings() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n| reader |")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    allowed = [get_args(kind) for kind in (SchemaName, EventFormat, EventCompression)]

    for _, *settings, _ in rows:
        named = [re.findall(r"`(\w+)`", cell) for cell in settings]
        assert all(set(values) <= set(known) for values, known in zip(named, allowed, strict=True))
        assert all(values or "any" in cell for values, cell in zip(named, settings, strict=True))
    linked = {page for row in rows for page in re.findall(r"\]\(docs/consumers/([\w-]+\.md)", row[-1])}
    assert linked == {page.name for page in GUIDES.glob("*.md")} - {"queries.md"}


def test_every_file_of_a_reader_is_linked_from_a_guide() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in GUIDES.glob("*.md"))
    files = [file for file in CONSUMERS.glob("*/*") if file.is_file()]

    assert len(files) > 25
    assert [
        name for name in (file.relative_to(ROOT).as_posix() for file in files) if f"](../../{name})" not in pages
    ] == []
