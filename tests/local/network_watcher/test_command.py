"""The simulator's command line writes the same logs every time, and ends as a command should."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.network_watcher.__main__ import main
from tests.local.network_watcher.flow_log_reader import documents

ROOT = Path(__file__).parents[3]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local.network_watcher", *arguments]


def test_the_command_writes_the_same_files_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--interfaces",
        "5",
        "--flows-per-minute",
        "20",
        "--minutes",
        "3",
        "--start",
        "2026-11-20T09:58",
        "--hostile",
    ]
    assert main([*arguments, "--out", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 minutes: 15 appends, ")
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    subprocess.run(  # noqa: S603  a fixed command
        command(*arguments, "--out", str(tmp_path / "two")), cwd=ROOT, env=environment, check=True, capture_output=True
    )
    assert documents(tmp_path / "one") == documents(tmp_path / "two")
    assert len(documents(tmp_path / "one")) == 10


def test_control_c_ends_the_command_with_a_summary(tmp_path: Path) -> None:
    arguments = command("--out", str(tmp_path), "--interval", "60")
    with subprocess.Popen(  # noqa: S603  a fixed command
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert "5 appends" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out.splitlines()[-1].startswith("1 minutes: 5 appends, ")
    assert (process.returncode, err) == (0, "")


def test_the_command_writes_a_backlog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--backlog-mib", "1"]) == 0
    assert "flows=" in capsys.readouterr().out
    assert len(documents(tmp_path)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--out", "x", "--connection-string", "y"],
        ["--out", "x", "--interfaces", "0"],
        ["--out", "x", "--start", "soon"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_connection_string_that_is_none_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--connection-string", "nonsense", "--minutes", "1"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
