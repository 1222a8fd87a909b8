"""What a deployment reads from the environment can't be taken for an app setting.

Names that begin with `FLOWLOG_` are the app's. One that a person exports for a deployment would reach the command line
in the same shell.
"""

import re
from pathlib import Path

from flowlog_core.settings.table import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
READ = {
    "*.py": r"""os\.environ(?:\.get\(|\[)["'](\w+)["']|os\.getenv\(["'](\w+)["']""",
    "*.bicep*": r"readEnvironmentVariable\('(\w+)'",
}
KEPT_BY_SCRIPTS = r'"env", "set", "(\w+)"'
SET_BY_PEOPLE = r"(?:azd env set|export) (\w+)"
PLATFORMS = {"AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION", "AZURE_RESOURCE_GROUP"}  # of azd itself


def names_read() -> set[str]:
    """Give the names that scripts and templates read from the environment."""
    return {
        name
        for pattern, reading in READ.items()
        for file in INFRA.rglob(pattern)
        for match in re.finditer(reading, file.read_text(encoding="utf-8"))
        for name in match.groups()
        if name
    }


def test_no_name_that_a_script_or_a_template_reads_is_one_of_the_apps() -> None:
    read = names_read()
    assert {name for name in read if name.startswith("DEPLOY_")} == {
        "DEPLOY_FLOW_LOG_TARGET",
        "DEPLOY_OWNER_ASSIGNS_ROLES",
        "DEPLOY_SOURCES",
        "DEPLOY_SOURCE_IDS",
    }
    assert [name for name in read if name.startswith("FLOWLOG_")] == []


def test_what_people_and_scripts_set_is_what_is_read() -> None:
    documented = re.findall(SET_BY_PEOPLE, (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8"))
    kept = re.findall(KEPT_BY_SCRIPTS, (INFRA / "scripts" / "find_sources.py").read_text(encoding="utf-8"))
    assert kept == ["DEPLOY_SOURCES"]
    assert {*documented, *kept} <= names_read() | PLATFORMS


def test_every_name_of_the_apps_in_scripts_and_templates_is_a_setting() -> None:
    texts = [file.read_text(encoding="utf-8") for file in [*INFRA.rglob("*.*"), ROOT / "azure.yaml"]]
    named = {name for text in texts for name in re.findall(r"\bFLOWLOG_[A-Z_]*[A-Z]", text)}
    assert named <= {setting.name for setting in SETTINGS}
    assert "FLOWLOG_SOURCES" in named
