"""Runs queries of Kusto on DuckDB, with the clock of the simulated flows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import duckdb
import duckdb_kql

from tests.consumers.simulated_flows import NOW

DUCKDB_TYPES = {"datetime": "TIMESTAMP", "int": "INTEGER", "long": "BIGINT", "string": "VARCHAR", "dynamic": "JSON"}

_PREFIXES = re.compile(r"has_any_ipv4_prefix\((\w+), (\w+)\)")


class Tables:
    """Tables in memory that are asked in Kusto's language.

    Args:
        connection: To DuckDB.
        functions: Parameters, as ``(name: type = default, …)``, and body, as ``{ … }``, by function.

    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, functions: Mapping[str, tuple[str, str]]) -> None:
        self.connection = connection
        self._functions = [f"function {name}{head} {runnable(body)}" for name, (head, body) in functions.items()]

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        answer = self._run(query)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]

    def keep(self, name: str, query: str) -> dict[str, str]:
        """Keep the rows of a query as a table; return the types of its columns."""
        self._run(query).create(name)
        return self.types_of(name)

    @contextmanager
    def with_more(self, name: str, query: str) -> Iterator[Self]:
        """Have a table hold the rows of a query too, for a while."""
        self.connection.begin()
        self._run(query).insert_into(name)
        yield self
        self.connection.rollback()

    def types_of(self, name: str) -> dict[str, str]:
        """Return the DuckDB types of a table's columns."""
        return {column: kind for column, kind, *_ in self.connection.sql(f'DESCRIBE "{name}"').fetchall()}

    def _run(self, query: str) -> duckdb.DuckDBPyRelation:
        return duckdb_kql.kql(self.connection, runnable(query), query_now=NOW, functions=self._functions)


@contextmanager
def tables(functions: Mapping[str, tuple[str, str]] | None = None) -> Iterator[Tables]:
    with duckdb_kql.connect() as connection:
        yield Tables(connection, functions or {})


def receive_events(tables: Tables, bodies: Sequence[str]) -> None:
    """Make the table ``source`` of events as a data collection rule gets them from a hub."""
    tables.connection.sql("CREATE OR REPLACE TABLE source (TimeGenerated TIMESTAMP, RawData VARCHAR, Properties JSON)")
    tables.connection.execute("INSERT INTO source (RawData) SELECT unnest(?)", [list(bodies)])


def runnable(query: str) -> str:
    """Put what DuckDB runs in place of what it can't.

    Of a repeated row any copy is as good as the newest. ``has_any`` finds an address that is named in full.
    """
    query = query.replace("take_any(*) by id, timestamp", "arg_max(recordTime, *) by id, timestamp")
    return _PREFIXES.sub(r"\1 has_any (\2)", query)
