"""What the project says of itself holds: its packages, what is deployed, the length of files, what is referred to."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from flowlog_core import __version__

ROOT = Path(__file__).resolve().parents[2]

MOST_LINES = 400
NOT_BY_HAND = {"docs/cli.md", "infra/azuredeploy.json", "docs/schemas/flow-1.json", "local/package-lock.json"}


def lines_of(file: str) -> list[str]:
    return (ROOT / file).read_text().splitlines()


def names_of(file: str) -> list[str]:
    return [line.split("==")[0].lower() for line in lines_of(file) if "==" in line]


def test_requirements_pin_what_pyproject_names() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]

    assert set(project["dependencies"]) <= set(names_of("requirements.txt"))
    beside = [*project["optional-dependencies"].values(), *pyproject["dependency-groups"].values()]
    pinned = {*names_of("requirements-dev.txt"), *names_of("local/requirements-node.txt")}
    assert {name for names in beside for name in names} <= pinned


def test_the_app_is_deployed_without_what_it_does_not_need() -> None:
    patterns = [line.rstrip("/") for name in (".funcignore", ".gitignore") for line in lines_of(name)]
    of_an_editor = {path.name for path in ROOT.glob(".*/")}
    there = {path.name for path in ROOT.iterdir()} - of_an_editor
    deployed = {name for name in there if not any(fnmatch(name, pattern) for pattern in patterns)}

    assert deployed == {"flowlog_core", "function_app.py", "host.json", "requirements.txt"}
    assert {".ci", ".git*", ".venv", "node_modules", "local.settings.json"} <= set(lines_of(".funcignore"))
    assert set(names_of("requirements.txt")) & {"rich", "pytest", "hypothesis", "azure-functions-runtime"} == set()


def test_the_version_is_that_of_the_newest_release_in_the_changelog() -> None:
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert __version__ == releases[0]


def test_no_file_is_too_long_to_read() -> None:
    ignored = {line.rstrip("/") for line in lines_of(".gitignore")} | {".git", "golden"}
    longer = set()
    for folder, folders, names in ROOT.walk():
        folders[:] = [name for name in folders if name not in ignored]
        for name in names:
            file = folder / name
            if name not in ignored and file.read_bytes().count(b"\n") > MOST_LINES:
                longer.add(file.relative_to(ROOT).as_posix())

    assert longer == NOT_BY_HAND


def test_what_contributors_are_referred_to_exists() -> None:
    paths = re.findall(r"`((?:\.github|flowlog_core|infra|local|tests)/[^`]*)`", (ROOT / "CONTRIBUTING.md").read_text())

    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []
