"""Microsoft's language service for Kusto finds nothing wrong with any query, in files, the workbook or the docs."""

from pathlib import Path

import pytest

from tests.infra.test_queries import queries
from tests.support.kusto import Database, faults, queries_of_page

ROOT = Path(__file__).resolve().parents[2]
# learn.microsoft.com, "Application Insights telemetry data model": what our queries use of the tables.
LOGS = Database(
    {
        "traces": "(timestamp: datetime, message: string, severityLevel: int, operation_Id: string)",
        "requests": "(timestamp: datetime, name: string, success: bool, resultCode: string, duration: real)",
        "exceptions": "(timestamp: datetime, type: string, outerMessage: string, operation_Id: string)",
    }
)


def documented() -> dict[str, str]:
    """Return the queries of the pages, by page and number; those of docs/consumers ask other tables."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {f"{page.name} {number}": query for page in pages for number, query in enumerate(queries_of_page(page), 1)}


def test_every_query_is_sound() -> None:
    asked = queries() | documented()

    assert any(name.startswith("operations.md") for name in asked)
    assert any(name.startswith("deploy.md") for name in asked)
    assert {name: messages for name, messages in faults(asked, LOGS).items() if messages} == {}


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

    assert expected in "".join(faults({"lag": query.replace(old, new, 1)}, LOGS)["lag"])
