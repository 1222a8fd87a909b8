"""A test that needs what a machine may lack is skipped without it, and fails where the machine is meant to have it."""

import sys
from pathlib import Path

import pytest

from tests.support.tools import require_file, require_tool


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


def test_a_file_that_a_variable_names_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDS", "/a/fields.csv")

    assert require_file("FIELDS", "fields") == Path("/a/fields.csv")


def test_without_the_variable_a_test_is_skipped_or_fails_where_the_file_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FIELDS", raising=False)

    monkeypatch.setenv("REQUIRE", "bicep")
    with pytest.raises(pytest.skip.Exception, match="FIELDS is not set"):
        require_file("FIELDS", "fields")
    monkeypatch.setenv("REQUIRE", "bicep,fields")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE names it"):
        require_file("FIELDS", "fields")
