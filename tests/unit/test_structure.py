"""Package, requirements and changelog agree, the app is deployed without what it does not need, files are short."""

import re
import tomllib
from pathlib import Path

from flowlog_core import __version__

ROOT = Path(__file__).resolve().parents[2]
FIRST_RELEASE = "0.1.0"
"""What the changelog has under Unreleased before any release."""

MOST_LINES = 400
NOT_BY_HAND = {"docs/cli.md", "local/package-lock.json"}


def names_of(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [line.split("==")[0].lower() for line in lines if "==" in line]


def test_requirements_pin_what_pyproject_names() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]

    assert set(project["dependencies"]) <= set(names_of("requirements.txt"))
    beside = [*project["optional-dependencies"].values(), *pyproject["dependency-groups"].values()]
    pinned = {*names_of("requirements-dev.txt"), *names_of("local/requirements-node.txt")}
    assert {name for names in beside for name in names} <= pinned


def test_the_app_is_deployed_without_what_it_does_not_need() -> None:
    ignored = (ROOT / ".funcignore").read_text().split()

    assert {"local", "tests", "docs", ".venv", "local.settings.json"} <= set(ignored)
    assert set(names_of("requirements.txt")) & {"rich", "pytest", "hypothesis", "azure-functions-runtime"} == set()


def test_the_version_is_that_of_the_newest_release_in_the_changelog() -> None:
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert __version__ == next(iter(releases), FIRST_RELEASE)


def test_no_file_is_too_long_to_read() -> None:
    ignored = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()} | {".git", "golden"}
    longer = set()
    for folder, folders, names in ROOT.walk():
        folders[:] = [name for name in folders if name not in ignored]
        for name in names:
            file = folder / name
            if name not in ignored and file.read_bytes().count(b"\n") > MOST_LINES:
                longer.add(file.relative_to(ROOT).as_posix())

    assert longer == NOT_BY_HAND
