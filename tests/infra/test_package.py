"""What is deployed to the app is the app, and nothing else of this folder."""

import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = {"flowlog_core", "function_app.py", "host.json", "requirements.txt"}


def test_the_remote_build_gets_the_app_alone() -> None:
    ignored = (ROOT / ".funcignore").read_text(encoding="utf-8").split()
    names = {path.name for path in ROOT.iterdir()}

    assert {name for name in names if not any(fnmatch.fnmatch(name, each) for each in ignored)} == APP
    # What some machines have beside them, with addresses or secrets.
    assert {".azure", ".env", ".venv", ".local", "local.settings.json", "release"} <= set(ignored)
