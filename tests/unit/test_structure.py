"""What the project says of itself holds: its packages, what is deployed, the length of files, what is referred to."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from flowlog_core import __version__

ROOT = Path(__file__).resolve().parents[2]

MOST_LINES = 400
NOT_BY_HAND = {
    "docs/cli.md",
    "infra/azuredeploy.json",
    "local/package-lock.json",
    "local/requirements-supply-chain.txt",
    "requirements-dev.txt",
    "requirements.txt",
    "tests/consumers/requirements-appinspect.txt",
    "tests/infra/requirements-checkov.txt",
}
OF_GROUPS = {
    "node": "local/requirements-node.txt",
    "supply-chain": "local/requirements-supply-chain.txt",
    "checkov": "tests/infra/requirements-checkov.txt",
    "appinspect": "tests/consumers/requirements-appinspect.txt",
}


def lines_of(file: str) -> list[str]:
    return (ROOT / file).read_text().splitlines()


def names_of(file: str) -> list[str]:
    return [name for name, _ in pins_of(file)]


def pins_of(file: str) -> list[tuple[str, str]]:
    """Return the name and the version of each package that a file pins."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE)
    return [(re.sub(r"[-_.]+", "-", name.lower()), version) for name, version in found]


def named(specifiers: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", specifier.partition(";")[0].strip().lower()) for specifier in specifiers}


def test_requirements_pin_what_pyproject_names() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]

    assert named(project["dependencies"]) <= set(names_of("requirements.txt"))
    groups = pyproject["dependency-groups"]
    of_the_checkout = [*project["optional-dependencies"].values(), groups["local"], groups["test"]]
    assert named([name for names in of_the_checkout for name in names]) <= set(names_of("requirements-dev.txt"))
    assert {group: named(groups[group]) <= set(names_of(file)) for group, file in OF_GROUPS.items()} == dict.fromkeys(
        OF_GROUPS, True
    )
    assert groups.keys() == {"local", "test", *OF_GROUPS}


def test_tests_run_with_the_versions_that_are_deployed() -> None:
    assert set(pins_of("requirements.txt")) <= set(pins_of("requirements-dev.txt"))


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", *OF_GROUPS.values()])
def test_every_package_is_pinned_with_the_hashes_of_its_files(file: str) -> None:
    text = (ROOT / file).read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())

    assert len(entries) == len(pins_of(file)) > 0
    hashed = re.compile(r"\S+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries if not hashed.fullmatch(entry)] == []


def test_whatever_is_installed_is_checked_by_its_hash_and_runs_no_script_of_a_package() -> None:
    installs = [line for file in ("Makefile", "local/set_up.sh") for line in lines_of(file) if "pip install" in line]
    assert [line for line in installs if "--require-hashes" not in line and not line.lstrip().startswith("#")] == []
    assert len(installs) == 4
    npm = [line for line in lines_of("local/set_up.sh") if '"$npm" ci' in line]
    assert ["--ignore-scripts" in line for line in npm] == [True, True]


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
