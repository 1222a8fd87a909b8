"""The app's settings in a local run are its own, and another shell can take them over."""

import os
import subprocess
from pathlib import Path

import pytest

from local.app_settings import SettingsFile, without_app_settings

SETTINGS = {"FlowLogStorage": 'AccountName=a;Note=it\'s "$HOME" `here`;', "FLOWLOG_START": "all"}


def source(file: Path, command: str, shell: str = "sh", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  a fixed command
        [shell, "-c", f". {file}; {command}"], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_the_apps_settings_are_taken_out_of_an_environment() -> None:
    environment = {
        "PATH": "/bin",
        "Other": "kept",
        "FLOWLOG_FIELDS": "id",
        "FLOWLOG_NO_SUCH": "x",
        "FlowLogStorage": "x",
        "FlowLogStorage__accountName": "x",
        "FlowLogEventHub__fullyQualifiedNamespace": "x",
        "AzureWebJobsStorage__blobServiceUri": "x",
        "AzureWebJobs_sweep_Disabled": "1",
    }

    assert without_app_settings(environment) == {"PATH": "/bin", "Other": "kept"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_that_sources_the_file_has_the_settings_and_no_others(tmp_path: Path, shell: str) -> None:
    file = tmp_path / "env.sh"
    with SettingsFile(file, SETTINGS):
        other = {"FLOWLOG_FIELDS": "id", "FLOWLOG_START": "now", "FlowLogStorage__accountName": "x", "Other": "kept"}
        done = source(file, "env", shell, **other)

    lines = done.stdout.splitlines()
    found = {name: value for name, _, value in (line.partition("=") for line in lines)}
    assert done.stderr == ""
    assert {name: value for name, value in found.items() if "low" in name or "FLOW" in name} == SETTINGS
    assert found["Other"] == "kept"


def test_the_command_line_is_at_hand_in_any_folder(tmp_path: Path) -> None:
    file = tmp_path / "env.sh"
    with SettingsFile(file, SETTINGS):
        done = source(file, f"cd '{tmp_path}' && flowlog tail --help")

    assert "usage: flowlog tail" in done.stdout


def test_the_file_is_for_its_owner_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "env.sh"
    with SettingsFile(file, SETTINGS):
        assert file.stat().st_mode & 0o777 == 0o600

    assert list(file.parent.iterdir()) == []


def test_what_a_killed_run_has_left_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "env.sh"
    file.write_text("export FLOWLOG_START=now\n")
    file.chmod(0o644)
    with SettingsFile(file, SETTINGS):
        assert source(file, 'echo "$FLOWLOG_START"').stdout == "all\n"
        assert file.stat().st_mode & 0o777 == 0o600

    assert not file.exists()


def test_what_a_newer_run_has_written_stays_when_an_older_one_ends(tmp_path: Path) -> None:
    file = tmp_path / "env.sh"
    newer = SettingsFile(file, {"FLOWLOG_START": "now"})
    with SettingsFile(file, SETTINGS):
        newer.__enter__()

    assert source(file, 'echo "$FLOWLOG_START"').stdout == "now\n"


def test_the_commands_complain_once_their_run_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "env.sh"
    code = f"from pathlib import Path; from local.app_settings import SettingsFile as File; File(Path('{file}'), {{}})"
    subprocess.run(["python3", "-c", f"{code}.__enter__()"], check=True)  # noqa: S603, S607  leaves it, as if killed

    assert "this run has ended" in source(file, "true").stderr
