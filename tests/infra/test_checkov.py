"""checkov finds no weakness in the templates, and what it must not look at is told where it is, with the reason."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
pytestmark = pytest.mark.outside

SKIP = re.compile(r"// checkov:skip=(CKV_AZURE_\d+)(.*)")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run checkov once, on three folders: the templates as they are, without their skips, and broken ones."""
    folder = tmp_path_factory.mktemp("checkov")
    for name in ("asis", "unskipped", "broken"):
        (folder / name).mkdir()
    for path in INFRA.glob("*.bicep"):
        text = path.read_text(encoding="utf-8")
        shutil.copy(path, folder / "asis")
        if SKIP.search(text):
            (folder / "unskipped" / path.name).write_text(SKIP.sub("", text), encoding="utf-8")
    weak = (INFRA / "storageAccount.bicep").read_text(encoding="utf-8")
    weak = weak.replace("publicAccess: 'None'", "publicAccess: 'Blob'").replace("'TLS1_2'", "'TLS1_0'")
    (folder / "broken" / "weak.bicep").write_text(weak, encoding="utf-8")
    (folder / "broken" / "unparsable.bicep").write_text("resource = {\n", encoding="utf-8")

    program = Path(os.environ.get("CHECKOV", ROOT / ".venv-checkov" / "bin" / "checkov"))
    assert program.exists(), "checkov is not installed: make set-up installs it into .venv-checkov"
    # Nothing is looked up or sent.
    command = [str(program), "--directory", str(folder), "--framework", "bicep", "--skip-download", "--output", "json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 # fixed arguments
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def failed(report: dict[str, Any], folder: str) -> set[tuple[str, str]]:
    """Give the failed checks in a folder: id of the check, name of the file."""
    places = [(check["check_id"], check["file_path"].split("/")) for check in report["results"]["failed_checks"]]
    return {(check, path[-1]) for check, path in places if folder in path}


def test_no_check_fails(report: dict[str, Any]) -> None:
    assert failed(report, "asis") == set()
    assert sum("/asis/" in check["file_path"] for check in report["results"]["passed_checks"]) > 20


def test_every_file_is_parsed_and_one_that_cannot_be_is_told(report: dict[str, Any]) -> None:
    # checkov ends with 0 where it could not parse a file, and says so only here.
    assert [Path(path).name for path in report["results"]["parsing_errors"]] == ["unparsable.bicep"]


def test_what_is_skipped_has_its_reason_and_would_fail(report: dict[str, Any]) -> None:
    skips = [
        (match[1], match[2], path.name)
        for path in sorted(INFRA.glob("*.bicep"))
        for match in SKIP.finditer(path.read_text(encoding="utf-8"))
    ]

    assert all(reason.startswith(": ") and len(reason) > len(": because") for _, reason, _ in skips)
    assert failed(report, "unskipped") == {(check, file) for check, _, file in skips}


def test_a_public_container_and_an_old_tls_in_a_copy_are_found(report: dict[str, Any]) -> None:
    assert failed(report, "broken") == {("CKV_AZURE_34", "weak.bicep"), ("CKV_AZURE_44", "weak.bicep")}
