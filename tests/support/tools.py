"""Programs and files of others that some tests need, and that a machine may not have."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require_tool(name: str) -> str:
    """Return the path of a program; where there is none on the PATH, skip the test.

    Where the environment variable REQUIRE names the program (several with commas between them), the test fails
    instead: so a machine that is meant to have it does not pass for want of it.

    """
    path = shutil.which(name)
    return path or _miss(f"there is no {name} on the PATH", name)


def require_file(variable: str, name: str) -> Path:
    """Return the path that an environment variable holds; where it is not set, skip the test.

    Where REQUIRE has the file's name, the test fails instead.

    """
    path = os.environ.get(variable)
    return Path(path) if path else _miss(f"{variable} is not set", name)


def _miss(missing: str, name: str) -> NoReturn:
    if name in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"{missing}, and REQUIRE names it")
    pytest.skip(missing)
