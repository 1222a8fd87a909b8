"""Splunk's own judge of apps finds nothing in the add-on."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADD_ON = ROOT / "consumers" / "splunk" / "TA-azure-flow-logs"
pytestmark = pytest.mark.outside

Report = dict[str, Any]


def inspected(add_on: Path) -> Report:
    """Run splunk-appinspect with all of its checks; nothing is looked up or sent."""
    program = Path(os.environ.get("APPINSPECT", ROOT / ".venv-appinspect" / "bin" / "splunk-appinspect"))
    assert program.exists(), "splunk-appinspect is not installed: make conformance installs it into .venv-appinspect"
    file = add_on.parent / "report.json"
    command = [
        *(str(program), "inspect", str(add_on), "--mode", "precert", "--skip-trusted-libraries-update"),
        *("--data-format", "json", "--max-messages", "all", "--output-file", str(file)),
    ]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 # fixed arguments
    report: Report = json.loads(file.read_text(encoding="utf-8"))
    return report


def messages(report: Report) -> list[str]:
    """Return what the checks that did not pass say."""
    checks = [check for each in report["reports"] for group in each["groups"] for check in group["checks"]]
    failed = [check for check in checks if check["result"] not in {"success", "not_applicable", "skipped"}]
    return [message["message"] for check in failed for message in check["messages"]]


@pytest.fixture
def add_on(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ADD_ON, tmp_path / ADD_ON.name))


def test_no_check_of_the_add_on_fails_or_warns(add_on: Path) -> None:
    report = inspected(add_on)

    assert messages(report) == []
    assert report["summary"]["error"] == 0
    assert report["summary"]["success"] > 80


def test_a_broken_copy_is_found(add_on: Path) -> None:
    with (add_on / "default" / "props.conf").open("a", encoding="utf-8") as file:
        file.write("\n[default]\nTRUNCATE = 0\n")

    assert any("default" in message for message in messages(inspected(add_on)))
