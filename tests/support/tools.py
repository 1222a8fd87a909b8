"""Programs of others that some tests need, and that a machine may not have."""

import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """Return the path of a program; where there is none on the PATH, skip the test.

    Where the environment variable REQUIRE names the program (several with commas between them), the test fails
    instead: so a machine that is meant to have it does not pass for want of it.

    """
    path = shutil.which(name)
    if path is not None:
        return path
    missing = f"there is no {name} on the PATH"
    if name in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"{missing}, and REQUIRE names it")
    pytest.skip(missing)
