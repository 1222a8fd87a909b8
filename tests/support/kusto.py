"""Microsoft's language service for Kusto: what it finds wrong in queries and in control commands."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from local.azurite import find_node

_CHECK = Path(__file__).resolve().parents[1] / "infra" / "kusto" / "check.mjs"
_BLOCK = re.compile(r"^( *)```(?:kusto|kql)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_ANALYTICS_QUERY = re.compile(r"--analytics-query \\\n +'(.*?)'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Database:
    """What queries may name.

    Attributes:
        tables: Columns by table, as ``(name: type, …)``.
        views: The same for materialized views.
        functions: Parameters, as ``(name: type = default, …)``, and body, as ``{ … }``, by function.
        name: What commands call the database.

    """

    tables: Mapping[str, str]
    views: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    name: str = "logs"


def faults(queries: Mapping[str, str], database: Database) -> dict[str, list[str]]:
    """Return what the language service has to say of each query or command."""
    asked = {
        "name": database.name,
        "tables": dict(database.tables),
        "views": dict(database.views),
        "functions": dict(database.functions),
        "queries": dict(queries),
    }
    done = subprocess.run(  # noqa: S603 # fixed arguments
        [find_node(), str(_CHECK)],
        input=json.dumps(asked),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"is the language service there (make set-up)? {done.stderr}"
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def queries_of_page(page: Path) -> list[str]:
    """Return the queries that a page shows, in its blocks and in its commands."""
    text = page.read_text(encoding="utf-8")
    return [*(dedent(block) for _, block in _BLOCK.findall(text)), *_ANALYTICS_QUERY.findall(text)]
