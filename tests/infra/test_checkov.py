"""checkov finds no weakness in what deployments would make but those that a comment accepts, with its reason."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.predictions import Prediction

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.outside

SKIP = re.compile(r"// checkov:skip=(CKV_AZURE_\d+): (.{20,})")
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
Report = dict[str, Any]


def weaken(text: str) -> str:
    """Return a template with a public container and an old TLS."""
    return text.replace('"publicAccess": "None"', '"publicAccess": "Blob"').replace('"TLS1_2"', '"TLS1_0"')


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, predicted: Callable[[str], Prediction]) -> Report:
    """Run checkov once: on what several ways of deploying make, and on a copy with weaknesses."""
    folder = tmp_path_factory.mktemp("checkov")
    for way in ("default", "private", "flow log with locks"):
        template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": predicted(way).resources}
        text = json.dumps(template, indent=1)
        (folder / f"{way}.json").write_text(text, encoding="utf-8")
        if way == "private":
            (folder / "weak.json").write_text(weaken(text), encoding="utf-8")

    program = Path(os.environ.get("CHECKOV", ROOT / ".venv-checkov" / "bin" / "checkov"))
    assert program.exists(), "checkov is not installed: make conformance installs it into .venv-checkov"
    # Nothing is looked up or sent.
    command = [str(program), "--directory", str(folder), "--framework", "arm", "--skip-download", "--output", "json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # fixed arguments
    found: Report = json.loads(done.stdout)
    return found


def failed(report: Report, way: str) -> set[str]:
    """Return the ids of the checks that fail in one way of deploying."""
    return {each["check_id"] for each in report["results"]["failed_checks"] if each["file_path"] == f"/{way}.json"}


def accepted() -> dict[str, str]:
    """Return the ids of the checks that comments accept, and the reasons."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "infra").rglob("*.bicep")]
    found = {match[1]: match[2] for text in texts for match in SKIP.finditer(text)}
    assert len(found) == sum(text.count("checkov:skip=") for text in texts), "one is accepted twice or without a reason"
    return found


def test_no_check_fails_but_those_that_a_comment_accepts(report: Report) -> None:
    # checkov ends with 0 where it could not parse a file, and says so only here.
    assert report["results"]["parsing_errors"] == []
    assert len(report["results"]["passed_checks"]) > 20
    assert failed(report, "default") | failed(report, "flow log with locks") == accepted().keys()
    assert failed(report, "private") < accepted().keys()


def test_a_public_container_and_an_old_tls_in_a_copy_are_found(report: Report) -> None:
    assert failed(report, "weak") - failed(report, "private") == {"CKV_AZURE_34", "CKV_AZURE_44"}
