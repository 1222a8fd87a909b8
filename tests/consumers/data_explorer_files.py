"""The files of consumers/data-explorer, and what their mapping and update policy make of events, on DuckDB."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb_kql

from tests.consumers.kusto_on_duckdb import DUCKDB_TYPES, Tables
from tests.support.kusto import Database

FOLDER = Path(__file__).resolve().parents[2] / "consumers" / "data-explorer"


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    return [command for _, command in duckdb_kql.split_script(text_of(name))]


def command_that(begins: str) -> str:
    (command,) = [command for command in commands("database.kql") if f"\n{begins}" in f"\n{command}"]
    return command


def columns_of(table: str) -> dict[str, str]:
    listed = command_that(f".create-merge table {table} (").split("(", 1)[1].rsplit(")", 1)[0]
    return dict(re.findall(r"(\w+): (\w+)", listed))


def mapping() -> list[dict[str, Any]]:
    mapped: list[dict[str, Any]] = json.loads(command_that(".create-or-alter table").split("```")[1])
    return mapped


def body_of(begins: str) -> str:
    """Return what stands between the braces of a command."""
    return command_that(begins).split("{", 1)[1].rsplit("}", 1)[0]


def database() -> Database:
    def schema(table: str) -> str:
        return f"({', '.join(f'{name}: {kind}' for name, kind in columns_of(table).items())})"

    return Database(
        name="flows",
        tables={table: schema(table) for table in ("FlowLogsReceived", "FlowLogs")},
        views={"FlowLogsOnce": schema("FlowLogs")},
        functions={"CompleteFlowLogs": ("()", f"{{ {body_of('.create-or-alter function')} }}")},
    )


def ingest(asked: Tables, bodies: Sequence[bytes]) -> None:
    """Read each line of each body by the mapping, into FlowLogsReceived; then run the update policy."""
    types = {name: DUCKDB_TYPES[kind] for name, kind in columns_of("FlowLogsReceived").items()}
    selected = ", ".join(
        f"""(line ->> '{column["Properties"]["Path"]}')::{types[column["Column"]]} AS "{column["Column"]}\""""
        for column in mapping()
    )
    lines = [line for body in bodies for line in body.decode().split("\n")]
    asked.connection.execute(
        f"CREATE OR REPLACE TABLE FlowLogsReceived AS SELECT {selected} FROM (SELECT unnest(?)::JSON AS line)",  # noqa: S608 # ours
        [lines],
    )
    asked.keep("FlowLogs", body_of(".create-or-alter function"))
