"""What pages written by hand say of the code is so."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.forwarding.outcome import Outcome, PassReport
from flowlog_core.forwarding.run_log import RunSums
from flowlog_core.forwarding.sweep_report import SweepReport
from flowlog_core.source.blob import ByteRange, SourceBlob

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GOLDEN = ROOT / "tests" / "golden"
ENTRY = re.compile(r"( *)([\w.]+(?:\.py|/)) ")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str = "") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text_of(page), re.DOTALL)


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, its header apart."""
    section = text_of(page).split(f"\n{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in table[0].splitlines()[2:]]


def modules_in(tree: str) -> Iterator[str]:
    """Read a tree: each line names a module, or a folder, which stands for its ``__init__.py``."""
    above: list[str] = []
    for line in tree.splitlines():
        entry = ENTRY.match(line)
        assert entry is not None, line
        name = entry[2]
        above[len(entry[1]) // 4 :] = [name.rstrip("/")]
        yield "/".join(above) + ("/__init__.py" if name.endswith("/") else "")


@pytest.mark.parametrize("folder", ["flowlog_core", "local"])
def test_the_page_of_modules_lists_every_module_once_where_it_is(folder: str) -> None:
    (tree,) = [block for block in blocks("docs/modules.md") if block.startswith(f"{folder}/")]
    files = [file.relative_to(ROOT) for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts]

    assert sorted(modules_in(tree)) == sorted(map(str, files))


def test_each_invariant_has_tests_that_exist() -> None:
    named = [
        (file, test)
        for *_, tests in rows("docs/architecture.md", "## Invariants")
        for file, test in re.findall(r"`(tests/[\w/]+\.py)` `(test_\w+)`", tests)
    ]

    assert len(rows("docs/architecture.md", "## Invariants")) == 11
    assert len(named) >= 11
    assert [test for file, test in named if f"\ndef {test}(" not in text_of(file)] == []


def test_the_architecture_has_every_outcome() -> None:
    listed = [row[0].strip("`") for row in rows("docs/architecture.md", "## Progress, lease and outcome")]

    assert listed == [outcome.value for outcome in Outcome]


def test_the_page_of_flows_has_every_event_property_with_its_type() -> None:
    written = EventProperties(
        blob="a/c/n",
        generation=0,
        byte_range=ByteRange(0, 1),
        part=0,
        parts=1,
        flows=1,
        tuples=1,
        quarantined=0,
        first_id="a",
        last_id="a",
        fields=("id",),
        replay="again",
    ).write()

    listed = {row[0].strip("`"): row[1] for row in rows("docs/flow.md", "### Event properties")}
    assert listed == {name: "number" if isinstance(value, int) else "text" for name, value in written.items()}


def test_the_page_of_operations_has_every_log_event() -> None:
    written = {
        name
        for file in [*(ROOT / "flowlog_core" / "forwarding").glob("*.py"), ROOT / "flowlog_core" / "wiring.py"]
        for name in re.findall(r'"(flowlog\.\w+)"', file.read_text(encoding="utf-8"))
    }

    listed = [row[0].strip("`") for row in rows("docs/operations.md", "## Log events")]
    assert sorted(listed) == sorted(written)


RUN = PassReport(SourceBlob("a", "c", "n"), Outcome.COMPLETE)
TIME = datetime(2026, 11, 20, tzinfo=UTC)
REPORTS = {
    "flowlog.run": RUN.fields(),
    "flowlog.runs": RunSums(TIME).fields(TIME),
    "flowlog.sweep": SweepReport(TIME, TIME).fields(),
}


@pytest.mark.parametrize("event", REPORTS)
def test_the_page_of_operations_has_every_field_of_a_report(event: str) -> None:
    described = {row[0].strip("`"): row[1] for row in rows("docs/operations.md", "## Log events")}

    assert re.findall(r"`(\w+)`", described[event]) == list(REPORTS[event])


@pytest.mark.parametrize("page", ["README.md", "docs/flow.md"])
def test_a_flow_that_a_page_shows_is_one_of_a_golden_log(page: str) -> None:
    golden = [json.loads(line) for file in GOLDEN.glob("*.flows.ndjson") for line in file.read_text().splitlines()]

    (shown,) = blocks(page, "json")
    assert json.loads(shown) in golden


def test_the_python_that_the_readme_shows_runs() -> None:
    (code,) = blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 # ours

    assert done.stdout.startswith("[(('")
