"""Microsoft's language service for Kusto finds nothing wrong with any query, in files, the workbook or the docs."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from local.azurite import find_node
from tests.infra.test_queries import queries

ROOT = Path(__file__).resolve().parents[2]
CHECK = Path(__file__).with_name("kusto") / "check.mjs"
# learn.microsoft.com, "Application Insights telemetry data model": what our queries use of the tables.
TABLES = {
    "traces": "(timestamp: datetime, message: string, severityLevel: int, operation_Id: string)",
    "requests": "(timestamp: datetime, name: string, success: bool, resultCode: string, duration: real)",
    "exceptions": "(timestamp: datetime, type: string, outerMessage: string, operation_Id: string)",
}
BLOCK = re.compile(r"^```(?:kusto|kql)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANALYTICS_QUERY = re.compile(r"--analytics-query \\\n +'(.*?)'", re.DOTALL)


def documented() -> dict[str, str]:
    """Return the queries of the pages, by page and number."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    return {
        f"{name} {number}": query
        for name, text in texts.items()
        for number, query in enumerate([*BLOCK.findall(text), *ANALYTICS_QUERY.findall(text)], 1)
    }


def faults(asked: dict[str, str]) -> dict[str, list[str]]:
    """Return what the language service has to say of each query."""
    done = subprocess.run(  # noqa: S603 # fixed arguments
        [find_node(), str(CHECK)],
        input=json.dumps({"tables": TABLES, "queries": asked}),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"is the language service there (make set-up)? {done.stderr}"
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_query_is_sound() -> None:
    asked = queries() | documented()

    assert any(name.startswith("operations.md") for name in asked)
    assert any(name.startswith("deploy.md") for name in asked)
    assert {name: messages for name, messages in faults(asked).items() if messages} == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("traces", "trace", "'trace'"),
        ("where message", "where mesage", "'mesage'"),
        ("todouble(", "todubble(", "todubble"),
        ("summarize", "sumarize", "operator expected"),
        ("max(lag)", "max(lags)", "'lags'"),
    ],
)
def test_what_is_wrong_in_a_query_is_found(old: str, new: str, expected: str) -> None:
    query = queries()["lag.kql"]
    assert old in query

    assert expected in "".join(faults({"lag": query.replace(old, new, 1)})["lag"])
