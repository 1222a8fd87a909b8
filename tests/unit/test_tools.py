"""A test that needs a program is skipped where there is none, and fails where the machine is meant to have it."""

import sys
from pathlib import Path

import pytest

from tests.support.tools import require_tool


def test_a_program_on_the_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))

    assert require_tool(python.name) == str(python)


@pytest.mark.parametrize("required", ["", "bicep", "bicep,chromiums"])
def test_without_the_program_a_test_is_skipped(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("REQUIRE", required)

    with pytest.raises(pytest.skip.Exception, match="there is no chromium on the PATH"):
        require_tool("chromium")


def test_without_a_required_program_a_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("REQUIRE", "bicep,chromium")

    with pytest.raises(pytest.fail.Exception, match="REQUIRE names it"):
        require_tool("chromium")
