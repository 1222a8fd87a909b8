"""One quick run of the bench, which all tests of this folder look at."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A quick run's table, and the file with its JSON."""
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(file)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=180, check=False)  # noqa: S603 # our own program
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout, file
