"""The import contracts of pyproject.toml hold, and each notices an import that breaks it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
JUDGED = re.compile(r"^(.+) (KEPT|BROKEN)(?: \(.+\))?$", re.MULTILINE)

PLANTED = [
    ("decode/scanner.py", "import flowlog_core.forwarding.checkpoint", "imports point down only"),
    ("adapters/credentials.py", "import flowlog_core.wiring", "imports point down only"),
    ("placeless.py", "", "imports point down only"),
    ("operations/status/status.py", "import flowlog_core.operations.report.tally", "an operator's features"),
    ("operations/received_event.py", "import flowlog_core.operations.audit.ledger", "an operator's features"),
    ("cli/status.py", "import flowlog_core.cli.tail", "a command does not know another"),
    ("wiring.py", "import azure.storage.blob", "only adapters know Azure"),
    ("adapters/credentials.py", "import requests", "only the storage adapter knows HTTP"),
    ("adapters/credentials.py", "import azurefunctions", "only its adapter knows the Functions host"),
    ("wiring.py", "import flowlog_core.adapters.functions_host.worker", "only function_app needs the Functions host"),
    ("events/packer.py", "import isal", "isal is imported only where"),
    ("adapters/credentials.py", "import rich", "only the command line needs"),
    ("wiring.py", "import flowlog_core.operations.status.status", "the app needs nothing of an operator's"),
    ("forwarding/checkpoint.py", "import time", "what decides touches neither"),
    ("operations/backfill/stoppable.py", "from os import environ", "what decides touches neither"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what is deployed, and of the contracts."""
    shutil.copytree(ROOT / "flowlog_core", tmp_path / "flowlog_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def add(file: Path, line: str) -> None:
    """Write a line before all others, in a new file where there is none."""
    file.write_text(f"{line}\n{file.read_text() if file.exists() else ''}")


def broken_in(folder: Path) -> list[str]:
    """Run import-linter; return the names of the contracts that are broken."""
    linter = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(linter, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 # a fixed command
    judged = JUDGED.findall(done.stdout)
    assert [name for name, _ in judged] == [contract["name"] for contract in CONTRACTS], done.stdout + done.stderr
    return [name for name, verdict in judged if verdict == "BROKEN"]


def test_no_contract_is_broken(copy: Path) -> None:
    assert broken_in(copy) == []


@pytest.mark.slow
@pytest.mark.parametrize(("file", "line", "contract"), PLANTED, ids=[f"{file}: {line}" for file, line, _ in PLANTED])
def test_an_import_that_breaks_a_contract_is_noticed(copy: Path, file: str, line: str, contract: str) -> None:
    add(copy / "flowlog_core" / file, line)

    assert [name[: len(contract)] for name in broken_in(copy)] == [contract]


def test_each_contract_has_an_import_that_breaks_it() -> None:
    planted = tuple(contract for *_, contract in PLANTED)

    assert [contract["name"] for contract in CONTRACTS if not contract["name"].startswith(planted)] == []


# import-linter reads packages, and function_app is a module: its imports are looked up as it runs.

CONNECTION = "DefaultEndpointsProtocol=https;AccountName=logs;AccountKey=a2V5;EndpointSuffix=core.windows.net"
SETTINGS = {
    "AzureWebJobsStorage": CONNECTION,
    "FlowLogStorage": CONNECTION,
    "FlowLogEventHub": "Endpoint=sb://hub.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=a2V5",
}
LOADED = """
import sys
import function_app
print([name for name in sys.modules if name.startswith(("flowlog_core.operations", "flowlog_core.cli"))])
"""


def loaded_by_the_app(folder: Path) -> str:
    """Load the app; return which modules for operators came with it."""
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, cwd=folder, env=SETTINGS, capture_output=True, text=True, check=True)  # noqa: S603 # a fixed command
    return done.stdout.strip()


def test_the_app_loads_nothing_of_an_operators() -> None:
    assert loaded_by_the_app(ROOT) == "[]"


def test_an_operation_that_the_app_loads_is_noticed(copy: Path) -> None:
    add(copy / "function_app.py", "import flowlog_core.operations.received_event")

    assert "flowlog_core.operations.received_event" in loaded_by_the_app(copy)
